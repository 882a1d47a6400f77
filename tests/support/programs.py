"""Random programs: what taps send in several runs, and what that makes of the destination.

What the order between streams decides is left out, as nobody promises it: in one run a user is
written by one of its streams, and a group that may be deleted is named by nobody else. From one run
to the next these change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from support.model import Destination
from support.process import record, schema, state

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

Message = dict[str, Any]

WHEN = "2026-01-01T00:00:00Z"
USERS, GROUPS = 8, 4  # few, so that one run undoes what another did
STAFF = ("people", "staff")
"""Two streams of the tap that stream maps give one name."""
_ANY: Message = {}
_MEMBER = ["user_id", "group_id"]
_DELETED = {"_sdc_deleted_at": "string"}
_USER = {
    "user_id": "string",
    "email": "string",
    "plan": "string",
    "score": "integer",
    "n": _ANY,
    "tags": _ANY,
    "prefs": {"type": ["object", "null"], "properties": {"theme": {"type": ["string", "null"]}}},
    "groups": {"type": ["array", "null"]},
    "prune_memberships": "boolean",
    **_DELETED,
}
SCHEMAS = [
    schema("events", {"id": "integer", "user_id": "string", "name": "string", "n": "integer"}),
    schema(
        "memberships", {**dict.fromkeys(_MEMBER, "string"), "role": "string", **_DELETED}, _MEMBER
    ),
    *(schema(name, _USER, ["user_id"]) for name in STAFF),
    schema(
        "teams",
        {"group_id": "string", "name": "string", "size": "integer", **_DELETED},
        ["group_id"],
    ),
    schema("table", {"group_id": "string", "name": "string"}, ["group_id"]),
    schema("crm", {"user_id": "string", "stage": "string"}, ["user_id"]),
    schema("signups", {"user_id": "string", "stage": "string"}, ["user_id"]),
    schema("contacts", {"email": "string", "title": "string"}, []),
    schema("participants", dict.fromkeys(("email", "city", "title"), "string"), ["email"]),
]
FAULTS: tuple[dict[str, float], ...] = (
    {},
    {"500": 0.004, "503": 0.004, "reset-before": 0.004},
    {"503": 0.003, "reset-after": 0.004, "truncated": 0.003},
)

SKIPS: tuple[bool | str, ...] = (True, "destination")


@dataclass
class Chosen:
    """The settings of one program."""

    skip_unchanged: bool | str
    hard_delete: bool
    omits_nulls: bool
    adds: bool
    concurrency: int
    faults: dict[str, float]

    @classmethod
    def by(cls, choose: random.Random) -> Chosen:
        """Choose them: sums stay out where answers get lost, as these may count twice."""
        faults = choose.choice(FAULTS)
        yes = (choose.random() < share for share in (0.6, 0.7, 0.3, 0.5))
        skip, deletes, omits, adds = yes
        is_exact = "reset-after" not in faults
        compared = choose.choice(SKIPS) if skip else False
        concurrency = choose.choice([1, 3, 10, 20])
        return cls(compared, deletes, omits, adds and is_exact, concurrency, faults)

    @property
    def config(self) -> dict[str, Any]:
        """The settings as the target takes them."""
        nulls = {"nulls": "omit" if self.omits_nulls else "clear"}
        users = {"object": "users", **nulls}
        adding = {"operations": {"n": "add"}} if self.adds else {}
        return {
            "skip_unchanged": self.skip_unchanged,
            "hard_delete": self.hard_delete,
            "concurrency": self.concurrency,
            "max_delete_ratio": 1,
            "max_rejects": 10_000,
            "stream_maps": {name: {"__alias__": "users"} for name in STAFF},
            "streams": {
                "users": {**users, **adding},
                "te*": {"object": "groups", **nulls},
                "table": {"object": "groups"},
                "memberships": nulls,
                "crm": {"object": "users", "mode": "update"},
                "signups": {"object": "users", "mode": "insert"},
                "contacts": {"object": "users", "match_by": "email"},
            },
        }


@dataclass
class Interpreter:
    """Takes messages one after the other, as if there were one worker and no faults."""

    chosen: Chosen
    truth: Destination = field(default_factory=Destination)
    events: set[int] = field(default_factory=set)
    """The keys of those that must have come."""
    rejected: int = 0
    _versions: dict[str, int] = field(default_factory=dict)
    _ahead: int | None = None

    def read(self, messages: list[Message]) -> None:
        """Take the messages of one run."""
        for message in messages:
            if message["type"] == "ACTIVATE_VERSION":
                self._ahead = message["version"]  # it counts at the end: all of its rows are in
            elif message["type"] == "RECORD":
                self._record(message["stream"], message["record"], message.get("version"))
        if self._ahead is not None and self.chosen.hard_delete:
            for id_ in [id_ for id_, at in self._versions.items() if at < self._ahead]:
                del self._versions[id_]
                self.truth.delete("groups", (id_,))

    def _record(self, stream: str, row: Message, version: int | None) -> None:
        if is_bad(row):
            self.rejected += 1
        elif stream == "events":
            self.events.add(row["id"])
        elif stream == "participants":
            self.truth.upsert_participant(row)
        elif stream in {"crm", "signups"}:
            if (row["user_id"] in self.truth.users) == (stream == "crm"):
                self.truth.upsert("users", row)
        elif stream == "contacts":
            self._contact(row)
        else:
            self._row("users" if stream in STAFF else stream, row, version)

    def _contact(self, row: Message) -> None:
        found = [
            id_ for id_, one in self.truth.users.items() if one.get("email") == row["email"].lower()
        ]
        if len(found) == 1:
            self.truth.upsert("users", {"user_id": found[0], "title": row["title"]})

    def _row(self, stream: str, row: Message, version: int | None) -> None:
        name = "groups" if stream in {"teams", "table"} else stream
        if row.get("_sdc_deleted_at"):
            if self.chosen.hard_delete:
                self.truth.delete(name, tuple(row[one] for one in _MEMBER if one in row))
            return
        self.truth.upsert(name, self._attributes(name, row))
        if version is not None:
            known = self._versions.get(row["group_id"], version)
            self._versions[row["group_id"]] = max(known, version)

    def _attributes(self, name: str, row: Message) -> Message:
        """The row as it stands in a request."""
        flat = {
            column: value for column, value in row.items() if column not in {*_DELETED, "prefs"}
        }
        if "prefs" in row:
            flat["prefs_theme"] = (row["prefs"] or {"theme": None})["theme"]
        if name == "users" and self.chosen.adds and "n" in row:
            flat["n"] = {"add": row["n"]}
        if self.chosen.omits_nulls:
            flat = {column: value for column, value in flat.items() if value is not None}
        return flat


def is_bad(row: Message) -> bool:
    """Whether a record can't be sent."""
    return (
        row.get("score") == "high"
        or row.get("name") == "no/name"
        or ("user_id" in row and row["user_id"] is None)
        or row.get("email") == "nobody at all"
    )


class Program:
    """Some runs of one tap."""

    def __init__(self, choose: random.Random, runs: int, records: int) -> None:
        """Choose the settings; `records` is how many of them a run has, or a few more."""
        self._choose = choose
        self._records = records
        self._events = count()
        self._version = count(1)
        self._sent: list[Message] = []
        self._runs = runs
        self.chosen = Chosen.by(choose)

    def runs(self) -> Iterator[list[Message]]:
        """The messages of each run; some runs begin again where the one before began."""
        messages: list[Message] = []
        for _ in range(self._runs):
            if not messages or self._choose.random() > 0.25:
                messages = self._run()
            yield messages

    def _run(self) -> list[Message]:
        """One run: each user has its writer, and each group may be deleted or named."""
        choose = self._choose
        writers = [*[self._row, self._member] * 3, self._update, self._insert, self._match]
        self._writer = {f"u{n}": choose.choice(writers) for n in range(USERS)}
        self._named = [f"g{n}" for n in range(GROUPS) if choose.random() < 0.6] or ["g0"]
        table = [*self._reading()]
        messages: list[Message] = []
        while len(messages) < self._records:
            id_ = choose.choice([*self._writer])
            writes = partial(self._writer[id_], id_)
            makers: list[Callable[[], Message]] = [writes, self._event, self._team, self._person]
            messages.append(choose.choices(makers, (6, 2, 2, 1))[0]())
            if table and choose.random() < 0.2:
                messages.append(table.pop(0))
            if choose.random() < 0.1:
                messages.append(state({"read": len(messages)}))
            if choose.random() < 0.01:
                messages.append(choose.choice(SCHEMAS[2:4]))  # a tap may say it again
        return [*SCHEMAS, *messages, *table, state({"end": True})]

    def _row(self, id_: str) -> Message:
        choose = self._choose
        stream = choose.choice(STAFF)
        if choose.random() < 0.12:
            return record(stream, user_id=id_, _sdc_deleted_at=WHEN)
        values: dict[str, Any] = {
            "plan": choose.choice(["free", "pro", None]),
            "score": choose.choice([1, 2, None, "high" if choose.random() < 0.1 else 3]),
            "n": choose.randrange(3),
            "tags": choose.choice(
                [["a"], ["a", "b"], {"append": "c"}, {"prepend": "d"}, {"remove": "a"}, None]
            ),
            "prefs": choose.choice([{"theme": "dark"}, {"theme": None}, None]),
            "_sdc_deleted_at": None,
        }
        some = choose.sample([*values], choose.randrange(len(values)))
        row = {"email": f"{id_}@example.com"} | {name: values[name] for name in some}
        if choose.random() < 0.3:
            row["groups"] = choose.sample(self._named, choose.randrange(len(self._named) + 1))
            row |= {"prune_memberships": True} if choose.random() < 0.5 else {}
        return record(stream, user_id=None if choose.random() < 0.02 else id_, **row)

    def _member(self, id_: str) -> Message:
        member = {"user_id": id_, "group_id": self._choose.choice(self._named)}
        if self._choose.random() < 0.2:
            return record("memberships", **member, _sdc_deleted_at=WHEN)
        roles: list[Message] = [{}, {"role": "owner"}, {"role": "guest"}, {"role": None}]
        return record("memberships", **member, **self._choose.choice(roles))

    def _update(self, id_: str) -> Message:
        return record("crm", user_id=id_, stage=self._choose.choice(["lead", "won"]))

    def _insert(self, id_: str) -> Message:
        return record("signups", user_id=id_, stage=self._choose.choice(["lead", "won"]))

    def _match(self, id_: str) -> Message:
        email = f"{self._choose.choice([id_, id_.upper()])}@example.com"
        return record("contacts", email=email, title=self._choose.choice(["CEO", "CTO"]))

    def _event(self) -> Message:
        choose = self._choose
        if self._sent and choose.random() < 0.3:
            return choose.choice(self._sent)
        n, name = next(self._events), "no/name" if choose.random() < 0.05 else "used"
        self._sent.append(record("events", id=n, user_id=f"e{n % 9}", name=name, n=n))
        return self._sent[-1]

    def _team(self) -> Message:
        choose = self._choose
        id_ = f"g{choose.randrange(GROUPS)}"
        if id_ not in self._named and choose.random() < 0.3:
            return record("teams", group_id=id_, _sdc_deleted_at=WHEN)
        values = {"name": choose.choice(["A", "B", None]), "size": choose.choice([1, 2, None])}
        some = choose.sample([*values], choose.randrange(3))
        return record("teams", group_id=id_, **{name: values[name] for name in some})

    def _person(self) -> Message:
        choose = self._choose
        values = {"city": choose.choice(["Rome", "Bonn", None]), "title": choose.choice("AB")}
        some = choose.sample([*values], choose.randrange(3))
        email = "nobody at all" if choose.random() < 0.05 else f"p{choose.randrange(6)}@example.com"
        return record("participants", email=email, **{name: values[name] for name in some})

    def _reading(self) -> Iterator[Message]:
        """All of a table, with its version said ahead or afterwards."""
        version = {"version": next(self._version)}
        said = {"type": "ACTIVATE_VERSION", "stream": "table", **version}
        is_ahead = self._choose.random() < 0.5
        if is_ahead:
            yield said
        for n in range(8):
            if self._choose.random() < 0.6:
                row = record("table", group_id=f"t{n}", name=self._choose.choice("AB"))
                yield {**row, **version}
        if not is_ahead:
            yield said
