"""Reads what exists of one object type, with as few requests as it takes.

Nobody says beforehand how many objects there are, nor how many will be asked for. So what is asked
for is looked up, one by one, as long as that takes no more than `LOOK_UPS` requests; then the list
is read, by no more pages than objects were asked for, and what it has not shown by then is looked
up as well. That is at most twice of what it takes for whoever knows both numbers.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from target_userflow.apis.messages import reading
from target_userflow.errors import NotListed
from target_userflow.lookup.compact_multi_map import hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from target_userflow.apis.listing import ExistingObject, Listing, Page
    from target_userflow.apis.messages import Answer, Request

T = TypeVar("T")
LOOK_UPS = 100
"""Objects that are looked up one by one in any case."""
_OK, _NOT_FOUND = 200, 404
_WALKS = 8  # pages that are asked for at once
_STRIDE = 990
"""Objects that a walk has for itself, if they are asked for in the list's order: a little less than
ten pages, so that the tenth shows where the next walk began even if the order is not quite that.
"""
_FAR = 50  # pages that are left: with fewer, no more walks are worth their last pages
_ENOUGH = 3 * _WALKS  # pages by which the order is judged
_MORE_WALKS = 32  # of a list, beside those of the stride: each may take a page that others read
_NO_CURSOR = {400, 404, 422}
"""How a page may be answered whose cursor is not there: which of them is not documented."""
_EARLIER = 3  # ids before a cursor that are tried if it was deleted


class Reads(Protocol):
    """Asks the API, by the limits and with the patience of everything else that is sent."""

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers that no repetition would change, in the order of the requests."""

    def begin(self, request: Request) -> Future[Answer]:
        """Ask, and return at once."""


class ObjectList:
    """The objects of one type; each is handed over as it is read. One thread reads."""

    def __init__(
        self,
        listing: Listing[ExistingObject],
        reads: Reads,
        api: str,
        take: Callable[[ExistingObject], None],
    ) -> None:
        """Read nothing yet.

        Args:
            listing: How to ask.
            reads: The way to the API.
            api: Its name, for messages.
            take: Is called with each object; with some of them twice.
        """
        self._listing = listing
        self._reads = reads
        self._take = take
        self._api = api
        self._pages = Pages(listing, reads, api)
        self._asked = 0
        self._missing: set[int] = set()

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

    def learn(self, ids: Iterable[str]) -> None:
        """Read until it is known which of some objects exist: the others are not handed over.

        Args:
            ids: Their ids, in the order read; none was handed over before.

        Raises:
            NotListed: the API does not say.
            StopRun: the API does not answer.
        """
        wanted = {id_: None for id_ in ids if not self.is_missing(id_)}
        if self.is_complete or not wanted:
            return
        self._asked += len(wanted)
        if self._asked > LOOK_UPS and self._listing.by_id:
            self._read_pages(wanted, self._asked)
        if not self.is_complete and not self.look_up([*wanted]):
            self.finish()

    def is_missing(self, id_: str) -> bool:
        """Whether it was looked up in vain."""
        return bool(self._missing) and hashed(id_) in self._missing

    def finish(self) -> None:
        """Read everything that exists; errors as for `learn`."""
        self._read_pages(None, None)

    def _read_pages(self, wanted: dict[str, None] | None, most: int | None) -> None:
        """Read pages until they have shown all that is wanted, or are as many as they may be."""
        total, read = len(wanted or ()), 0
        starts = [*(wanted or ())][_STRIDE - 1 : -1 : _STRIDE]
        while not self.is_complete and (wanted is None or wanted):
            if most is not None and self._pages.count >= most:
                return
            starts = [id_ for id_ in starts if wanted and id_ in wanted]
            if wanted and not starts and _is_far(total, len(wanted), read):
                starts = self._pages.more_starts(wanted)
            read += 1
            for existing in self._pages.next(starts).objects:
                self._take(existing)
                if wanted:
                    wanted.pop(existing.id, None)

    def look_up(self, ids: Sequence[str]) -> bool:
        """Ask for each. Returns whether all the answers say what there is; errors as `learn`."""
        by_id, read = self._listing.by_id, self._listing.read_one
        if by_id is None or read is None:
            return False
        answers = self._reads.fetch([reading(by_id(id_)) for id_ in ids])
        for id_, answer in zip(ids, answers, strict=True):
            if answer.status == _OK:
                self._take(self._read(read, answer))
            elif answer.status == _NOT_FOUND:
                self._missing.add(hashed(id_))
        return all(answer.status in {_OK, _NOT_FOUND} for answer in answers)

    def _read(self, read: Callable[[Answer], ExistingObject], answer: Answer) -> ExistingObject:
        try:
            return read(answer)
        except ValueError as error:
            raise NotListed(f"{self._api}'s answer to a look-up can't be read: {error}") from None


class Pages(Generic[T]):
    """The pages of a list, several of them asked for at once.

    Where any object's id is a cursor, the list is entered in several places. Each walk ends where
    another one began, so that together they see the list as a single one would. A cursor that was
    deleted meanwhile is replaced by the id before it.
    """

    def __init__(self, listing: Listing[T], reads: Reads, api: str) -> None:
        """Ask for nothing yet; for the arguments see `ObjectList`."""
        self._listing = listing
        self._reads = reads
        self._api = api
        self._asked: dict[Future[Answer], str | None] = {}
        self._tried: set[str] = set()
        self._begun: set[str] = set()
        self._earlier: dict[str | None, list[str]] = {}
        self._more = _MORE_WALKS
        self.count = 0
        """Pages that were asked for."""
        self.is_complete = False
        """Whether there is no other page."""

    @property
    def _places(self) -> int:
        """How many walks may begin."""
        return max(0, _WALKS - len(self._asked)) if self._listing.begins_anywhere else 0

    def more_starts(self, ids: Iterable[str]) -> list[str]:
        """Return those of some ids with which walks are to begin where there are too few."""
        new = (id_ for id_ in ids if id_ not in self._tried)
        starts = [*islice(new, min(self._places, self._more))]
        self._more -= len(starts)
        return starts

    def next(self, starts: list[str]) -> Page[T]:
        """Return the page that comes first.

        Args:
            starts: Ids where the list may be entered as well; those that are used are removed.

        Raises:
            NotListed: an answer is no page.
            StopRun: there is no answer.
        """
        self._enter(starts)
        after, answer = self._first_answer()
        while answer.status in _NO_CURSOR and self._earlier.get(after):
            earlier = self._earlier.pop(after)
            self._ask(earlier.pop(), earlier)
            after, answer = self._first_answer()
        self._earlier.pop(after, None)
        page = self._page(answer, after)
        ids = [getattr(existing, "id", "") for existing in page.objects]
        if page.after is not None and self._begun.isdisjoint(ids):
            self._ask(page.after, ids[-1 - _EARLIER : -1])
        self.is_complete = not self._asked
        return page

    def _first_answer(self) -> tuple[str | None, Answer]:
        """Return what was answered first of what was asked, and the cursor that asked for it."""
        done, _ = wait(self._asked, return_when=FIRST_COMPLETED)
        future = next(iter(done))
        return self._asked.pop(future), future.result()

    def _enter(self, starts: list[str]) -> None:
        if not self.count:
            self._ask(None)
        places = self._places
        entered = {self._ask(start): start for start in starts[:places]}
        self._tried.update(starts[:places])
        del starts[:places]
        wait(entered)  # before a walk comes to where another one may have begun, or not
        for future, start in entered.items():
            if future.result().status == _OK:
                self._begun.add(start)
            else:
                del self._asked[future]

    def _ask(self, after: str | None, earlier: Sequence[str] = ()) -> Future[Answer]:
        """Ask for the page after an id, or after one of those before it if that is gone."""
        self.count += 1
        future = self._reads.begin(reading(self._listing.page(after)))
        self._asked[future] = after
        self._earlier[after] = [id_ for id_ in earlier if id_]
        return future

    def _page(self, answer: Answer, after: str | None) -> Page[T]:
        path = self._listing.page(after)
        return page_of(self._listing, answer, after, f"GET {path.partition('?')[0]}", self._api)


def all_pages(listing: Listing[T], reads: Reads, api: str) -> Iterator[Page[T]]:
    """Yield all pages of a list, each asked for when the one before is done with.

    Raises:
        NotListed: an answer is no page of it.
    """
    pages: Pages[T] = Pages(listing, reads, api)
    while not pages.is_complete:
        yield pages.next([])


def page_of(
    listing: Listing[T], answer: Answer, after: str | None, asked: str, api: str
) -> Page[T]:
    """Return the page in an answer.

    Raises:
        NotListed: there is none; `asked` says what was asked for.
    """
    if answer.status != _OK:
        raise NotListed(f"{api} answered HTTP {answer.status} to {asked}")
    try:
        return listing.read(answer, after)
    except ValueError as error:
        raise NotListed(f"{api}'s answer to {asked} can't be read: {error}") from None


def _is_far(total: int, left: int, read: int) -> bool:
    """Whether many pages are left, if those read so far held their share of what is wanted.

    What is wanted in the order of the list is shown by few pages; in any other, by all.

    Args:
        total: Objects that were wanted.
        left: Objects that were not shown yet.
        read: Pages that were read for them.
    """
    return read >= _ENOUGH and read * left >= _FAR * (total - left)
