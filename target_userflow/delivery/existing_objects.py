"""What exists of one object in one destination, learned with as few requests as it takes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, TypeVar

from target_userflow.apis.listing import ExistingObject
from target_userflow.apis.messages import reading
from target_userflow.delivery.compact_multi_map import CompactMultiMap, hashed
from target_userflow.errors import NotListed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from target_userflow.apis.listing import Listing, Page
    from target_userflow.apis.messages import Answer, Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.product import Product

T = TypeVar("T")
LOOK_UPS = 100
"""Single look-ups that a run spends on an object; more would be better spent on its list."""
_OK, _NOT_FOUND = 200, 404


class Reads(Protocol):
    """Asks the API, by the limits and with the patience of everything else that is sent."""

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers that no repetition would change, in the order of the requests."""


class ExistingObjects:
    """The ids of what exists, and the emails they have.

    What is asked for is looked up, one by one, as long as that takes no more than `LOOK_UPS`
    requests in a run; then the whole list is read, once. What the run itself creates is added as
    it is delivered, and what it deletes is gone, whatever a list says: in a dry run, it is still
    there. One thread learns; any may ask and add.
    """

    def __init__(self, object_type: ObjectType, reads: Reads, *, emails: bool = False) -> None:
        """Know nothing yet.

        Args:
            object_type: Whose objects they are.
            reads: The way to the API.
            emails: Whether emails will be asked for.
        """
        if object_type.listing is None:
            raise ValueError(f"{object_type.product.name} does not list {object_type.name}")
        self._api = object_type.product.name
        self._listing = object_type.listing
        self._reads = reads
        self._keeps_emails = emails
        self._ids: set[int] = set()
        self._gone: set[int] = set()
        self._emails = CompactMultiMap()
        self._answered: set[str] = set()
        self._looked_up: set[str] = set()
        self._is_complete = False
        self._lock = threading.Lock()

    def __contains__(self, id_: str) -> bool:
        """Whether it exists, as far as that was learned."""
        return hashed(id_) in self._ids

    def ids_of(self, email: str) -> Collection[str]:
        """Who has an email, as far as that was learned.

        Those who have it as it is written here; if nobody has, those who have it in lower case; if
        nobody has, those who have it in any case of its letters.
        """
        with self._lock:
            found = {
                id_: mark for id_, mark in self._emails.get(folded(email)).items() if id_ in self
            }
        spellings = (hashed(email.strip()), hashed(folded(email)))
        exact = ({id_ for id_, mark in found.items() if mark == one} for one in spellings)
        return next(filter(None, exact), found.keys())

    def add(self, found: ExistingObject) -> None:
        """Note that the run has written something."""
        with self._lock:
            self._gone.discard(hashed(found.id))
            self._put(found)

    def remove(self, id_: str) -> None:
        """Note that something was deleted."""
        with self._lock:
            self._ids.discard(hashed(id_))
            self._gone.add(hashed(id_))

    def prefetch(self, ids: Iterable[str]) -> None:
        """Find out which of these exist.

        Raises:
            StopRun: the API does not say; so for `prefetch_emails`.
        """
        unknown = {id_ for id_ in ids if id_ not in self and hashed(id_) not in self._gone}
        self._prefetch(unknown, self._listing.by_id, self._note_one)

    def prefetch_emails(self, emails: Iterable[str]) -> None:
        """Find out who has these: asked for as written, then in lower case, then in the list.

        `ids_of` goes by the same order, so that an email finds the same users whether it was looked
        up or the list was read. Whether case counts in a look-up is not documented.
        """
        left = {email.strip() for email in emails}
        for spelled in (str, folded):
            left = {email for email in left if not self._is_known(spelled(email))}
            self._prefetch(set(map(spelled, left)), self._listing.by_email, self._note_page)
            left = {email for email in left if not self._is_known(spelled(email))}
        if left and not self._is_complete:
            self._list()

    def _is_known(self, spelled: str) -> bool:
        """Whether it is known who has an email in this spelling, by a look-up or otherwise."""
        with self._lock:
            pairs = self._emails.get(folded(spelled)).items()
            return spelled in self._answered or any(
                mark == hashed(spelled) and id_ in self for id_, mark in pairs
            )

    def _prefetch(
        self,
        wanted: set[str],
        path_of: Callable[[str], str] | None,
        note: Callable[[str, Answer], None],
    ) -> None:
        if self._is_complete or not wanted:
            return
        if path_of:
            paths = {path: one for one in wanted if (path := path_of(one)) not in self._looked_up}
            if len(paths) + len(self._looked_up) <= LOOK_UPS and self._look_up(paths, note):
                return
        self._list()

    def _look_up(self, paths: dict[str, str], note: Callable[[str, Answer], None]) -> bool:
        """Ask for each; whether all the answers say what there is."""
        self._looked_up.update(paths)
        answers = self._reads.fetch([reading(path) for path in paths])
        for one, answer in zip(paths.values(), answers, strict=True):
            if answer.status == _OK:
                note(one, answer)
        return all(answer.status in {_OK, _NOT_FOUND} for answer in answers)

    def _note_one(self, id_: str, answer: Answer) -> None:  # noqa: ARG002 - that it came says all
        self._note(ExistingObject(id_))

    def _note_page(self, email: str, answer: Answer) -> None:
        page = _page(self._listing, answer, None, "a look-up by email", self._api)
        if page.found:
            self._answered.add(email)
        for found in page.found:
            self._note(found)

    def _list(self) -> None:
        for page in pages(self._listing, self._reads, self._api):
            for found in page.found:
                self._note(found)
        self._is_complete = True

    def _note(self, found: ExistingObject) -> None:
        """Note what the API says there is."""
        with self._lock:
            if hashed(found.id) not in self._gone:
                self._put(found)

    def _put(self, found: ExistingObject) -> None:
        self._ids.add(hashed(found.id))
        if self._keeps_emails and found.email:
            self._emails.put(folded(found.email), found.id, hashed(found.email.strip()))


class ExistingObjectsByType:
    """The existing of one destination, each made when it is first asked for."""

    def __init__(self, api: Product, reads: Reads, *, emails: bool) -> None:
        """Make none yet; see `ExistingObjects` for the arguments."""
        self._api = api
        self._reads = reads
        self._keeps_emails = emails
        self._made: dict[str, ExistingObjects] = {}

    def of(self, object_type: ObjectType) -> ExistingObjects:
        """What exists of an object type, for all streams that are routed to it."""
        name, listing = object_type.name, object_type.listing
        if name not in self._made:
            emails = self._keeps_emails and listing is not None and listing.by_email is not None
            self._made[name] = ExistingObjects(object_type, self._reads, emails=emails)
        return self._made[name]

    def note(self, request: Request, object_type: ObjectType) -> None:
        """Note what exists, or does no more, now that a request for an object was carried out."""
        if request.deletes:
            if object_type.name in self._made:
                self._made[object_type.name].remove(request.object_id[0])
        elif self._made:
            for left, found in self._api.leaves(request):
                if left in self._made:
                    self._made[left].add(found)


def folded(email: str) -> str:
    """An email as it is compared in any case: lower, and no further (`ß` is not `ss` there)."""
    return email.strip().lower()


def pages(listing: Listing[T], reads: Reads, api: str) -> Iterator[Page[T]]:
    """All pages of a list, each asked for when the one before is done with.

    Raises:
        NotListed: an answer is no page of it.
    """
    after = None
    while True:
        path = listing.page(after)
        (answer,) = reads.fetch([reading(path)])
        page = _page(listing, answer, after, f"GET {path.partition('?')[0]}", api)
        yield page
        if page.after is None:
            return
        after = page.after


def _page(listing: Listing[T], answer: Answer, after: str | None, asked: str, api: str) -> Page[T]:
    if answer.status != _OK:
        raise NotListed(f"{api} answered HTTP {answer.status} to {asked}")
    try:
        return listing.read(answer, after)
    except ValueError as error:
        raise NotListed(f"{api}'s answer to {asked} can't be read: {error}") from None
