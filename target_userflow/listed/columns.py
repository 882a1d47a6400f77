"""The attributes that records set, and how each is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.listed.equality import ABSENT, PRESENT, expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_userflow.apis.messages import Reference
    from target_userflow.apis.userflow.parts import Part

BY_VALUE, IF_PRESENT = "value", "present"
"""Whether an attribute is compared by its value, or only has to have one (`set_once`)."""


class Columns:
    """The attributes of each kind of object that records set, and how they are compared."""

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        """Know those of some parts of requests."""
        self._of_kind: dict[str, dict[str, str]] = {}
        self.add(parts)

    def __eq__(self, other: object) -> bool:
        """Return whether others are the same columns, compared in the same way."""
        return isinstance(other, Columns) and self._of_kind == other._of_kind

    __hash__ = None  # type: ignore[assignment] # it changes

    def add(self, parts: Iterable[Part]) -> None:
        """Add the attributes of parts of requests."""
        for part in parts:
            known = self._of_kind.setdefault(kind_of(part.reference), {})
            for name, change in part.attributes.items():
                if known.get(name) != BY_VALUE:
                    is_operation = isinstance(change, dict)
                    after = expected(change, is_time=True) if is_operation else ABSENT
                    if after is not None:
                        known[name] = IF_PRESENT if after == PRESENT else BY_VALUE

    def has(self, reference: Reference) -> bool:
        """Return whether records are about objects of this kind."""
        return kind_of(reference) in self._of_kind

    def of(self, reference: Reference) -> Mapping[str, str]:
        """Return name → how it is compared, of the attributes of an object."""
        return self._of_kind.get(kind_of(reference), {})


def kind_of(reference: Reference) -> str:
    """Return what tells objects with other attributes apart."""
    name, *ids = reference
    return f"{name} of a user" if name == "memberships" and len(ids) == 1 else name
