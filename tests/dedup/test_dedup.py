"""What equals the last delivery is not sent; the ledger is a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.messages import Request
from target_userflow.config.settings import Destination
from target_userflow.dedup.change_detection import ChangeDetection, ForgetWritten
from target_userflow.dedup.dedup import NoDedup
from target_userflow.dedup.known_rows import KnownRows
from target_userflow.dedup.write_intents import write_intents
from target_userflow.ledger.ledger import Ledger
from target_userflow.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TODAY = 739_000
RESYNC_DAYS = 30


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of a destination."""
    store = Store(str(tmp_path / "ledger.sqlite"))
    yield Ledger(store, Destination("https://api.example.com", "ak_dedup"), "", "")
    store.close()


def detection(ledger: Ledger, today: int = TODAY) -> ChangeDetection:
    """The change detection of a run on a day."""
    rows = KnownRows(ledger, write_intents(ledger, today, notes_versions=True))
    return ChangeDetection(rows, today, "users", RESYNC_DAYS)


def pending(dedup: NoDedup, plan: str, method: str = "POST") -> PendingRecord:
    """A record of a user that waits to be sent."""
    payload = {"id": "ada", "attributes": {"plan": plan}} if method == "POST" else None
    request = Request(method, "/users", payload, "ada", ("ada",), idempotent=True)
    key = dedup.key({}, request, "users")
    record = PendingRecord(request, source=None, observer=None, ledger_key=key)  # type: ignore[arg-type] # dedup looks at neither
    dedup.prefetch([record])
    return record


def deliver(dedup: NoDedup, record: PendingRecord) -> None:
    """Deliver a record, and have that noted."""
    dedup.sending(record)
    dedup.delivered(record)
    dedup.release([record])
    dedup.sync()


def is_sent(dedup: NoDedup, plan: str) -> bool:
    """Whether a record would be sent."""
    record = pending(dedup, plan)
    outcome = dedup.outcome(record)
    dedup.release([record])
    return outcome is None


def test_without_a_ledger_everything_is_sent() -> None:
    """However often."""
    dedup = NoDedup()
    deliver(dedup, pending(dedup, "pro"))
    assert is_sent(dedup, "pro")


def test_what_equals_the_last_delivery_is_unchanged(ledger: Ledger) -> None:
    """In the run that delivered it as in the next one; what differs is sent."""
    dedup = detection(ledger)
    assert is_sent(dedup, "pro")
    deliver(dedup, pending(dedup, "pro"))
    for later in (dedup, detection(ledger, TODAY + 1)):
        assert not is_sent(later, "pro")
        assert is_sent(later, "free")


def test_what_was_delivered_before_the_last_is_sent_again(ledger: Ledger) -> None:
    """A, B, A: the last one is no repetition."""
    dedup = detection(ledger)
    for plan in ("a", "b"):
        deliver(dedup, pending(dedup, plan))
    assert is_sent(dedup, "a")
    assert not is_sent(dedup, "b")


def test_what_was_delivered_long_ago_is_sent_again(ledger: Ledger) -> None:
    """As somebody may have changed it there."""
    dedup = detection(ledger)
    deliver(dedup, pending(dedup, "pro"))
    assert not is_sent(detection(ledger, TODAY + RESYNC_DAYS - 1), "pro")
    assert is_sent(detection(ledger, TODAY + RESYNC_DAYS), "pro")


def test_an_attempt_without_an_outcome_makes_the_next_run_send(ledger: Ledger) -> None:
    """Neither the version before nor this one may pass for the last."""
    dedup = detection(ledger)
    deliver(dedup, pending(dedup, "free"))
    dedup.sending(pending(dedup, "pro"))
    dedup.sync()
    assert is_sent(detection(ledger), "free")
    assert is_sent(detection(ledger), "pro")


def test_a_deletion_is_forgotten_with_what_it_deletes(ledger: Ledger) -> None:
    """What comes back is sent, though it is as it was."""
    dedup = detection(ledger)
    deliver(dedup, pending(dedup, "pro"))
    deliver(dedup, pending(dedup, "", "DELETE"))
    assert is_sent(detection(ledger, TODAY + 1), "pro")


def test_a_run_that_compares_nothing_makes_others_send(ledger: Ledger) -> None:
    """It writes what they take for theirs."""
    dedup = detection(ledger)
    deliver(dedup, pending(dedup, "pro"))
    rows = KnownRows(ledger, write_intents(ledger, TODAY, notes_versions=False))
    other = ForgetWritten(rows, TODAY, "users")
    deliver(other, pending(other, "free"))
    assert is_sent(detection(ledger), "pro")
