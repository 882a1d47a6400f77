"""The attributes that a destination has, with their data types, and its event names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.errors import ApiDown, ApiRefused, NotListed
from target_userflow.lookup.pages import all_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.apis.product import Product
    from target_userflow.lookup.pages import Reads


class Definitions:
    """The attributes of one destination and their data types, learned scope by scope."""

    def __init__(self, api: Product, reads: Reads) -> None:
        """Learn the definitions of a destination when they are first asked for.

        Args:
            api: The product.
            reads: The way to its API.
        """
        self._api = api
        self._reads = reads
        self._of: dict[str, dict[str, str]] = {}
        self._untold: dict[str, NotListed] = {}
        self._is_silent = False
        self._refusal: ApiRefused | None = None
        """Why the API lets nobody in, if it said so before anything was needed."""

    def are_told(self, scope: str) -> bool:
        """Return whether the API tells what is defined, as far as is known."""
        return self._api.definitions is not None and scope not in self._untold

    def of(self, scope: str) -> dict[str, str]:
        """Return name → data type, as it was when first asked for; empty if the API has no list.

        Raises:
            NotListed: the answer is no list; it is not asked for again.
            StopRun: the API does not answer.
        """
        return self._learned(scope, self._reads)

    def early(self, scope: str, reads: Reads) -> dict[str, str] | None:
        """The same before it is needed; None if it can't be had without waiting for the API.

        Args:
            scope: The scope.
            reads: Asks in one attempt.
        """
        if self._is_silent or self._refusal or not self.are_told(scope):
            return None
        try:
            return self._learned(scope, reads)
        except NotListed:
            return None
        except ApiDown:  # what is sent later is tried again
            self._is_silent = True
            return None
        except ApiRefused as error:
            self._refusal = error
            return None

    def _learned(self, scope: str, reads: Reads) -> dict[str, str]:
        if scope in self._untold:
            raise self._untold[scope]
        if scope not in self._of:
            if self._refusal:
                raise self._refusal
            try:
                self._of[scope] = dict(self._listed(scope, reads))
            except NotListed as error:
                self._untold[scope] = error
                raise
        return self._of[scope]

    def _listed(self, scope: str, reads: Reads) -> Iterator[tuple[str, str]]:
        listing = self._api.definitions and self._api.definitions(scope)
        for page in all_pages(listing, reads, self._api.name) if listing else ():
            for definition in page.objects:
                if definition.scope == scope:
                    yield definition.name, definition.data_type
