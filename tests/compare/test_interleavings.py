"""Records are read, compared and sent in any order that there may be: the end is always the same.

There are no threads: each step of the reader, the preparer and a worker is drawn. Nothing of what
was read or counted is left once all records are settled.
"""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.model import Destination, differences

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.messages import Answer
from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.compare.comparison import Comparison
from target_userflow.compare.dedup import CompareWithDestination
from target_userflow.config.settings import StreamOptions
from target_userflow.dedup.dedup import NoDedup
from target_userflow.lookup.definitions import Definitions
from target_userflow.mapping.columns import Stream
from target_userflow.singer.message import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.messages import Request

Row = tuple[str, dict[str, Any]]
LISTS: dict[str, Any] = {"groups": {}, "prune_memberships": {}}
STREAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "users": ("users", {"user_id": {}, "plan": {}, "name": {}}),
    "listed": ("users", {"user_id": {}, "plan": {}, **LISTS}),
    "groups": ("groups", {"group_id": {}, "tier": {}}),
    "memberships": ("memberships", {"user_id": {}, "group_id": {}, "role": {}}),
}
DELETED = "deleted"


class Userflow:
    """Keeps what is written by the rules of the model, and answers what is read."""

    def __init__(self) -> None:
        """Begin empty."""
        self.kept = Destination()

    def begin(self, request: Request) -> Future[Answer]:
        """The answer, at once."""
        future: Future[Answer] = Future()
        future.set_result(self._answer(urlsplit(request.path)))
        return future

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers."""
        return [self.begin(request).result() for request in requests]

    def _answer(self, url: Any) -> Answer:
        kind, _, id_ = url.path[1:].partition("/")
        if kind not in {"users", "groups"}:
            return Answer(200, {}, b'{"data": [], "has_more": false}')
        objects: dict[str, Any] = getattr(self.kept, kind)
        expand = parse_qs(url.query).get("expand", [""])[0]
        things = {name: self._thing(kind, name, expand) for name in objects}
        if id_:
            return Answer(200 if id_ in things else 404, {}, json.dumps(things.get(id_)).encode())
        return Answer(200, {}, json.dumps({"data": [*things.values()], "has_more": False}).encode())

    def _thing(self, kind: str, id_: str, expand: str) -> dict[str, Any]:
        thing: dict[str, Any] = {"id": id_, "attributes": getattr(self.kept, kind)[id_]}
        if not expand:
            return thing
        members: list[dict[str, Any]] = [
            {"group_id": group, "attributes": values}
            for (user, group), values in self.kept.memberships.items()
            if user == id_
        ]
        if "group" in expand:
            for member in members:
                member["group"] = {"attributes": self.kept.groups[member["group_id"]]}
        return {**thing, "memberships": members}

    def write(self, request: Request) -> None:
        """Carry a request out."""
        if request.deletes:
            kind = "memberships" if len(request.object_id) > 1 else request.path.split("/")[1]
            self.kept.delete(kind, request.object_id)
            return
        body: dict[str, Any] = json.loads(json.dumps(request.payload))
        if request.path == "/groups":
            self.kept.upsert("groups", {"group_id": body["id"], **body["attributes"]})
            return
        row = {"user_id": body["id"], **body.get("attributes", {})}
        groups = [group["id"] for group in body.get("groups", ())]
        prunes = {"prune_memberships": body.get("prune_memberships", False)}
        self.kept.upsert("users", {**row, "groups": groups, **prunes})
        for member in body.get("memberships", ()):
            ids = {"user_id": body["id"], "group_id": member["group"]["id"]}
            self.kept.upsert("memberships", {**ids, **member.get("attributes", {})})


class Observer(NamedTuple):
    """The stream of a record."""

    stream_name: str


class Run:
    """A run whose steps are taken in any order."""

    def __init__(self, api: Userflow) -> None:
        """Compare with what is there."""
        definitions = Definitions(OBJECT_TYPES["users"].product, api)
        self.api = api
        self.comparison = Comparison(api, definitions)
        self._dedups: dict[str, CompareWithDestination] = {}
        self._mappers: dict[str, Mapper] = {}
        for name, (kind, columns) in STREAMS.items():
            self._dedups[name] = CompareWithDestination(self.comparison, NoDedup(), matches=False)
            stream = Stream(name, columns, [], StreamOptions())
            self._mappers[name] = mapper(OBJECT_TYPES[kind], stream)
        self._read: list[PendingRecord] = []
        self._queue: deque[PendingRecord] = deque()
        self._in_flight: tuple[PendingRecord, Request] | None = None

    def read(self, row: Row) -> None:
        """Read a record."""
        name, values = row
        mapper_ = self._mappers[name]
        if DELETED in values:
            request = mapper_.deletion(mapper_.object_id(values))
        else:
            request = mapper_(values)
        dedup = self._dedups[name]
        key, source = dedup.key(values, request, name), Source(name, b"", b"")
        self._read.append(PendingRecord(request, source, Observer(name), key))  # type: ignore[arg-type] # asked for no more

    def prepare(self) -> None:
        """Compare what was read, streams in the order in which they came; the same is settled."""
        read, self._read = self._read, []
        while read:
            name = read[0].observer.stream_name
            count = next(
                (n for n, one in enumerate(read) if one.observer.stream_name != name), None
            )
            records, read = read[:count], [] if count is None else read[count:]
            dedup = self._dedups[name]
            for known in dedup.prefetch(records):
                outcomes = [dedup.outcome(record) for record in known]
                for record, outcome in zip(known, outcomes, strict=True):
                    if outcome:
                        self._release(record)
                    else:
                        record.request = replace(record.request, mergeable=False)
                        self._queue.append(record)

    def send(self) -> None:
        """Have the next request leave, or the one in flight arrive."""
        if self._in_flight:
            (record, request), self._in_flight = self._in_flight, None
            self.api.write(request)
            self._dedup(record).delivered(record)
            self._release(record)
        elif self._queue:
            record = self._queue.popleft()
            dedup = self._dedup(record)
            if dedup.outcome(record):
                self._release(record)
                return
            self._in_flight = record, dedup.parts.reduced(record)
            dedup.sending(record)

    @property
    def is_settled(self) -> bool:
        """Whether no record waits."""
        return not (self._read or self._queue or self._in_flight)

    def left(self) -> dict[str, Any]:
        """Return the attributes about records, by name; all are empty once all are settled."""
        of = vars(self.comparison)
        kept = vars(of["_others"]) | {name: of[name] for name in ("_same", "_fresh")}
        for number, view in enumerate(of["_views"]):
            kept |= {f"{name} {number}": vars(view)[name] for name in ("_held", "_sums")}
        return {
            name: left
            for name, left in kept.items()
            if left and name not in {"_store", "_has_marks"}
        }

    def _dedup(self, record: PendingRecord) -> CompareWithDestination:
        return self._dedups[record.observer.stream_name]

    def _release(self, record: PendingRecord) -> None:
        self._dedup(record).release([record])
        others = vars(vars(self.comparison)["_others"])
        counts = (others[name].values() for name in ("_waiting", "_changing", "_ending"))
        assert all(count >= 0 for of_keys in counts for count in of_keys)


ids, group_ids = st.sampled_from(["u1", "u2"]), st.sampled_from(["g1", "g2"])
words = st.sampled_from(["a", "b", None])
both = {"user_id": ids, "group_id": group_ids}
upserts = st.one_of(
    st.tuples(
        st.just("users"),
        st.fixed_dictionaries({"user_id": ids}, optional={"plan": words, "name": words}),
    ),
    st.tuples(
        st.just("listed"),
        st.fixed_dictionaries(
            {"user_id": ids, "groups": st.lists(group_ids, max_size=2, unique=True)},
            optional={"plan": words, "prune_memberships": st.sampled_from([True])},
        ),
    ),
    st.tuples(
        st.just("groups"), st.fixed_dictionaries({"group_id": group_ids}, optional={"tier": words})
    ),
    st.tuples(st.just("memberships"), st.fixed_dictionaries(both, optional={"role": words})),
)
ends = st.one_of(
    st.tuples(st.just("users"), st.fixed_dictionaries({"user_id": ids})),
    st.tuples(st.just("groups"), st.fixed_dictionaries({"group_id": group_ids})),
    st.tuples(st.just("memberships"), st.fixed_dictionaries(both)),
).map(lambda row: (row[0], row[1] | {DELETED: True}))


FILL: dict[str, dict[str, Any]] = {
    "users": {"plan": "a", "name": "b"},
    "listed": {"plan": "a", "groups": ["g3"]},
    "groups": {"tier": "a"},
    "memberships": {"group_id": "g3", "role": "a"},
}
"""Of each stream, what 101 records say that come first: then the list is read, with the columns of
these; else objects are looked up one by one."""


def filling(stream: str | None) -> list[Row]:
    """Records of a stream that are there as they are."""
    id_ = "group_id" if stream == "groups" else "user_id"
    return [(stream, {id_: f"x{n}", **FILL[stream]}) for n in range(101)] if stream else []


def put(there: Destination, row: Row) -> None:
    """Bring a record to a model."""
    name, values = row
    if DELETED in values:
        there.delete(name, tuple(values[key] for key in both if key in values))
    else:
        there.upsert("users" if name == "listed" else name, values)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(
    st.lists(upserts, max_size=6),
    st.lists(upserts | upserts | ends, max_size=10),
    st.lists(st.sampled_from(["read", "read", "prepare", "send", "send"]), max_size=40),
    st.sampled_from([None, *STREAMS]),
)
def test_the_truth_of_the_last_record_is_there_and_nothing_is_remembered(
    before: list[Row], rows: list[Row], steps: list[str], filled: str | None
) -> None:
    """Whatever is read while records are compared, and written while others are judged."""
    api, truth = Userflow(), Destination()
    before = [*before, *filling(filled)]
    for row in before:
        put(api.kept, row)
    for row in [*before, *rows]:
        put(truth, row)
    run, unread = Run(api), deque(rows)
    for row in filling(filled):
        run.read(row)
    run.prepare()
    for step in [*steps, *["read"] * len(rows), "prepare", *["send"] * 2 * len(rows)]:
        if step == "read" and unread:
            run.read(unread.popleft())
        elif step == "prepare":
            run.prepare()
        elif step == "send":
            run.send()
    assert run.is_settled
    assert not differences(api.kept, truth)
    assert not run.left()
