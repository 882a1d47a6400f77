"""What becomes of records by the word of the workers, and when STATE may go past them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from support.clocks import VirtualClock

from target_userflow.accounts.checkpoint import Checkpoint
from target_userflow.accounts.tally import Tally
from target_userflow.apis.outcomes import Delivered, GaveUp, NotSent, Rejected
from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.config.settings import StreamOptions
from target_userflow.dedup.dedup import NoDedup
from target_userflow.errors import TooManyRejects
from target_userflow.lookup.attribute_types import AttributeTypeCheck
from target_userflow.lookup.definitions import Definitions
from target_userflow.lookup.existing_objects import ExistingObjectsByType
from target_userflow.lookup.new_names import NewNames
from target_userflow.lookup.write_modes import UpsertMode
from target_userflow.mapping.columns import Stream
from target_userflow.singer.message import Source
from target_userflow.tracking.pending_records import PendingRecords
from target_userflow.tracking.record_filter import RecordFilter
from target_userflow.tracking.settlement import Settlement
from target_userflow.tracking.tracker import DeliveryTracker
from target_userflow.tracking.waiting_records import WaitingRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_userflow.accounts.pending import PendingRecord

COMPANIES = OBJECT_TYPES["userpilot_companies"]  # of which the API tells nothing
STREAM = Stream("companies", {"id": {}, "plan": {}}, ["id"], StreamOptions())


class Scene:
    """A tracker, and all that it tells of its records."""

    def __init__(
        self,
        abort_reject_ratio: float = 1.0,
        dedup: NoDedup | None = None,
        mode: UpsertMode | None = None,
    ) -> None:
        """Begin with no record."""
        reads: Any = None  # the API of this product is never asked
        product = COMPANIES.product
        names = NewNames(attributes=0, events=0, reject=False)
        self.tally, self.checkpoint = Tally(abort_reject_ratio), Checkpoint(VirtualClock())
        self.letters: list[str] = []
        self.dedup, self.mode = dedup or NoDedup(), mode or UpsertMode()
        tally, dedup, mode = self.tally.of("companies"), self.dedup, self.mode
        waiting = WaitingRecords()
        types = AttributeTypeCheck("companies", product, Definitions(product, reads), names)
        self.tracker = DeliveryTracker(
            "companies",
            dedup,
            PendingRecords(COMPANIES, mode, dedup, self.checkpoint, waiting),
            RecordFilter(dedup, mode, types, lambda: None, logging.warning, waiting),
            Settlement(
                COMPANIES,
                tally,
                self.checkpoint,
                dedup,
                ExistingObjectsByType(product, reads, ()),
                lambda _source, rejection: self.letters.append(rejection.reason),
            ),
            tally,
            waiting,
            (),
        )
        self._mapper = mapper(COMPANIES, STREAM)

    def pending(self, id_: str) -> PendingRecord:
        """A record that was read, and prepared."""
        record = self.read(id_)
        assert self.tracker.prepare([record]) == [record]
        return record

    def read(self, id_: str) -> PendingRecord:
        """A record that was read."""
        row = {"id": id_, "plan": "pro"}
        self.tally.of("companies").receive()
        return self.tracker.pending(row, self._mapper(row), Source("companies", b"", b"line"))

    @property
    def outcomes(self) -> dict[str, int]:
        """How many records had each outcome."""
        return dict(self.tally.accounts["companies"].outcomes)


@pytest.fixture
def scene() -> Scene:
    """A tracker that has tracked nothing."""
    return Scene()


def test_a_delivered_record_lets_its_state_go(scene: Scene) -> None:
    """Not a moment before."""
    record = scene.pending("a")
    scene.checkpoint.state("after a")
    assert scene.checkpoint.due(at_once=True) is None
    scene.tracker.settled(record, Delivered())
    assert scene.outcomes == {"delivered": 1}
    assert scene.checkpoint.due(at_once=True) == "after a"


def test_a_rejected_record_is_in_the_dead_letters_before_its_state_goes(scene: Scene) -> None:
    """Its reason is that of the API."""
    record = scene.pending("a")
    scene.checkpoint.state("after a")
    scene.tracker.settled(record, Rejected("HTTP 422"))
    assert scene.letters == ["HTTP 422"]
    assert scene.outcomes == {"rejected": 1}
    assert scene.checkpoint.due(at_once=True) == "after a"


def test_a_record_without_an_outcome_holds_its_state_back(scene: Scene) -> None:
    """The run ends, and the next one has the record again."""
    record = scene.pending("a")
    scene.checkpoint.state("after a")
    scene.tracker.settled(record, None)
    assert scene.outcomes == {}
    assert scene.letters == []
    assert scene.checkpoint.due(at_once=True) is None


def test_a_repetition_that_may_double_something_is_counted_once(scene: Scene) -> None:
    """However often its answer is lost."""
    record = scene.pending("a")
    record.request = replace(record.request, idempotent=False)
    scene.tracker.before_send(record)
    assert scene.tally.accounts["companies"].in_doubt == 0
    record.sent = record.lost = True
    for _ in range(3):
        scene.tracker.before_send(record)
    assert scene.tally.accounts["companies"].in_doubt == 1


def test_a_repetition_of_what_is_idempotent_is_never_in_doubt(scene: Scene) -> None:
    """Sent twice, it does the same."""
    record = scene.pending("a")
    assert record.request.idempotent
    record.sent = record.lost = True
    scene.tracker.before_send(record)
    assert scene.tally.accounts["companies"].in_doubt == 0


def test_records_that_were_given_up_on_do_not_end_a_run() -> None:
    """They say nothing of the mapping; that many are rejected does."""
    scene = Scene(abort_reject_ratio=0.1)
    for number in range(120):
        scene.tracker.settled(scene.pending(f"{number}"), GaveUp("gave up"))
    for number in range(13):
        scene.tracker.settled(scene.pending(f"rejected {number}"), Rejected("HTTP 422"))
    with pytest.raises(TooManyRejects):
        scene.tracker.settled(scene.pending("last"), Rejected("HTTP 422"))
    assert len(scene.letters) == 134


class EqualToTheLast(NoDedup):
    """Takes every record but the first for unchanged."""

    def __init__(self) -> None:
        """Begin with none."""
        self.first: PendingRecord | None = None

    def outcome(self, record: PendingRecord) -> NotSent | None:
        """Unchanged, as long as the first is not sent."""
        self.first = self.first or record
        return None if record is self.first else NotSent("unchanged")


class SlowLookUp(UpsertMode):
    """Takes so long to look something up that meanwhile the workers settle what they have."""

    def __init__(self) -> None:
        """Wait for nothing."""
        self.meanwhile: Callable[[], None] = lambda: None

    def prefetch(self, records: Iterable[PendingRecord]) -> None:  # noqa: ARG002 - any
        """Let the workers go on."""
        self.meanwhile()


def test_a_record_that_equals_the_last_waits_for_one_before_it_however_late_that_ends() -> None:
    """What was delivered last is known only once the one before is settled."""
    mode = SlowLookUp()
    scene = Scene(dedup=EqualToTheLast(), mode=mode)
    first, again = scene.pending("a"), scene.read("a")
    mode.meanwhile = lambda: scene.tracker.settled(first, Delivered())
    assert scene.tracker.prepare([again]) == [again]
    assert scene.outcomes == {"delivered": 1}
