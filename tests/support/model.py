"""What must be in the destination: the rules of the APIs in plain Python, record by record.

It knows neither requests nor the sandbox, and nothing of what is merged, skipped or sent again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.sandbox import Sandbox

Row = dict[str, Any]
_ROLES = {"user_id", "group_id", "groups", "prune_memberships"}


class Destination:
    """Users with their memberships, groups and participants, by the rules of the APIs."""

    def __init__(self) -> None:
        """Begin empty."""
        self.users: dict[str, Row] = {}
        self.groups: dict[str, Row] = {}
        self.memberships: dict[tuple[str, str], Row] = {}
        self.participants: dict[str, Row] = {}

    def upsert(self, name: str, row: Row) -> None:
        """Create or merge an object; whatever it refers to is created as well."""
        changed = {column: row[column] for column in row if column not in _ROLES}
        user, group = row.get("user_id", ""), row.get("group_id", "")
        if name == "groups":
            merge(self.groups.setdefault(group, {}), changed)
        elif name == "users":
            merge(self.users.setdefault(user, {}), changed)
            self._list(user, row)
        else:
            self.users.setdefault(user, {})
            self.groups.setdefault(group, {})
            merge(self.memberships.setdefault((user, group), {}), changed)

    def upsert_participant(self, row: Row) -> None:
        """Create or merge a participant; what a null does there nobody says, so none is sent."""
        kept = {column: value for column, value in row.items() if value is not None}
        self.participants.setdefault(row["email"].lower(), {}).update(kept)

    def delete(self, name: str, key: tuple[str, ...]) -> None:
        """Delete, and with it what can't be without it; what is gone already is no error."""
        if name == "memberships":
            self.memberships.pop((key[0], key[1]), None)
        else:
            place = ("users", "groups").index(name)
            (self.users, self.groups)[place].pop(key[0], None)
            for one in [one for one in self.memberships if one[place] == key[0]]:
                del self.memberships[one]

    def _list(self, user: str, row: Row) -> None:
        """Bring a user into the groups of a list; pruned, into no others."""
        listed = row.get("groups", ())
        for group in listed:
            self.groups.setdefault(group, {})
            self.memberships.setdefault((user, group), {})
        if row.get("prune_memberships"):
            for one in [one for one in self.memberships if one[0] == user]:
                if one[1] not in listed:
                    del self.memberships[one]


def merge(there: Row, changed: Mapping[str, Any]) -> None:
    """One by one: a null unsets, a value or an operation sets."""
    for name, change in changed.items():
        after = changed_to(there.get(name), change)
        there.pop(name, None)
        if after is not None:
            there[name] = after


def changed_to(before: Any, change: Any) -> Any:
    """The value after a change, by the documented meaning of the operations."""
    if not isinstance(change, dict):
        return change
    ((operation, operand),) = change.items()
    items = before or []
    new = [operand] if operation in {"append", "prepend"} and operand not in items else []
    meanings: dict[str, Callable[[], Any]] = {
        "set": lambda: operand,
        "set_once": lambda: operand if before is None else before,
        "add": lambda: operand + (before or 0),
        "subtract": lambda: (before or 0) - operand,
        "append": lambda: [*items, *new],
        "prepend": lambda: [*new, *items],
        "remove": lambda: [one for one in items if one != operand],
    }
    return meanings[operation]()


def kept_by(sandbox: Sandbox) -> Destination:
    """What the sandbox keeps, as the model has it."""
    there, kept = Destination(), sandbox.state()
    there.groups = {name: one["attributes"] for name, one in kept["groups"].items()}
    there.users = {name: one["attributes"] for name, one in kept["users"].items()}
    there.memberships = {
        (user, group): values
        for user, one in kept["users"].items()
        for group, values in one["memberships"].items()
    }
    there.participants = kept["participants"]
    return there


def differences(there: Destination, truth: Destination) -> list[str]:
    """What is there and should not be, or should and is not; empty if all is as it has to be."""
    return [
        f"{name} {id_}: {of(there).get(id_)} is there, {of(truth).get(id_)} should be"
        for name, of in _PARTS.items()
        for id_ in sorted({*of(there), *of(truth)})
        if of(there).get(id_) != of(truth).get(id_)
    ]


_PARTS: dict[str, Callable[[Destination], dict[Any, Row]]] = {
    "user": lambda one: one.users,
    "group": lambda one: one.groups,
    "membership": lambda one: one.memberships,
    "participant": lambda one: one.participants,
}


def events_of(requests: list[Row]) -> tuple[Counter[int], Counter[int]]:
    """The events that were carried out, and those whose answer was lost, by their attribute `n`."""
    arrived: Counter[int] = Counter()
    unanswered: Counter[int] = Counter()
    for one in requests:
        if one["applied"] and one["path"] == "/events":
            number = int(one["body"]["attributes"]["n"])
            arrived[number] += 1
            unanswered[number] += one["fault"] in {"reset-after", "truncated"}
    return arrived, unanswered
