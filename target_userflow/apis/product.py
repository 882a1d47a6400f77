"""A product as one value: what its requests look like, and what its answers mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_userflow.apis.messages import JSON, has_json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_userflow.apis.listing import Definition, ExistingObject, Listing
    from target_userflow.apis.messages import Answer, Payload, Request
    from target_userflow.config.settings import Destination


def only(destination: Destination, payloads: Sequence[Payload]) -> Payload:  # noqa: ARG001 - where a record is a request
    """Return the payload of a request for one record."""
    (payload,) = payloads
    return payload


def nothing(request: Request) -> Iterable[Any]:  # noqa: ARG001 - for APIs that can't be asked
    """Return nothing, for a product that does not tell what it has."""
    return ()


@dataclass(frozen=True, slots=True)
class Probe:
    """A read that costs next to nothing, and is answered only if the key is right."""

    path: str
    otherwise: Callable[[Destination], str]
    """What else to set where the key is refused and yet right; empty if nothing comes to mind."""
    is_believable: Callable[[Answer], bool] = has_json_object
    """Whether an answer with a status of success comes from the API."""
    is_documented: bool = True
    """Whether the API's own reference has it; else it may be refused for not being there."""


@dataclass(frozen=True)
class Product:
    """One product: what can be sent to it, and how."""

    name: str
    """As its maker writes it."""
    prefix: str
    """What its settings start with."""
    headers: Callable[[Destination], dict[str, str]]
    """What every request carries."""
    probe: Probe
    """What to ask to find out whether the key is right."""
    media_types: Sequence[str] = (JSON,)
    """What the body of a request may be called, the likeliest first: what is answered 415 gives way
    to the next."""
    batch: int = 1
    """Records that one request takes at most."""
    deletions: int = 1
    """Objects that one request deletes at most."""
    join: Callable[[Destination, Sequence[Payload]], Payload] = only
    """The payload of one request, made of the payloads of its objects."""
    fold: Callable[[Sequence[Payload]], Payload] | None = None
    """The payload that does to an object what several do; None where none is known to."""
    kinds: Callable[[Payload], dict[str, str]] | None = None
    """The data types of a payload's values, where records go together only if they agree."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Path to its requests per minute, where they are documented."""
    is_believable: Callable[[Answer], bool] = has_json_object
    """Whether an answer with a status of success comes from the API, and whole."""
    leaves: Callable[[Request], Iterable[tuple[str, ExistingObject]]] = nothing
    """What exists once a request was carried out: objects, and what there is of each."""
    definitions: Callable[[str], Listing[Definition]] | None = None
    """The attributes of a scope, where the API tells which there are."""
    attributes: Callable[[Request], Iterable[tuple[str, Mapping[str, Any]]]] = nothing
    """Scope and attributes of all that a request writes."""
    event_name: Callable[[Request], str | None] | None = None
    """The name of the event that a request appends, where names are defined by their first use."""
