"""A dict that is read in pages, in the order in which its keys were added."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class PagedDict(Generic[T]):
    """Maps ids to values and reads them in pages.

    A page takes constant time, or O(log n) after deletions, however far into the dict it starts.
    """

    def __init__(self) -> None:
        """Create an empty dict."""
        self._values: dict[str, tuple[int, T]] = {}
        self._order: list[tuple[int, str]] = []
        self._numbers = count()

    def __contains__(self, id_: str) -> bool:
        """Return whether the dict has a value for the id."""
        return id_ in self._values

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._values)

    def __getitem__(self, id_: str) -> T:
        """Return the value for the id.

        Raises:
            KeyError: the dict has no such id.
        """
        return self._values[id_][1]

    def get(self, id_: str) -> T | None:
        """Return the value for the id, or None."""
        numbered = self._values.get(id_)
        return numbered and numbered[1]

    def add(self, id_: str, value: T) -> T:
        """Add a value under a new id, at the end. Returns the value."""
        number = next(self._numbers)
        self._values[id_] = number, value
        self._order.append((number, id_))
        return value

    def pop(self, id_: str) -> T | None:
        """Remove the id and return its value, or None if the dict has no such id."""
        numbered = self._values.pop(id_, None)
        if numbered:
            del self._order[bisect_left(self._order, (numbered[0], id_))]
        return numbered and numbered[1]

    def __iter__(self) -> Iterator[T]:
        """Iterate over the values, in order."""
        return (value for _, value in self._values.values())

    def page(self, after: str | None, limit: int) -> tuple[list[T], bool]:
        """Read a page.

        Args:
            after: The id that the page follows; it must be in the dict. None for the first page.
            limit: The most values on the page.

        Returns:
            The values, and whether more follow.
        """
        start = bisect_right(self._order, (self._values[after][0], after)) if after else 0
        ids = self._order[start : start + limit + 1]
        return [self._values[id_][1] for _, id_ in ids[:limit]], len(ids) > limit

    def items(self) -> list[tuple[str, T]]:
        """Return the pairs of id and value, in order."""
        return [(id_, value) for id_, (_, value) in self._values.items()]

    def only(self, wanted: Callable[[T], bool]) -> PagedDict[T]:
        """Return a dict of the values that a predicate accepts, in the same order."""
        filtered: PagedDict[T] = PagedDict()
        for id_, value in self.items():
            if wanted(value):
                filtered.add(id_, value)
        return filtered
