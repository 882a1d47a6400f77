"""Whether what is about to be sent fits the attributes that the destination has.

Definitions grow with their first use, and no API call takes them back: a wrong type is there for
good, and what becomes of a value of another type is not documented.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.config.settings import DATA_TYPES
from target_userflow.delivery.object_list import all_pages
from target_userflow.errors import NotListed, RejectRecord
from target_userflow.mapping.operations import is_operation
from target_userflow.mapping.times import parsed_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.apis.messages import Request
    from target_userflow.apis.product import Product
    from target_userflow.delivery.object_list import Reads

_TYPES = {
    bool: "boolean",
    int: "number",
    float: "number",
    Decimal: "number",
    str: "string",
    list: "list",
}
_RESULTS = {
    "add": "number",
    "subtract": "number",
    "append": "list",
    "prepend": "list",
    "remove": "list",
}


class Definitions:
    """The attributes of one destination and their data types, learned scope by scope."""

    def __init__(self, api: Product, reads: Reads) -> None:
        """Know nothing yet."""
        self._api = api
        self._reads = reads
        self._of: dict[str, dict[str, str]] = {}

    def of(self, scope: str) -> dict[str, str]:
        """Name to data type, as it was when first asked for; none where the API does not tell.

        Raises:
            NotListed: the answer is no list; after that, none are known.
            StopRun: the API does not answer.
        """
        if scope not in self._of:
            self._of[scope] = {}
            listing = self._api.definitions and self._api.definitions(scope)
            listed = all_pages(listing, self._reads, self._api.name) if listing else ()
            found = [one for page in listed for one in page.found if one.scope == scope]
            self._of[scope] = {one.name: one.data_type for one in found}
        return self._of[scope]


class AttributeTypeCheck:
    """Compares what one stream sends with the definitions."""

    def __init__(
        self, stream: str, api: Product, definitions: Definitions, *, new_attributes: str
    ) -> None:
        """Compare nothing yet.

        Args:
            stream: The stream's name, for messages.
            api: Says what a request writes.
            definitions: Those of its destination.
            new_attributes: `allow`, or `reject` for no record that would define an attribute.
        """
        self._stream = stream
        self._api = api
        self._definitions = definitions
        self._allows_new = new_attributes == "allow"
        self._told: set[tuple[str, str]] = set()

    def refusal(self, request: Request, warn: Callable[[str], None]) -> str | None:
        """Why a request must not be sent; None if it may be.

        Args:
            request: What is about to be sent.
            warn: Takes a line, once for each attribute whose type is another.
        """
        for scope, attributes in self._api.attributes(request):
            known = self._known(scope, warn)
            for name, value in attributes.items():
                if name in known:
                    self._compare(scope, name, value, known[name], warn)
                elif value is not None and not self._allows_new:
                    return (
                        f"{scope} attribute '{name}' does not exist in {self._api.name} yet, and "
                        "new_attributes is reject"
                    )
        return None

    def _known(self, scope: str, warn: Callable[[str], None]) -> dict[str, str]:
        """The definitions of a scope; the run goes on without them, if any attribute will do."""
        try:
            return self._definitions.of(scope)
        except NotListed as error:
            if not self._allows_new:
                raise
            warn(f"The types of {scope} attributes can't be compared: {error}")
            return {}

    def _compare(
        self, scope: str, name: str, value: Any, data_type: str, warn: Callable[[str], None]
    ) -> None:
        if (scope, name) in self._told or fits(value, data_type):
            return
        self._told.add((scope, name))
        warn(
            f"Stream '{self._stream}': {scope} attribute '{name}' is a {data_type} in "
            f"{self._api.name}, and a {type_of(value)} is sent. Have it converted with "
            f'streams.{self._stream}.data_types: {{"{name}": "{data_type}"}}, or rename it with '
            "stream_maps"
        )


def fits(value: Any, data_type: str) -> bool:
    """Whether an attribute of a data type can take a value or operation; of a new one, anything."""
    sent = type_of(value)
    if data_type == "datetime" and sent == "string":
        return _is_time(_operand(value))
    return sent in {None, data_type} or data_type not in DATA_TYPES


def type_of(value: Any) -> str | None:
    """The data type of a value or operation as it stands in a body; None for a null."""
    if not isinstance(value, dict):
        return _TYPES.get(type(value))
    (name,) = value.keys() - {"data_type"}
    given: str | None = value.get("data_type") or _RESULTS.get(name)
    return given or type_of(value[name])


def _operand(value: Any) -> Any:
    return next(value[key] for key in value if key != "data_type") if _is_set(value) else value


def _is_set(value: Any) -> bool:
    return isinstance(value, dict) and is_operation(value)


def _is_time(text: str) -> bool:
    try:
        parsed_time(text)
    except RejectRecord:
        return False
    return True
