"""The rows of the runs that are alive: in PostgreSQL, and in a file for the runs of one machine."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from target_userflow.clock import Clock
from target_userflow.ledger.claims import Claim
from target_userflow.ledger.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.postgres import Database

LIMITS = b"l" * 16


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where runs meet."""
    if request.param == "sqlite":
        return str(tmp_path / "limits.db")
    database: Database = request.getfixturevalue("postgres").create(f"runs_{uuid.uuid4().hex}")
    return database.url.replace("://", "+psycopg://")


@pytest.fixture
def two(place: str) -> Iterator[tuple[Runs, Runs]]:
    """Two runs that share it."""
    runs = Runs(place, Clock()), Runs(place, Clock())
    yield runs
    for one in runs:
        one.leave()


def heard(run: Runs, claim: Claim) -> list[Claim]:
    """What a run hears of the others as it renews its own row."""
    told: list[Claim] = []

    def decide(others: Sequence[Claim]) -> Claim:
        told.extend(others)
        return claim

    run.renew(LIMITS, decide)
    return told


def end_leases(place: str) -> None:
    """Let all that was said be too long ago."""
    engine = sa.create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.begin() as connection:
        connection.execute(sa.text("update ledger_runs set until = 0"))
    engine.dispose()


def test_runs_hear_of_each_other_until_a_lease_is_over(place: str, two: tuple[Runs, Runs]) -> None:
    """A run that died counts no more; one that renews its row is alive again."""
    first, second = two
    assert heard(first, Claim(1.0, 0.75)) == []
    assert heard(second, Claim(0.5, 0.25)) == [Claim(1.0, 0.75)]
    assert heard(first, Claim(1.0, 0.5)) == [Claim(0.5, 0.25)]
    assert first.alive() == {first.token, second.token}
    end_leases(place)
    assert first.alive() == set()
    assert heard(second, Claim(0.5, 0.25)) == []
    assert first.alive() == {second.token}


def test_a_run_that_leaves_gives_its_part_back_at_once(place: str, two: tuple[Runs, Runs]) -> None:
    """No lease has to end for that."""
    first, _ = two
    third = Runs(place, Clock())
    heard(third, Claim(1.0, 1.0))
    third.leave()
    assert heard(first, Claim(1.0, 0.5)) == []


def test_the_end_of_a_pause_is_the_same_for_all(two: tuple[Runs, Runs]) -> None:
    """Whatever the clocks of their machines say."""
    first, second = two
    heard(first, Claim(1.0, 0.5, refused_for=20.0))
    (claim,) = heard(second, Claim(1.0, 0.5))
    assert 10 < claim.refused_for <= 20


def test_other_limits_are_other_rows(two: tuple[Runs, Runs]) -> None:
    """Two products, or two accounts, have nothing to divide."""
    first, second = two
    first.renew(b"m" * 16, lambda _: Claim(1.0, 1.0))
    assert heard(second, Claim(1.0, 1.0)) == []
    assert second.alive() == {first.token, second.token}
