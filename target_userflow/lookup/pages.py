"""Reads the pages of a list, several at once where the list can be entered in several places."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from target_userflow.apis.listing import Page
from target_userflow.apis.messages import reading
from target_userflow.errors import NotListed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_userflow.apis.listing import Listing
    from target_userflow.apis.messages import Answer, Request

T = TypeVar("T")
WALKS = 10
"""Pages that are asked for at once."""
_MORE_WALKS = 32  # of a list, beside those of the stride: each may take a page that others read
_NO_CURSOR = {400, 404, 422}
"""How a page may be answered whose cursor is not there: which of them is not documented."""
_EARLIER = 3  # ids before a cursor that are tried if it was deleted
_OK = 200


class Reads(Protocol):
    """Asks the API, by the limits and with the patience of everything else that is sent."""

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the answers that no repetition would change, in the order of the requests."""

    def begin(self, request: Request) -> Future[Answer]:
        """Ask, and return at once."""


class _Asked(NamedTuple):
    """A request for a page that is on its way."""

    after: str | None
    """The cursor: the id of the object before the page; None for the first page."""
    earlier: Sequence[str] = ()
    """Ids before it, the nearest one last: they are tried if it is gone."""
    is_start: bool = False
    """Whether a walk begins with it."""


class Pages(Generic[T]):
    """The pages of a list, several of them asked for at once.

    Where any object's id is a cursor, the list is entered in several places. Each walk ends at the
    first object that another one has read, so that together they see the list as a single one would
    by no more pages than one for each place of entry beside those of the list. Where the list was
    entered says nothing: that object may be deleted and created anew, at the end of the list. A
    cursor that was deleted meanwhile is replaced by the id before it; so is one that nothing
    follows, as it was created anew: the page before said that there is more.
    """

    def __init__(self, listing: Listing[T], reads: Reads, api: str) -> None:
        """Read a list.

        Args:
            listing: How to ask.
            reads: The way to the API.
            api: Its name, for messages.
        """
        self._listing = listing
        self._reads = reads
        self._api = api
        self._asked: dict[Future[Answer], _Asked] = {}
        self._tried: set[str] = set()
        self._entering: dict[str, Future[Answer]] = {}
        self._begun: set[str] = set()
        self._more = _MORE_WALKS
        self.count = 0
        """Pages that were asked for."""
        self.is_complete = False
        """Whether there is no other page."""

    @property
    def _places(self) -> int:
        """How many walks may begin."""
        return max(0, WALKS - len(self._asked)) if self._listing.begins_anywhere else 0

    def more_starts(self, ids: Iterable[str]) -> list[str]:
        """Return those of some ids with which walks are to begin where there are too few."""
        new = (id_ for id_ in ids if id_ not in self._tried)
        starts = [*islice(new, min(self._places, self._more))]
        self._more -= len(starts)
        return starts

    def next(self, starts: dict[str, None]) -> Page[T]:
        """Return the page that comes first; an empty one if there is none any more.

        Args:
            starts: Ids where the list may be entered as well; those that are used are removed.

        Raises:
            NotListed: an answer is no page.
            StopRun: there is no answer.
        """
        self._enter(starts)
        asked, page = self._first_page()
        ids = [getattr(existing, "id", "") for existing in page.objects]
        if page.after is not None and not self._meets_another(ids, asked):
            self._ask(_Asked(page.after, _before(page.after, ids)))
        self.is_complete = not self._asked
        return page

    def _first_page(self) -> tuple[_Asked, Page[T]]:
        """Return the page that was answered first; an empty one if no answer is a page."""
        while self._asked:
            done, _ = wait(self._asked, return_when=FIRST_COMPLETED)
            future = next(future for future in self._asked if future in done)
            asked, answer = self._asked.pop(future), future.result()
            page = self._page_if_any(answer, asked)
            if page and (page.objects or not asked.earlier):
                return asked, page
            if asked.earlier:
                *earlier, after = asked.earlier
                self._ask(_Asked(after, earlier))
        return _Asked(None), Page([], None)

    def _page_if_any(self, answer: Answer, asked: _Asked) -> Page[T] | None:
        """Return the page in an answer; None if its cursor is gone, or no walk begins with it."""
        if answer.status in _NO_CURSOR and asked.earlier:
            return None
        if answer.status != _OK and asked.is_start:
            self._entering.pop(str(asked.after), None)
            return None
        return self._page(answer, asked)

    def _enter(self, starts: dict[str, None]) -> None:
        """Begin walks, as many as there are places for."""
        if not self.count:
            self._ask(_Asked(None))
        cursors = {asked.after for asked in self._asked.values()}
        for start in [*islice(starts, self._places)]:
            del starts[start]
            if start not in self._tried and start not in cursors:
                self._tried.add(start)
                self._entering[start] = self._ask(_Asked(start, is_start=True))

    def _meets_another(self, ids: Sequence[str], asked: _Asked) -> bool:
        """Return whether one of these is the first that another walk has read."""
        for start in self._entering.keys() & set(ids):
            future = self._entering[start]
            answer = future.result()
            if answer.status == _OK:
                self._page(answer, self._asked[future])
            else:
                del self._asked[future], self._entering[start]
        return not self._begun.isdisjoint(ids[asked.is_start :])  # its own first one is no other's

    def _ask(self, asked: _Asked) -> Future[Answer]:
        """Ask for the page after an id."""
        self.count += 1
        future = self._reads.begin(reading(self._listing.page(asked.after)))
        self._asked[future] = asked
        return future

    def _page(self, answer: Answer, asked: _Asked) -> Page[T]:
        """Return the page in an answer, and note where a walk begins with it."""
        path = self._listing.page(asked.after)
        page = page_of(
            self._listing, answer, asked.after, f"GET {path.partition('?')[0]}", self._api
        )
        if asked.is_start:
            self._entering.pop(str(asked.after), None)
            self._begun.update(getattr(existing, "id", "") for existing in page.objects[:1])
        return page


def _before(cursor: str, ids: Sequence[str]) -> Sequence[str]:
    """Return some ids before a cursor, which is the last of the page; none if it is no id."""
    return ids[-1 - _EARLIER : -1] if ids[-1:] == [cursor] else ()


def all_pages(listing: Listing[T], reads: Reads, api: str) -> Iterator[Page[T]]:
    """Yield all pages of a list, each asked for when the one before is done with.

    Raises:
        NotListed: an answer is no page of it.
    """
    pages: Pages[T] = Pages(listing, reads, api)
    while not pages.is_complete:
        yield pages.next({})


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
