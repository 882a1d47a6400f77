"""Whether what is about to be sent fits the attributes that the destination has.

Definitions grow with their first use, and no API call takes them back: a wrong type is there for
good, and what becomes of a value of another type is not documented.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_userflow.apis.listing import EVENT_NAMES
from target_userflow.config.settings import DATA_TYPES
from target_userflow.errors import NotListed
from target_userflow.mapping.operations import is_operation
from target_userflow.mapping.times import is_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.apis.messages import Request
    from target_userflow.apis.product import Product
    from target_userflow.lookup.definitions import Definitions
    from target_userflow.lookup.new_names import NewNames

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


class AttributeTypeCheck:
    """Compares what one stream sends with the definitions."""

    def __init__(
        self, stream: str, api: Product, definitions: Definitions, new_names: NewNames
    ) -> None:
        """Compare the requests of a stream.

        Args:
            stream: The stream's name, for messages.
            api: Says what a request writes.
            definitions: Those of its destination.
            new_names: Counts what the run defines there.
        """
        self._stream = stream
        self._api = api
        self._definitions = definitions
        self._new = new_names
        self._told: set[tuple[str, str]] = set()

    def refusal(self, request: Request, warn: Callable[[str], None]) -> str | None:
        """Return why a request must not be sent; None if it may be.

        Args:
            request: What is about to be sent.
            warn: Takes a line, once for each attribute whose type is another.

        Raises:
            TooManyNewNames: it would define more names than a run may.
        """
        for scope, attributes in self._api.attributes(request):
            refusal = self._refused_attribute(scope, attributes, warn)
            if refusal:
                return refusal
        event = self._api.event_name(request) if self._api.event_name else None
        if event is None or event in self._known("event", EVENT_NAMES, warn):
            return None
        return self._define("event", EVENT_NAMES, event)

    def _refused_attribute(
        self, scope: str, attributes: Mapping[str, Any], warn: Callable[[str], None]
    ) -> str | None:
        known = self._known("attribute", scope, warn)
        for name, value in attributes.items():
            if name in known:
                if _TYPES.get(type(value)) != known[name]:
                    self._compare(scope, name, value, known[name], warn)
            elif value is not None:
                refusal = self._define("attribute", scope, name)
                if refusal:
                    return refusal
        return None

    def _define(self, what: str, scope: str, name: str) -> str | None:
        """Count a new name. Returns why it may not be defined; None if it may."""
        if not self._definitions.are_told(scope):
            return None
        forbidden = self._new.forbids(what)
        if forbidden is None:
            self._new.add(self._stream, what, scope, name)
            return None
        subject = "event" if what == "event" else f"{scope} attribute"
        return f"{subject} '{name}' does not exist in {self._api.name} yet, and {forbidden}"

    def _known(self, what: str, scope: str, warn: Callable[[str], None]) -> dict[str, str]:
        """Return the definitions of a scope; the run goes on without them, if any name will do."""
        try:
            return self._definitions.of(scope)
        except NotListed as error:
            if self._new.forbids(what):
                raise
            if (scope, "") not in self._told:
                self._told.add((scope, ""))
                subject = "Event names" if what == "event" else f"The types of {scope} attributes"
                warn(f"{subject} can't be compared: {error}")
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
    """Return whether an attribute of a data type can take a value or operation."""
    sent = type_of(value)
    if data_type == "datetime" and sent == "string":
        return is_time(_operand(value))
    return sent in {None, data_type} or data_type not in DATA_TYPES


def type_of(value: Any) -> str | None:
    """Return the data type of a value or operation as it stands in a body; None for a null."""
    if not isinstance(value, dict):
        return _TYPES.get(type(value))
    (name,) = value.keys() - {"data_type"}
    given: str | None = value.get("data_type") or _RESULTS.get(name)
    return given or type_of(value[name])


def _operand(value: Any) -> Any:
    return next(value[key] for key in value if key != "data_type") if _is_set(value) else value


def _is_set(value: Any) -> bool:
    return isinstance(value, dict) and is_operation(value)
