"""What may be sent next, and what waits for what: the queues of one product."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.messages import Request
from target_userflow.apis.userflow.merging import kinds
from target_userflow.ordering.queues import OrderedQueues, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

PAYLOAD = {"id": "x", "attributes": {}}
TURNS = {"groups": 0, "users": 1, "memberships": 2, "events": 3}


def pending(
    kind: str, key: str, *ids: str, refers_to: Iterable[tuple[str, ...]] = (), **more: Any
) -> PendingRecord:
    """A record of an object type under an ordering key, which nothing merges with."""
    ledger_key = more.pop("ledger_key", b"")
    method = "DELETE" if more.pop("deletes", False) else "POST"
    request = Request(
        method, "/", PAYLOAD, key, ids, idempotent=True, references=tuple(refers_to), **more
    )
    return PendingRecord(
        request,
        source=None,  # type: ignore[arg-type] # the queues don't look at it
        observer=None,  # type: ignore[arg-type] # likewise
        turn=TURNS[kind],
        reference=(kind, *ids),
        ledger_key=ledger_key,
    )


def user(name: str, **more: Any) -> PendingRecord:
    return pending("users", f"user {name}", name, **more)


def group(name: str, **more: Any) -> PendingRecord:
    return pending("groups", f"group {name}", name, **more)


def event(name: str, **more: Any) -> PendingRecord:
    return pending("events", f"user {name}", **more)


def queued(*records: PendingRecord, batch_size: int = 1) -> OrderedQueues:
    queues = OrderedQueues(TURNS, batch_size, kinds=kinds)
    for record in records:
        queues.add(record)
    return queues


def taken(queues: OrderedQueues) -> Work:
    work = queues.take()
    assert work is not None
    return work


def all_taken(queues: OrderedQueues) -> list[PendingRecord]:
    """What can be taken at once, by as many workers as there need to be."""
    found: list[PendingRecord] = []
    while work := queues.take():
        found += work.records
    return found


def test_records_of_one_key_are_sent_one_after_the_other() -> None:
    """The second is not to be had before the first has ended."""
    first, second = event("ada"), event("ada")
    queues = queued(first, second)
    work = taken(queues)
    assert [*work.records] == [first]
    assert queues.take() is None
    queues.finish(work)
    assert [*taken(queues).records] == [second]


def test_records_of_other_keys_do_not_wait() -> None:
    """A slow request holds up its own key alone."""
    records = [event("ada"), event("bob"), event("cyd")]
    assert all_taken(queued(*records)) == records


def test_what_others_refer_to_is_sent_first() -> None:
    """Groups, then users, then memberships, then events, whatever came first."""
    records = [
        event("ada"),
        pending("memberships", "user bob", "bob", "acme"),
        user("cyd"),
        group("acme"),
    ]
    assert all_taken(queued(*records)) == records[::-1]


def test_a_user_goes_before_its_event_that_came_first() -> None:
    """They share a key: taps announce events before users."""
    happened, who = event("ada"), user("ada")
    queues = queued(happened, who)
    work = taken(queues)
    assert [*work.records] == [who]
    assert queues.take() is None
    queues.finish(work)
    assert [*taken(queues).records] == [happened]


def test_a_record_waits_for_the_group_that_it_refers_to() -> None:
    """The group is on its way: only when that has ended, the user follows."""
    acme, ada = group("acme"), user("ada", refers_to=[("groups", "acme")])
    queues = queued(ada, acme)
    work = taken(queues)
    assert [*work.records] == [acme]
    assert queues.take() is None
    queues.finish(work)
    assert [*taken(queues).records] == [ada]


def test_a_record_waits_for_all_that_it_refers_to() -> None:
    """One group is there, the other is not."""
    acme, zeta = group("acme"), group("zeta")
    ada = user("ada", refers_to=[("groups", "acme"), ("groups", "zeta")])
    queues = queued(acme, zeta, ada)
    one, two = taken(queues), taken(queues)
    queues.finish(one)
    assert queues.take() is None
    queues.finish(two)
    assert [*taken(queues).records] == [ada]


def test_a_group_that_nobody_writes_is_not_waited_for() -> None:
    """It may exist, or come with the user."""
    ada = user("ada", refers_to=[("groups", "acme")])
    assert all_taken(queued(ada)) == [ada]


def test_an_event_that_comes_twice_follows_its_first() -> None:
    """Under another user by now: what became of the first says whether it is a duplicate."""
    first, again = event("ada", ledger_key=b"1"), event("bob", ledger_key=b"1")
    queues = queued(first, again)
    work = taken(queues)
    assert queues.take() is None
    queues.finish(work)
    assert [*taken(queues).records] == [again]


def test_a_deletion_waits_for_what_was_read_before_it() -> None:
    """A membership creates its group: it would bring a deleted one back."""
    joined = pending("memberships", "user ada", "ada", "acme", refers_to=[("groups", "acme")])
    gone = group("acme", deletes=True)
    later = user("bob")
    queues = queued(joined, gone, later)
    other, before = taken(queues), taken(queues)
    assert [*other.records, *before.records] == [later, joined]
    queues.finish(other)
    assert queues.take() is None
    queues.finish(before)
    assert [*taken(queues).records] == [gone]


def test_a_deletion_and_the_next_version_keep_their_order() -> None:
    """Deleted and made again is there in the end."""
    gone, back = user("ada", deletes=True), user("ada")
    queues = queued(gone, back)
    work = taken(queues)
    assert [*work.records] == [gone]
    queues.finish(work)
    assert [*taken(queues).records] == [back]


def test_nobody_waits_in_a_circle() -> None:
    """A membership, then its group's deletion, then its return: each waits for the one before."""
    joined = pending("memberships", "user ada", "ada", "acme", refers_to=[("groups", "acme")])
    gone, back = group("acme", deletes=True), group("acme")
    queues = queued(joined, gone, back)
    order: list[PendingRecord] = []
    while work := queues.take():
        order += work.records
        queues.finish(work)
    assert order == [joined, gone, back]


def test_a_batch_takes_the_records_of_many_keys() -> None:
    """One request to User Interviews takes up to 100 participants."""
    records = [user(str(number)) for number in range(5)]
    queues = queued(*records, batch_size=3)
    assert [len(chain) for chain in taken(queues).chains] == [1, 1, 1]
    assert [*taken(queues).records] == records[3:]


@pytest.mark.parametrize("mergeable", [True, False])
def test_records_of_one_user_go_together_if_they_can(*, mergeable: bool) -> None:
    """Three rows of one user are one request, unless one of them is an operation."""
    records = [user("ada", mergeable=mergeable) for _ in range(3)]
    assert [*taken(queued(*records)).records] == (records if mergeable else records[:1])


def test_a_user_takes_its_memberships_along() -> None:
    """They are written by the same request."""
    ada = user("ada", mergeable=True)
    joined = pending(
        "memberships", "user ada", "ada", "acme", mergeable=True, refers_to=[("users", "ada")]
    )
    assert [*taken(queued(joined, ada)).records] == [ada, joined]


def test_the_size_counts_what_workers_have() -> None:
    """It is what bounds how much is read."""
    queues = queued(user("ada"), user("bob"))
    work = taken(queues)
    assert len(queues) == 2
    queues.finish(work)
    assert len(queues) == 1


@settings(max_examples=200, deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32), workers=st.integers(1, 5))
def test_everything_is_taken_once_and_in_order(seed: int, workers: int) -> None:
    """Whatever comes, in whatever order requests end: nothing is lost, no key is out of order."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    records = [_any_record(rng) for _ in range(rng.randint(1, 40))]
    queues = OrderedQueues(TURNS)
    busy: list[Work] = []
    order: list[PendingRecord] = []
    waiting = [*records]
    while waiting or busy or len(queues):
        for _ in range(rng.randint(0, 5)):
            if waiting:
                queues.add(waiting.pop(0))
        while len(busy) < workers and (work := queues.take()):
            busy.append(work)
        assert waiting or busy, "everything waits for something else"
        if busy:
            ended = busy.pop(rng.randrange(len(busy)))
            order += ended.records
            queues.finish(ended)
    assert sorted(map(id, order)) == sorted(map(id, records))
    for same in set(map(_told_apart_by, records)):
        assert [r for r in order if _told_apart_by(r) == same] == [
            r for r in records if _told_apart_by(r) == same
        ]


def _told_apart_by(record: PendingRecord) -> object:
    return record.ledger_key or (record.reference, record.request.ordering_key)


def _any_record(rng: random.Random) -> PendingRecord:
    name, acme = rng.choice("abc"), rng.choice("xyz")
    refers = [("groups", acme)] if rng.random() < 0.5 else []
    deletes = rng.random() < 0.2
    kinds = {
        "users": lambda: user(name, refers_to=() if deletes else refers, deletes=deletes),
        "groups": lambda: group(acme, deletes=deletes),
        "memberships": lambda: pending(
            "memberships",
            f"user {name}",
            name,
            acme,
            refers_to=() if deletes else [("users", name), ("groups", acme)],
            deletes=deletes,
        ),
        "events": lambda: event(name, refers_to=refers, ledger_key=rng.choice([b"", b"1", b"2"])),
    }
    return kinds[rng.choice([*kinds])]()
