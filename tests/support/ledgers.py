"""Ledgers of the tests: a sandbox, a database of either kind, and runs that share both."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from support.taps import run_here

from target_userflow.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path

    from support.taps import Counted

    from target_userflow.sandbox import Sandbox


class Day(Clock):
    """The time of the machine, on the n-th day after one."""

    def __init__(self, number: int) -> None:
        """Count from any day."""
        super().__init__()
        self._number = number

    def now(self) -> datetime:
        """The wall clock."""
        return datetime(2024, 2, 27, 12, tzinfo=timezone.utc) + timedelta(days=self._number)


@dataclass
class Bench:
    """A sandbox, a ledger, and runs that share both."""

    sandbox: Sandbox
    directory: Path
    ledger: str

    def run(self, *messages: Any, day: int = 0, **config: Any) -> Counted:
        """One run of the target."""
        settings = {**self.sandbox.config, "ledger": self.ledger, **config}
        return run_here(self.directory, settings, messages, clock=Day(day))

    def sql(self, *statements: str) -> list[str]:
        """Change the database behind the ledger's back, and tell which tables there are."""
        where = self.ledger if "://" in self.ledger else f"sqlite:///{self.ledger}"
        engine = sa.create_engine(where)
        with engine.begin() as connection:
            for one in statements:
                connection.execute(sa.text(one))
        tables = sa.inspect(engine).get_table_names()
        engine.dispose()
        return tables

    @property
    def sent(self) -> list[Any]:
        """What of the bodies tells one from the other, in the order of arrival."""
        bodies = [one["body"] for one in self.sandbox.requests()]
        return [(one.get("memberships") or [one])[0]["attributes"] for one in bodies]


@pytest.fixture(params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Bench:
    """The same table of behaviours for both."""
    if request.param == "sqlite":
        return Bench(sandbox, tmp_path, str(tmp_path / "ledger.db"))
    database = request.getfixturevalue("postgres").create(f"ledger_{uuid.uuid4().hex}")
    return Bench(sandbox, tmp_path, database.url.replace("://", "+psycopg://"))
