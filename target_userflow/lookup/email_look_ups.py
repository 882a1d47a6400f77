"""Looks users up by their emails, as long as that takes few requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.messages import reading
from target_userflow.lookup.object_list import LOOK_UPS
from target_userflow.lookup.pages import page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.apis.listing import ExistingObject, Listing
    from target_userflow.apis.messages import Answer
    from target_userflow.lookup.pages import Reads

_OK, _NOT_FOUND = 200, 404


class EmailLookUps:
    """The emails that were looked up, and which of them a user has. One thread asks."""

    def __init__(
        self,
        listing: Listing[ExistingObject],
        reads: Reads,
        api: str,
        take: Callable[[Sequence[ExistingObject]], None],
    ) -> None:
        """Look up users; arguments as for `ObjectList`."""
        self._listing = listing
        self._reads = reads
        self._api = api
        self._take = take
        self._asked: set[str] = set()
        self._answered: set[str] = set()

    def has_answered(self, email: str) -> bool:
        """Return whether a look-up has shown a user for an email, as it is spelled here."""
        return email in self._answered

    def ask(self, emails: set[str]) -> bool:
        """Look up those of the emails that were not looked up before.

        Returns:
            Whether all of them could be, and each answer says whether a user has it.

        Raises:
            NotListed: an answer can't be read.
            StopRun: the API does not answer.
        """
        path, new = self._listing.by_email, [*(emails - self._asked)]
        if not new:
            return True
        if path is None or len(new) + len(self._asked) > LOOK_UPS:
            return False
        self._asked.update(new)
        answers = self._reads.fetch([reading(path(email)) for email in new])
        for email, answer in zip(new, answers, strict=True):
            if answer.status == _OK:
                self._take_answer(email, answer)
        return all(answer.status in {_OK, _NOT_FOUND} for answer in answers)

    def _take_answer(self, email: str, answer: Answer) -> None:
        page = page_of(self._listing, answer, None, "a look-up by email", self._api)
        self._answered.update({email} if page.objects else ())
        self._take(page.objects)
