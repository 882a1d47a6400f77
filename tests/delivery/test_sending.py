"""Which records are sent together, and what becomes of those that fail together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.clocks import VirtualClock

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.messages import Request
from target_userflow.apis.outcomes import MERGED, Delivered, GaveUp, NotSent, Rejected
from target_userflow.apis.registry import PRODUCTS
from target_userflow.delivery.evidence import Evidence, Suspects
from target_userflow.delivery.merging import RequestMerger
from target_userflow.delivery.sending import Sender
from target_userflow.delivery.writer import KeepsFailing, Part
from target_userflow.ordering.queues import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.accounts.pending import Batch
    from target_userflow.delivery.writer import Writing, Written

USERFLOW, INTERVIEWS, _ = PRODUCTS
HERE: Any = None  # the destination says nothing of these requests
BAD, CULPRIT = Rejected("HTTP 422"), GaveUp("gave up: HTTP 500")


class Outcomes:
    """The observer of all records."""

    stream_name = "stream"

    def __init__(self) -> None:
        """Know of none."""
        self.of: dict[str, Any] = {}
        self.unneeded: set[str] = set()
        self.skipped: set[str] = set()

    def is_elsewhere(self, _record: PendingRecord) -> bool:
        """No other run is there."""
        return False

    def is_needed(self, record: PendingRecord) -> bool:
        """Settle what is not needed, as a tracker does."""
        if name_of(record) in self.unneeded | self.skipped:
            is_skipped = name_of(record) in self.skipped
            self.settled(record, NotSent("skipped" if is_skipped else "unchanged"))
            return False
        return True

    def reduced(self, record: PendingRecord) -> Request:
        """All of it is sent."""
        return record.request

    def settled(self, record: PendingRecord, outcome: Any) -> None:
        """Note it; a second outcome would be a defect."""
        assert name_of(record) not in self.of
        self.of[name_of(record)] = record.outcome = outcome


class Api:
    """A writer whose answers depend on the names of the records that it is given."""

    def __init__(self, answer: Callable[[str, Part], Written | None]) -> None:
        """Answer so."""
        self._answer = answer
        self.asked: list[tuple[str, Part]] = []

    def write(self, objects: Sequence[Batch], part: Part) -> Writing:
        """Answer at once."""
        names = "".join(name_of(record) for records in objects for record in records)
        self.asked.append((names, part))
        return self._answer(names, part)
        yield


def name_of(record: PendingRecord) -> str:
    return str(record.request.ordering_key)


def settle(
    api: Api, names: str, outcomes: Outcomes, *, batched: bool = True, clock: Any = None
) -> Suspects:
    """Have records settled, one of each name: a letter stands for an object."""
    records = []
    for name in names:
        request = Request("POST", "/", {"attributes": {}}, name, (name.lower(),), idempotent=True)
        records.append(PendingRecord(request, source=HERE, observer=outcomes))  # type: ignore[arg-type] # what is asked of one is there
    merger = RequestMerger(INTERVIEWS if batched else USERFLOW, HERE)
    suspects = Suspects(Evidence())
    sender = Sender(api, merger, suspects, clock or VirtualClock())
    assert list(sender.send(Work([], [records]))) == []
    return suspects


def test_a_rejected_batch_is_split_until_the_culprit_is_alone() -> None:
    """The others are delivered."""
    outcomes, api = Outcomes(), Api(lambda names, _: BAD if "c" in names else Delivered())
    settle(api, "abcd", outcomes)
    assert [names for names, _ in api.asked] == ["abcd", "ab", "cd", "c", "d"]
    delivered = Delivered()
    assert outcomes.of == {"a": delivered, "b": delivered, "c": BAD, "d": delivered}


def test_the_half_that_keeps_failing_alone_is_held_as_suspect() -> None:
    """It has no outcome yet: an outage may begin at just this time."""

    def answer(names: str, part: Part) -> Written:
        if part is Part.WHOLE:
            return KeepsFailing()
        return CULPRIT if "a" in names else Delivered()

    outcomes, api = Outcomes(), Api(answer)
    suspects = settle(api, "abcd", outcomes)
    assert api.asked[1:] == [("ab", Part.HALF), ("cd", Part.OTHER_HALF)]
    assert outcomes.of == {"a": None, "b": None, "c": Delivered(), "d": Delivered()}
    assert len(suspects) == 1


def test_the_other_half_counts_as_the_first_if_that_was_delivered() -> None:
    """It is the one that has the culprit."""
    outcomes = Outcomes()
    api = Api(lambda _, part: KeepsFailing() if part is Part.WHOLE else Delivered())
    settle(api, "ab", outcomes)
    assert [part for _, part in api.asked] == [Part.WHOLE, Part.HALF, Part.HALF]


def test_records_of_one_object_are_settled_by_the_last_of_them() -> None:
    """Those before are merged into it; rejected together, each is tried alone."""
    outcomes = Outcomes()
    settle(Api(lambda *_: Delivered()), "aAb", outcomes, batched=False)
    assert outcomes.of["a"] == MERGED
    outcomes, api = Outcomes(), Api(lambda names, _: BAD if "A" in names else Delivered())
    settle(api, "aA", outcomes, batched=False)
    assert outcomes.of == {"a": Delivered(), "A": BAD}


def test_nothing_is_sent_if_no_record_is_needed() -> None:
    """All of them have their outcome."""
    outcomes, api = Outcomes(), Api(lambda *_: Delivered())
    outcomes.unneeded = {"a", "b"}
    settle(api, "ab", outcomes)
    assert api.asked == []
    assert set(outcomes.of) == {"a", "b"}


def test_a_skipped_record_takes_none_of_its_object_along() -> None:
    """Another stream may send what its own mode leaves out."""
    outcomes, api = Outcomes(), Api(lambda *_: Delivered())
    outcomes.skipped = {"A"}
    settle(api, "aA", outcomes, batched=False)
    assert [names for names, _ in api.asked] == ["a"]
    assert outcomes.of == {"a": Delivered(), "A": NotSent("skipped")}


def test_an_error_leaves_the_records_unsettled() -> None:
    """The run ends with it, and the next one has them again."""

    def fail(*_: Any) -> Written:
        raise ConnectionError

    outcomes = Outcomes()
    with pytest.raises(ConnectionError):
        settle(Api(fail), "ab", outcomes)
    assert outcomes.of == {"a": None, "b": None}


def test_no_half_is_sent_once_the_delivery_is_to_end() -> None:
    """Both are unsettled."""
    clock = VirtualClock()

    def answer(*_: Any) -> Written:
        clock.stop(ConnectionError())
        return BAD

    outcomes, api = Outcomes(), Api(answer)
    settle(api, "ab", outcomes, clock=clock)
    assert len(api.asked) == 1
    assert outcomes.of == {"a": None, "b": None}
