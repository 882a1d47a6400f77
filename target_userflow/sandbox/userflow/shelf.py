"""Things by id, in the order of their creation, in pages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Shelf(Generic[T]):
    """A dict that can also be read page by page, each page in constant time or nearly so."""

    def __init__(self) -> None:
        """Begin empty."""
        self._things: dict[str, tuple[int, T]] = {}
        self._order: list[tuple[int, str]] = []
        self._numbers = count()

    def __contains__(self, id_: str) -> bool:
        """Whether there is something with this id."""
        return id_ in self._things

    def __len__(self) -> int:
        """How many things there are."""
        return len(self._things)

    def __getitem__(self, id_: str) -> T:
        """What has this id."""
        return self._things[id_][1]

    def get(self, id_: str) -> T | None:
        """What has this id, if anything."""
        found = self._things.get(id_)
        return found and found[1]

    def add(self, id_: str, thing: T) -> T:
        """Put something new last."""
        number = next(self._numbers)
        self._things[id_] = number, thing
        self._order.append((number, id_))
        return thing

    def pop(self, id_: str) -> T | None:
        """Take away what has this id, if anything."""
        found = self._things.pop(id_, None)
        if found:
            del self._order[bisect_left(self._order, (found[0], id_))]
        return found and found[1]

    def __iter__(self) -> Iterator[T]:
        """Everything, in order."""
        return (thing for _, thing in self._things.values())

    def page(self, after: str | None, limit: int) -> tuple[list[T], bool]:
        """So many things after the one with an id that is there, and whether more follow."""
        start = bisect_right(self._order, (self._things[after][0], after)) if after else 0
        ids = self._order[start : start + limit + 1]
        return [self._things[id_][1] for _, id_ in ids[:limit]], len(ids) > limit

    def items(self) -> list[tuple[str, T]]:
        """Everything with its id, in order."""
        return [(id_, thing) for id_, (_, thing) in self._things.items()]

    def only(self, wanted: Callable[[T], bool]) -> Shelf[T]:
        """A shelf with some of the things, in the same order."""
        shelf: Shelf[T] = Shelf()
        for id_, (_, thing) in self._things.items():
            if wanted(thing):
                shelf.add(id_, thing)
        return shelf
