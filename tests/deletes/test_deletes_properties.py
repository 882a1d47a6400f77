"""Whatever comes in whatever order, merged or not, with every fault there is: one truth.

The truth is a model of the API's rules in plain Python, which knows neither requests nor the
sandbox. It is told the records as they were read, cut where the tap waits for what it said.
"""

from __future__ import annotations

import tempfile
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.model import Destination, kept_by
from support.process import record, schema, state
from support.taps import Counted, SkippingClock, run_here

from target_userflow.sandbox.faults import FAULTS

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox

Message = dict[str, Any]

KEYS = {"groups": ["group_id"], "users": ["user_id"], "memberships": ["user_id", "group_id"]}
TURNS = ("groups", "users", "memberships")
ANY: Message = {}
COLUMNS = {"a": ANY, "b": ANY, "n": ANY, "l": ANY, "groups": ANY, "_sdc_deleted_at": "string"}
WHEN = "2026-01-01T00:00:00Z"

user_ids = st.sampled_from(["u1", "u2"])
group_ids = st.sampled_from(["g1", "g2"])
values = st.none() | st.integers(0, 3) | st.sampled_from(["x", "y"])
numbers = st.integers(0, 3) | st.none()
operations = st.tuples(st.sampled_from(["set_once", "set", "add"]), st.integers(0, 3)).map(
    lambda one: {one[0]: one[1]}
)
lists = st.sampled_from(["p", "q"])
changes = st.one_of(
    st.lists(lists, max_size=2, unique=True),
    lists.map(lambda one: {"append": one}),
    lists.map(lambda one: {"prepend": one}),
    lists.map(lambda one: {"remove": one}),
)
attributes = st.fixed_dictionaries(
    {}, optional={"a": values, "b": numbers, "n": numbers | operations, "l": changes}
)
ids = st.fixed_dictionaries({"user_id": user_ids, "group_id": group_ids})
upserts = st.tuples(st.sampled_from(TURNS), ids, attributes)
references = st.tuples(
    st.just("users"), ids, st.fixed_dictionaries({"groups": st.lists(group_ids, max_size=2)})
)
plain = st.tuples(
    st.just("users"), ids, st.fixed_dictionaries({}, optional={"a": st.integers(), "b": numbers})
)
deletions = st.tuples(st.sampled_from(TURNS), ids, st.just({"_sdc_deleted_at": WHEN}))
ONE = {"user_id": "u1", "group_id": "g1"}
DELETED_IN_FLIGHT = [
    ("memberships", ONE, {}),
    ("the end of a version", "groups"),
    ("users", ONE, {"_sdc_deleted_at": WHEN}),
    ("memberships", ONE, {}),
    ("users", ONE, {}),
]
"""A membership equals what was delivered, while the user is being deleted that it joins."""
readings = st.tuples(st.just("the end of a version"), st.sampled_from(TURNS))
steps = st.lists(st.one_of(upserts, plain, references, deletions, deletions, readings), max_size=40)

SCHEMAS = [
    schema(stream, {**dict.fromkeys(KEYS[stream], "string"), **COLUMNS}, KEYS[stream])
    for stream in TURNS
]


def tapped(chosen: list[Any]) -> list[Message]:
    """The messages of a tap that takes these steps; each stream counts its versions."""
    at = dict.fromkeys(TURNS, 1)
    messages = []
    for stream, *rest in chosen:
        if stream in TURNS:
            named, others = rest
            own = {name: named[name] for name in KEYS[stream]}
            kept = {name: one for name, one in others.items() if name not in own}
            kept = kept if stream == "users" else {k: v for k, v in kept.items() if k != "groups"}
            messages.append({**record(stream, **own, **kept), "version": at[stream]})
        else:
            (ended,) = rest
            version = {"version": at[ended]}
            messages.append({"type": "ACTIVATE_VERSION", "stream": ended, **version})
            at[ended] += 1
    return messages


# The model


class Replica:
    """What should become of messages: what is said together by object type, and versions."""

    def __init__(self, size: int) -> None:
        """Begin with nothing delivered; the tap waits after `size` records."""
        self.truth = Destination()
        self._size = size
        self._waiting: list[Message] = []
        self._delivered: dict[str, dict[tuple[str, ...], int]] = {one: {} for one in TURNS}
        self._latest: dict[str, int] = {}
        self._ahead: dict[str, Message] = {}

    def read(self, messages: list[Message]) -> None:
        """Take messages in, to the end of the input."""
        for message in messages:
            if message["type"] == "RECORD":
                self._waiting.append(message)
                if len(self._waiting) == self._size:
                    self._deliver()
            elif message["type"] == "ACTIVATE_VERSION":
                self._deliver()
                self._announce(message)
        self._deliver()
        for stream in reversed(TURNS):
            if stream in self._ahead:
                self._activate(self._ahead[stream])

    def _deliver(self) -> None:
        """Groups, users, memberships; what ends deleted goes last, and in reverse."""
        window, self._waiting = self._waiting, []
        last = [is_end(one) and not comes_back(n, window) for n, one in enumerate(window)]
        turns = [(stream, False) for stream in TURNS]
        turns += [(stream, True) for stream in reversed(TURNS)]
        for turn in turns:
            for one, is_last in zip(window, last, strict=True):
                if (one["stream"], is_last) == turn:
                    self._one(one)

    def _one(self, message: Message) -> None:
        """One record in its turn."""
        stream, key = message["stream"], key_of(message)
        if is_end(message):
            self._gone(stream, key)
        else:
            self.truth.upsert(stream, message["record"])
            self._latest[stream] = self._delivered[stream][key] = message["version"]

    def _gone(self, stream: str, key: tuple[str, ...]) -> None:
        self.truth.delete(stream, key)
        self._delivered[stream].pop(key, None)

    def _announce(self, message: Message) -> None:
        """A version without a record yet may be one that comes ahead of its records."""
        stream, version = message["stream"], message["version"]
        if self._latest.get(stream) == version or version in self._delivered[stream].values():
            self._ahead.pop(stream, None)
            self._activate(message)
        else:
            self._ahead[stream] = message

    def _activate(self, message: Message) -> None:
        """All that this stream delivered under an older version goes."""
        known = self._delivered[message["stream"]]
        for key in [key for key, version in known.items() if version < message["version"]]:
            self._gone(message["stream"], key)


def key_of(message: Message) -> tuple[str, ...]:
    return tuple(message["record"][name] for name in KEYS[message["stream"]])


def is_end(message: Message) -> bool:
    return "_sdc_deleted_at" in message["record"]


def comes_back(at: int, window: list[Message]) -> bool:
    """Whether a later record of the window brings the object back."""
    same = [one for one in window[at:] if one["stream"] == window[at]["stream"]]
    return not all(is_end(one) for one in same if key_of(one) == key_of(window[at]))


# The test


def ran(
    sandbox: Sandbox, messages: list[Message], window: int, faults: dict[str, float], **config: Any
) -> Counted:
    """One run into an empty sandbox, with a ledger of its own."""
    sandbox.reset()
    sandbox.configure(faults=faults, seed=1, slow_ms=5, retry_after="none")
    settings_ = {**sandbox.config, "hard_delete": True, "max_delete_ratio": 1, **config}
    settings_ |= {"concurrency": 5, "max_retry_seconds": 100_000}
    with tempfile.TemporaryDirectory() as home:
        said = [*SCHEMAS, *messages, state({"end": True})]
        result = run_here(Path(home), settings_, said, clock=SkippingClock(), together=window)
    assert result.status == 0
    return result


def without_sums(messages: list[Message]) -> list[Message]:
    """The same with nothing in it that a lost answer would double."""
    own = deepcopy(messages)
    for one in own:
        changed = one.get("record", {}).get("n")
        if isinstance(changed, dict) and "add" in changed:
            one["record"]["n"] = {"set": changed["add"]}
    return own


ALL_FAULTS = {**dict.fromkeys(FAULTS, 0.05)}
bounded = settings(
    max_examples=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("faults", [{}, ALL_FAULTS], ids=["no faults", "all faults"])
@bounded
@given(chosen=steps, window=st.sampled_from([1, 2, 5, 50]), skip=st.booleans())
@example(chosen=DELETED_IN_FLIGHT, window=5, skip=True)
def test_the_destination_is_what_the_rules_of_the_api_make_of_the_records(
    sandbox: Sandbox, faults: dict[str, float], chosen: list[Any], window: int, *, skip: bool
) -> None:
    """Upserts, operations, nulls, lists, deletes and versions of few keys, in any order."""
    messages = tapped(chosen)
    if faults:
        messages = without_sums(messages)
    model = Replica(window)
    model.read(messages)
    result = ran(sandbox, messages, window, faults, skip_unchanged=skip)
    truth, there = model.truth, kept_by(sandbox)
    assert (there.groups, there.users) == (truth.groups, truth.users)
    assert there.memberships == truth.memberships
    for counts in result.counts.values():
        beside = {"received", "deleted", "in_doubt"}
        outcomes = sum(count for name, count in counts.items() if name not in beside)
        assert counts.get("received", 0) == outcomes


@bounded
@given(chosen=st.lists(st.one_of(plain, plain, upserts, references, deletions), max_size=40))
def test_merged_and_unmerged_records_end_in_the_same(sandbox: Sandbox, chosen: list[Any]) -> None:
    """One stream in one window, and record by record: the same users, with fewer requests."""
    messages = [one for one in tapped(chosen) if one["stream"] == "users"]
    ran(sandbox, messages, 1, {})
    unmerged, asked = kept_by(sandbox), len(sandbox.requests())
    result = ran(sandbox, messages, 50, {})
    merged = kept_by(sandbox)
    assert (merged.users, merged.memberships) == (unmerged.users, unmerged.memberships)
    saved = result.counts.get("users", {}).get("merged", 0)
    assert len(sandbox.requests()) == asked - saved


def test_plain_records_of_one_user_are_one_request_in_the_test_above(sandbox: Sandbox) -> None:
    """So that it has merged anything at all."""
    rows = [("users", {"user_id": "u1", "group_id": "g1"}, {"a": n}) for n in range(9)]
    ran(sandbox, tapped(rows), 50, {})
    assert len(sandbox.requests()) == 1
