"""What exists of one object in one destination, learned with as few requests as it takes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from target_userflow.apis.userflow.match_by import EMAIL, folded, matched_text
from target_userflow.lookup.compact_multi_map import CompactMultiMap, hashed
from target_userflow.lookup.email_look_ups import EmailLookUps
from target_userflow.lookup.object_list import STRIDE, ObjectList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from target_userflow.apis.listing import ExistingObject
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.product import Product
    from target_userflow.lookup.pages import Reads


class ExistingObjects:
    """The ids of what exists, and the values of the attributes that records are matched by.

    How they are learned is up to `ObjectList`. What the run itself creates is added as it is
    delivered, and what it deletes is gone, whatever a list says: in a dry run, it is still there.
    One thread learns; any may ask and add.
    """

    def __init__(
        self, object_type: ObjectType, reads: Reads, *, attributes: Collection[str] = ()
    ) -> None:
        """Learn nothing.

        Args:
            object_type: Whose objects they are.
            reads: The way to the API.
            attributes: The names of attributes whose values will be asked for.
        """
        if object_type.listing is None:
            raise ValueError(f"{object_type.product.name} does not list {object_type.name}")
        self._listing = object_type.listing
        self._ids: set[int] = set()
        self._gone: set[int] = set()
        self._with_value = {name: CompactMultiMap() for name in attributes}
        self._lock = threading.Lock()
        api = object_type.product.name
        self._list = ObjectList(self._listing, reads, api, self._note)
        self._emails = EmailLookUps(self._listing, reads, api, self._note)

    def __contains__(self, id_: str) -> bool:
        """Return whether an object exists, as far as that was learned."""
        return hashed(id_) in self._ids

    def ids_with(self, attribute: str, text: str) -> Collection[str]:
        """Return the ids of the objects whose attribute has a value, as far as that was learned.

        Of an email, those that have it as it is written here; if none has, those that have it in
        lower case; if none has, those that have it in any case of its letters.
        """
        with self._lock:
            pairs = self._with_value[attribute].get(_key(attribute, text)).items()
            marks = {id_: mark for id_, mark in pairs if id_ in self}
        spellings = (hashed(text.strip()), hashed(folded(text)))
        exact = ({id_ for id_, mark in marks.items() if mark == spelling} for spelling in spellings)
        return next(filter(None, exact), marks.keys())

    def add(self, existing: ExistingObject) -> None:
        """Note that the run has written something."""
        with self._lock:
            self._gone.discard(hashed(existing.id))
            self._put(existing)

    def remove(self, id_: str) -> None:
        """Note that something was deleted."""
        with self._lock:
            self._ids.discard(hashed(id_))
            self._gone.add(hashed(id_))

    def prefetch(self, ids: Iterable[str]) -> None:
        """Learn which of these exist.

        Raises:
            StopRun: the API does not say; so for `prefetch_values`.
        """
        new = [id_ for id_ in ids if id_ not in self and hashed(id_) not in self._gone]
        self._list.learn(new, new[STRIDE - 1 : -1 : STRIDE])

    def prefetch_values(self, attribute: str, texts: Iterable[str]) -> None:
        """Learn which objects have these values of an attribute: by the list, or by look-ups.

        Only of emails there are look-ups: as they are written, then in lower case, and of what they
        do not show, the list. `ids_with` goes by the same order, so that an email finds the same
        users whether it was looked up or the list was read. Whether case counts in a look-up is not
        documented.
        """
        left = {text.strip() for text in texts}
        if attribute == EMAIL and self._listing.by_email:
            left = self._looked_up(left)
        if left and not self._list.is_complete:
            self._list.finish()

    def _looked_up(self, emails: set[str]) -> set[str]:
        """Look emails up in both spellings. Returns those of which no user is known."""
        for spelled in (str, folded):
            emails = self._unknown(emails, spelled)
            if not self._list.is_complete and not self._emails.ask({*map(spelled, emails)}):
                self._list.finish()
            emails = self._unknown(emails, spelled)
        return emails

    def _unknown(self, emails: set[str], spelled: Callable[[str], str]) -> set[str]:
        return {email for email in emails if not self._is_known(spelled(email))}

    def _is_known(self, spelled: str) -> bool:
        """Return whether it is known who has an email in this spelling."""
        with self._lock:
            pairs = self._with_value[EMAIL].get(folded(spelled)).items()
            return self._emails.has_answered(spelled) or any(
                mark == hashed(spelled) and id_ in self for id_, mark in pairs
            )

    def _note(self, objects: Iterable[ExistingObject]) -> None:
        """Note what the API says there is."""
        with self._lock:
            for existing in objects:
                if hashed(existing.id) not in self._gone:
                    self._put(existing)

    def _put(self, existing: ExistingObject) -> None:
        self._ids.add(hashed(existing.id))
        for attribute, ids in self._with_value.items():
            text = matched_text(existing.attributes.get(attribute))
            if text:
                ids.put(_key(attribute, text), existing.id, hashed(text))


class ExistingObjectsByType:
    """What exists in one product, by object type; each is made when it is first asked for."""

    def __init__(self, api: Product, reads: Reads, attributes: Collection[str]) -> None:
        """Learn nothing.

        Args:
            api: The product.
            reads: The way to its API.
            attributes: The names of attributes whose values will be asked for.
        """
        self._api = api
        self._reads = reads
        self._attributes = attributes
        self._made: dict[str, ExistingObjects] = {}

    def of(self, object_type: ObjectType) -> ExistingObjects:
        """Return what exists of an object type, for all streams that are routed to it."""
        name = object_type.name
        if name not in self._made:
            kept = self._attributes
            self._made[name] = ExistingObjects(object_type, self._reads, attributes=kept)
        return self._made[name]

    def note(self, request: Request, object_type: ObjectType) -> None:
        """Note what exists, or does no more, now that a request for an object was carried out."""
        if request.deletes:
            if object_type.name in self._made:
                self._made[object_type.name].remove(request.object_id[0])
        elif self._made:
            for left, member in self._api.leaves(request):
                if left in self._made:
                    self._made[left].add(member)


def _key(attribute: str, text: str) -> str:
    """Return what values that may be the same have in common."""
    return folded(text) if attribute == EMAIL else text.strip()
