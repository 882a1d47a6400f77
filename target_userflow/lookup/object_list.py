"""Reads what exists of one object type, with as few requests as it takes.

Nobody says beforehand how many objects there are, nor how many will be asked for. So what is asked
for is looked up, one by one, as long as that takes no more than `LOOK_UPS` requests; then the list
is read, by no more pages than objects were asked for, and what it has not shown by then is looked
up as well. That is at most twice of what it takes for whoever knows both numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.messages import reading
from target_userflow.errors import NotListed
from target_userflow.lookup.compact_multi_map import hashed
from target_userflow.lookup.pages import WALKS, Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_userflow.apis.listing import ExistingObject, Listing
    from target_userflow.apis.messages import Answer
    from target_userflow.lookup.pages import Reads

LOOK_UPS = 100
"""Objects that are looked up one by one in any case."""
_OK, _NOT_FOUND = 200, 404
STRIDE = 490
"""Objects that a walk has for itself, if they are asked for in the list's order: a little less than
five pages, so that the fifth shows where the next walk began even if the order is not quite that.
"""
_FAR = 50  # pages that are left: with fewer, no more walks are worth their last pages
_ENOUGH = 3 * WALKS  # pages by which the order is judged


class ObjectList:
    """The objects of one type; each is handed over as it is read. One thread reads."""

    def __init__(
        self,
        listing: Listing[ExistingObject],
        reads: Reads,
        api: str,
        take: Callable[[Sequence[ExistingObject]], None],
    ) -> None:
        """Read the list of one object type.

        Args:
            listing: How to ask.
            reads: The way to the API.
            api: Its name, for messages.
            take: Is called with the objects of each answer; with some of them twice.
        """
        self._listing = listing
        self._reads = reads
        self._take = take
        self._api = api
        self._pages = Pages(listing, reads, api)
        self._asked = 0
        self._missing: set[int] = set()
        self._starts: dict[str, None] = {}

    @property
    def has_begun(self) -> bool:
        """Whether a page was asked for."""
        return bool(self._pages.count)

    @property
    def pages(self) -> int:
        """Pages that were asked for."""
        return self._pages.count

    @property
    def is_complete(self) -> bool:
        """Whether everything was handed over that exists."""
        return self._pages.is_complete

    def learn(
        self,
        ids: Iterable[str],
        starts: Iterable[str] = (),
        following: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Read until it is known which of some objects exist: the others are not handed over.

        Args:
            ids: Their ids, in the order read; none was handed over before.
            starts: Ids of objects that will be asked for, every `STRIDE`-th, and were not handed
                over: the list may be entered there.
            following: Returns the ids that will be asked for next and were not handed over; it is
                called before an object is looked up that the list may show as well.

        Raises:
            NotListed: the API does not say.
            StopRun: the API does not answer.
        """
        wanted = self._unknown(ids)
        self._starts.update(dict.fromkeys(starts))  # they are for what is asked for later, too
        if self.is_complete or not wanted:
            return
        self._asked += len(wanted)
        if self._asked > LOOK_UPS and self._listing.by_id:
            self._read_pages(wanted, self._asked)
            if wanted:
                self._read_pages(wanted, self._asked + len(self._unknown(following())))
        if not self.is_complete and not self.look_up([*wanted]):
            self.finish()

    def is_missing(self, id_: str) -> bool:
        """Return whether an object was looked up in vain."""
        return bool(self._missing) and hashed(id_) in self._missing

    def finish(self) -> None:
        """Read everything that exists; errors as for `learn`."""
        while not self.is_complete:
            self._take_page({})

    def _unknown(self, ids: Iterable[str]) -> dict[str, None]:
        return {id_: None for id_ in ids if not self.is_missing(id_)}

    def _read_pages(self, wanted: dict[str, None], most: int) -> None:
        """Read pages until they have shown all that is wanted, or are as many as they may be.

        Args:
            wanted: The ids that are wanted; those that a page shows are removed.
            most: How many pages may be read of the list, those before included.
        """
        total, read = len(wanted), 0
        while wanted and not self.is_complete and self._pages.count < most:
            if not self._starts and _is_far(total, len(wanted), read):
                self._starts.update(dict.fromkeys(self._pages.more_starts(wanted)))
            read += 1
            for existing in self._take_page(self._starts):
                wanted.pop(existing.id, None)
                self._starts.pop(existing.id, None)

    def _take_page(self, starts: dict[str, None]) -> Sequence[ExistingObject]:
        """Hand over the objects of the next page; `starts` as for `Pages.next`."""
        objects = self._pages.next(starts).objects
        self._take(objects)
        return objects

    def look_up(self, ids: Sequence[str]) -> bool:
        """Ask for each object. Returns whether all answers say what exists; raises as `learn`."""
        by_id, read = self._listing.by_id, self._listing.read_one
        if by_id is None or read is None:
            return False
        answers = self._reads.fetch([reading(by_id(id_)) for id_ in ids])
        for id_, answer in zip(ids, answers, strict=True):
            if answer.status == _OK:
                self._take([self._read(read, answer)])
            elif answer.status == _NOT_FOUND:
                self._missing.add(hashed(id_))
        return all(answer.status in {_OK, _NOT_FOUND} for answer in answers)

    def _read(self, read: Callable[[Answer], ExistingObject], answer: Answer) -> ExistingObject:
        try:
            return read(answer)
        except ValueError as error:
            raise NotListed(f"{self._api}'s answer to a look-up can't be read: {error}") from None


def _is_far(total: int, left: int, read: int) -> bool:
    """Return whether many pages are left, if those read so far held their share of what is wanted.

    What is wanted in the order of the list is shown by few pages; in any other, by all.

    Args:
        total: Objects that were wanted.
        left: Objects that were not shown yet.
        read: Pages that were read for them.
    """
    return read >= _ENOUGH and read * left >= _FAR * (total - left)
