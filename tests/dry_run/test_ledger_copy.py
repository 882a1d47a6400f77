"""The ledger that a dry run reads: a copy of it, whatever holds it and whoever else has it."""

from __future__ import annotations

import shutil
import uuid
from itertools import count
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from target_userflow.dry_run.ledger_copy import LedgerCopy
from target_userflow.errors import StorageError
from target_userflow.ledger.delivered_rows import DeliveredRows
from target_userflow.ledger.ledger import DELIVERED, digest
from target_userflow.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHO = digest("somebody")
TODAY = 738_000


def keys(number: int) -> list[bytes]:
    return [digest(str(n)) for n in range(number)]


def fill(store: Store, number: int) -> None:
    """Let the ledger hold so many rows of one destination."""
    own = store.destination(WHO)
    for key in keys(number):
        store.commit((own, key), (DELIVERED, TODAY))


def held(store: Store, number: int) -> int:
    """How many of the first rows are there."""
    return len(store.rows(store.destination(WHO), keys(number)))


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place for a ledger."""
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.db")
    else:
        database = request.getfixturevalue("postgres").create(f"copied_{uuid.uuid4().hex}")
        yield database.url.replace("://", "+psycopg://")


def test_what_is_written_to_the_copy_never_reaches_the_ledger(where: str) -> None:
    """The rows are there as they were, and new ones are there only as long as the run."""
    ledger = Store(where)
    fill(ledger, 1_200)
    DeliveredRows(ledger, ledger.destination(WHO), b"s").note({b"k": ("u1",)}, 1, ())
    ledger.close()
    copy = LedgerCopy(where)
    own = copy.destination(WHO)
    rows = DeliveredRows(copy, own, b"s")
    assert (held(copy, 2_000), rows.counts(2)) == (1_200, (1, 1))
    fill(copy, 1_500)
    copy.write({(own, key): None for key in keys(1_500)})
    copy.destination(b"another")
    rows.drop([b"k"])
    assert (held(copy, 2_000), rows.counts(2)) == (0, (0, 0))
    copy.close()
    ledger = Store(where)
    assert (held(ledger, 2_000), DeliveredRows(ledger, own, b"s").counts(2)) == (1_200, (1, 1))
    assert ledger.destination(b"another") == own + 1
    ledger.close()


def test_where_there_is_no_ledger_none_is_made(where: str, tmp_path: Path) -> None:
    """A copy of nothing is empty, and works."""
    copy = LedgerCopy(where)
    fill(copy, 3)
    assert held(copy, 3) == 3
    copy.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_beside_the_file_is_read_and_stays(tmp_path: Path) -> None:
    """SQLite would tidy that up, were the file opened; a ledger that is in use can be read too."""
    running, killed = tmp_path / "running", tmp_path / "killed"
    running.mkdir()
    ledger = Store(str(running / "ledger.db"))
    fill(ledger, 50)
    shutil.copytree(running, killed)
    left = {one.name: one.read_bytes() for one in killed.iterdir()}
    assert len(left) > 1
    for home in (running, killed):
        copy = LedgerCopy(str(home / "ledger.db"))
        assert held(copy, 60) == 50
        copy.close()
    assert {one.name: one.read_bytes() for one in killed.iterdir()} == left
    fill(ledger, 60)
    ledger.close()


def test_a_copy_beside_a_run_that_writes_is_whole(tmp_path: Path) -> None:
    """Never one half of one moment and one half of another; and a reader does not wait for it."""
    where, ended = str(tmp_path / "ledger.db"), Event()
    ledger = Store(where)
    own = ledger.destination(WHO)

    def write() -> None:
        for n in count():
            if ended.is_set():
                return
            ledger.commit((own, digest(str(n))), (DELIVERED, TODAY))

    writer = Thread(target=write)
    writer.start()
    try:
        for _ in range(8):
            copy = LedgerCopy(where)
            there = copy.rows(own, keys(5_000)).keys()
            assert there == {*keys(len(there))}
            copy.close()
    finally:
        ended.set()
        writer.join()
        ledger.close()


def test_a_message_names_the_ledger_and_not_its_copy(tmp_path: Path) -> None:
    """What can't be used in a real run can't be in a dry one."""
    where = tmp_path / "ledger.db"
    where.write_text("no database, but a text of some length" * 50)
    with pytest.raises(StorageError, match=str(where)):
        LedgerCopy(str(where))
    assert where.read_text().startswith("no database")
