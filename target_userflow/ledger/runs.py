"""The runs that are alive, and what each of them has of the limits that they share.

Each run has a row for each product that it writes to. It renews the row once a second; a row that
is not renewed for `LEASE` seconds is that of a run that died, and counts no more.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from target_userflow.config.ledger_url import is_sqlite, url_of
from target_userflow.ledger.claims import LEASE, Claim
from target_userflow.ledger.database import failing
from target_userflow.ledger.engine import engine_of, small_file_engine
from target_userflow.ledger.ledger import INTENT_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.clock import Clock

_FORGOTTEN = 3600.0  # seconds after which the row of a run that died is deleted
_LOCK = int.from_bytes(b"runs", "big")  # of those that renew at the same time

_runs = sa.Table(
    "ledger_runs",
    sa.MetaData(),  # apart from the ledger's own: nothing in it outlives a run
    sa.Column("owner", sa.LargeBinary(INTENT_SIZE), primary_key=True),
    sa.Column("limits", sa.LargeBinary(16), primary_key=True),
    sa.Column("wants", sa.Float(53), nullable=False),
    sa.Column("part", sa.Float(53), nullable=False),
    sa.Column("refused_until", sa.Float(53), nullable=False),
    sa.Column("until", sa.Float(53), nullable=False),
)


class Runs:
    """The rows of the runs that share a ledger.

    All methods raise StorageError if the database can't be read and written.
    """

    def __init__(self, setting: str, clock: Clock) -> None:
        """Open the database, and make the table where it is missing.

        Args:
            setting: A SQLAlchemy URL, or the path of a SQLite file that holds nothing else.
            clock: The time of rows in a file; in PostgreSQL its server's counts.

        Raises:
            StorageError: the database can't be opened.
        """
        self._url = url_of(setting)
        self._clock = clock
        self.token = secrets.token_bytes(INTENT_SIZE)
        """What tells this run from others."""
        with failing(self._url):
            is_file = is_sqlite(self._url)
            self._engine = small_file_engine(self._url) if is_file else engine_of(self._url)
            with self._engine.begin() as connection:
                now, _ = self._take_turn(connection)
                _runs.create(connection, checkfirst=True)
                connection.execute(sa.delete(_runs).where(_runs.c.until < now - _FORGOTTEN))

    def renew(self, limits: bytes, decide: Callable[[Sequence[Claim]], Claim]) -> list[Claim]:
        """Renew this run's row, in three statements: no other run decides at the same time.

        Args:
            limits: What tells these limits from others, 16 bytes.
            decide: What this run says of itself, given what the others say.

        Returns:
            What the others that are alive say.
        """
        with failing(self._url), self._engine.begin() as connection:
            now, began = self._take_turn(connection)
            rows = connection.execute(sa.select(_runs).where(_runs.c.limits == limits)).all()
            alive = [row for row in rows if row.owner != self.token and _ends(row, began) > now]
            others = [
                Claim(row.wants, row.part, max(0.0, row.refused_until - now)) for row in alive
            ]
            own = decide(others)
            connection.execute(self._upsert(), self._row(limits, own, now))
        return others

    def alive(self) -> set[bytes]:
        """Return the tokens of all runs that are alive."""
        with failing(self._url), self._engine.begin() as connection:
            now, began = self._now(connection)
            rows = connection.execute(sa.select(_runs.c.owner, _runs.c.until)).all()
        return {bytes(row.owner) for row in rows if _ends(row, began) > now}

    def leave(self) -> None:
        """Delete this run's rows, so that others have its part at once, and close."""
        try:
            with failing(self._url), self._engine.begin() as connection:
                connection.execute(sa.delete(_runs).where(_runs.c.owner == self.token))
        finally:
            self._engine.dispose()

    def _row(self, limits: bytes, own: Claim, now: float) -> dict[str, Any]:
        return {
            "owner": self.token,
            "limits": limits,
            "wants": own.wants,
            "part": own.part,
            "refused_until": now + own.refused_for if own.refused_for > 0 else 0.0,
            "until": now + LEASE,
        }

    def _upsert(self) -> Any:
        statement = _INSERTS[self._url.get_backend_name()](_runs)
        columns = ("wants", "part", "refused_until", "until")
        return statement.on_conflict_do_update(
            index_elements=["owner", "limits"],
            set_={name: statement.excluded[name] for name in columns},
        )

    def _take_turn(self, connection: sa.Connection) -> tuple[float, float]:
        """Wait for others that renew; the time now, and when the server began."""
        if is_sqlite(self._url):  # each transaction locks the file
            return self._now(connection)
        return self._now(connection, sa.func.pg_advisory_xact_lock(_LOCK))

    def _now(self, connection: sa.Connection, *first: Any) -> tuple[float, float]:
        if is_sqlite(self._url):
            return self._clock.now().timestamp(), 0.0
        times = (sa.func.clock_timestamp(), sa.func.pg_postmaster_start_time())
        seconds = [sa.cast(sa.extract("epoch", one), sa.Float(53)) for one in times]
        *_, now, began = connection.execute(sa.select(*first, *seconds)).one()
        return now, began


def _ends(row: Any, began: float) -> float:
    """When a row ends: after a restart of the server everybody has the time to renew it."""
    ends: float = max(row.until, began + LEASE) if row.until > began - LEASE else row.until
    return ends


_INSERTS: dict[str, Any] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
