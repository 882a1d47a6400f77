"""Whose trouble it is that a request keeps failing: its record's, or the API's."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from target_userflow.apis.messages import Request
from target_userflow.apis.outcomes import GaveUp
from target_userflow.delivery.evidence import Evidence, Suspects

if TYPE_CHECKING:
    from target_userflow.accounts.pending import PendingRecord


GAVE_UP = GaveUp("gave up")


class Record:
    """A record that notes that it was found to be at fault; its own observer."""

    def __init__(self) -> None:
        """Begin innocent."""
        self.convictions = 0
        self.observer = self

    def settled(self, record: object, outcome: object) -> None:
        """Count it."""
        assert (record, outcome) == (self, GAVE_UP)
        self.convictions += 1


def writing(path: str = "/users", method: str = "POST") -> Request:
    payload = {"id": "1"} if method == "POST" else None
    return Request(method, path, payload, "1", ("1",), idempotent=True)


def suspecting(evidence: Evidence, at: float) -> tuple[Suspects, Record]:
    """Suspects with one record that was given up on then."""
    suspects, record = Suspects(evidence), Record()
    suspects.add(writing(), at, [cast("PendingRecord", record)], GAVE_UP)
    return suspects, record


def test_one_success_is_not_again_and_again() -> None:
    """Nor is one that had begun before: it says nothing of the time after the first failure."""
    evidence = Evidence()
    for began in (1.0, 2.0, 5.0):
        evidence.add(writing(), began)
    assert not evidence.works_again_and_again(writing(), since=2.0)
    evidence.add(writing(), 4.0)  # answers come in any order
    assert evidence.works_again_and_again(writing(), since=2.0)
    assert not evidence.works_again_and_again(writing(), since=4.0)


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        (writing("/events"), False),
        (writing("/users/1", "DELETE"), False),
        (writing("/users"), True),
    ],
)
def test_another_endpoint_says_nothing_of_this_one(other: Request, *, counts: bool) -> None:
    """Users may get through while events can't be written."""
    evidence = Evidence()
    evidence.add(other, 2.0)
    evidence.add(other, 3.0)
    assert evidence.works_again_and_again(writing(), since=1.0) == counts


def test_deletions_speak_for_each_other_whatever_their_ids() -> None:
    """The id stands in the path there."""
    evidence = Evidence()
    evidence.add(writing("/users/1", "DELETE"), 2.0)
    assert evidence.works(writing("/users/2", "DELETE"), since=1.0)


def test_a_suspect_is_convicted_once_another_gets_through_that_began_later() -> None:
    """Not by what had succeeded before it was given up on, and once only."""
    evidence = Evidence()
    suspects, record = suspecting(evidence, at=9.0)
    evidence.add(writing(), 9.0)
    suspects.convict(last=False)
    assert (record.convictions, len(suspects)) == (0, 1)
    evidence.add(writing(), 9.5)
    for last in (False, True):
        suspects.convict(last=last)
    assert (record.convictions, len(suspects)) == (1, 0)


def test_at_the_end_what_succeeded_before_has_to_do() -> None:
    """Nothing more is sent, and a run that ends well leaves nothing unsettled."""
    suspects, record = suspecting(Evidence(), at=9.0)
    suspects.convict(last=True)
    assert (record.convictions, len(suspects)) == (1, 0)
