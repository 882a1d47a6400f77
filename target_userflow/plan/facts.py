"""The plan as facts, which JSON can hold: what becomes of each column of a stream."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from target_userflow.apis.listing import EVENT_NAMES
from target_userflow.escaping import escaped
from target_userflow.lookup.attribute_types import fits
from target_userflow.mapping.flattening import attribute_name
from target_userflow.plan import advice
from target_userflow.plan.sample import SCOPES
from target_userflow.plan.values import example, kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from target_userflow.dedup.column_changes import AlwaysChanged
    from target_userflow.plan.sample import Attribute
    from target_userflow.plan.stream_look import StreamLook

NEW, EXISTS, OTHER_TYPE, LOOKS_LIKE, UNKNOWN = (
    "new",
    "exists",
    "other type",
    "looks like",
    "not known",
)
"""What the destination has of an attribute or event name; `not known` where it does not tell."""


class Known(Protocol):
    """What the destination has."""

    def definitions(self, scope: str) -> Mapping[str, str] | None:
        """Return name → data type; None where the destination does not tell."""

    def ids(self, look: StreamLook) -> tuple[int, int, bool] | None:
        """Return how many ids were looked up, how many exist, and whether any object exists."""


def stream_facts(
    look: StreamLook,
    known: Known,
    received: int,
    always_changed: Callable[[StreamLook], AlwaysChanged | None],
) -> dict[str, Any]:
    """Return the plan of a stream.

    Args:
        look: What was seen of it.
        known: What the destination has.
        received: Its records.
        always_changed: The columns that differed in every record compared.
    """
    attributes = [*_attributes(look, known)]
    ids = known.ids(look)
    changed = always_changed(look)
    return {
        "stream": escaped(look.stream.name),
        "object": look.object_type.name,
        "product": look.object_type.product.name,
        "records": received,
        "looked_at": len(look.sample.requests),
        "requests": _requests(look, received),
        "ids": ids and {"looked_up": ids[0], "exist": ids[1]},
        "roles": [*_roles(look)],
        "attributes": attributes,
        "left_out": [*_left_out(look)],
        "event_names": [*_event_names(look, known)],
        "rejected": [
            {"reason": escaped(reason), "count": count}
            for reason, count in look.rejections.most_common()
        ],
        "doubts": [*map(escaped, look.doubts())],
        "warnings": [*map(escaped, _warnings(look, attributes, known, ids))]
        + ([escaped(advice.change_advice(look.stream.name, changed))] if changed else []),
    }


def attribute_warnings(look: StreamLook, known: Known) -> list[str]:
    """Return the warnings of a stream's new attributes, before the first of its requests."""
    return [*_attribute_warnings(look, [*_attributes(look, known)], known)]


def new_names(look: StreamLook, known: Known) -> list[str]:
    """Return the attributes that a stream would define, as far as its first records show."""
    return [
        attribute["name"]
        for attribute in _attributes(look, known)
        if attribute["state"] in {NEW, LOOKS_LIKE} and attribute["type"]
    ]


def _roles(look: StreamLook) -> Iterator[dict[str, Any]]:
    for role, assignment in look.assignments.items():
        yield {
            "role": role,
            "column": escaped(assignment.column),
            "by": assignment.by,
            "before": [*map(escaped, assignment.others)],
        }
    if look.stream.options.event_name is not None:
        constant = look.stream.options.event_name
        yield {"role": "name", "column": None, "by": "event_name", "constant": constant}
    if look.columns().has_no_time:
        yield {"role": "time", "column": None, "by": "arrival"}


def _attributes(look: StreamLook, known: Known) -> Iterator[dict[str, Any]]:
    sampled = look.sample.attributes(look.object_type)
    own = SCOPES.get(look.object_type.name, "")
    columns = look.columns()
    sources = {attribute: columns.column(attribute) for attribute in sampled}
    spread = {*sources.values(), "attributes"}
    silent = {
        (own, name): c for name, c in columns.by_attribute.items() if (own, name) not in sampled
    }
    for attribute, column in silent.items():
        if column not in spread:
            sampled[attribute], sources[attribute] = [], column
    for (scope, name), values in sampled.items():
        kinds = dict.fromkeys(filter(None, map(kind, values)))
        yield {
            "name": escaped(name),
            "scope": scope,
            "column": escaped(sources[scope, name]),
            "type": "|".join(kinds) or None,
            "example": example(values[0]) if values else None,
            **_state((scope, name), values, sampled, known),
        }


def _state(
    attribute: Attribute,
    values: Sequence[Any],
    all_of_stream: Mapping[Attribute, Any],
    known: Known,
) -> dict[str, Any]:
    scope, name = attribute
    definitions = known.definitions(scope) if scope else None
    if definitions is None:
        return {"state": UNKNOWN}
    if name in definitions:
        is_same = all(fits(value, definitions[name]) for value in values)
        return {"state": EXISTS if is_same else OTHER_TYPE, "is": definitions[name]}
    names = {other for place, other in all_of_stream if place == scope}
    return _new_state(attribute, names, definitions)


def _new_state(
    attribute: Attribute, names: Collection[str], definitions: Collection[str]
) -> dict[str, Any]:
    scope, name = attribute
    alike = advice.look_alike(name, definitions)
    other = alike or advice.standard_name(scope, name, names)
    return {"state": LOOKS_LIKE, "like": escaped(other)} if other else {"state": NEW}


def _left_out(look: StreamLook) -> Iterator[dict[str, str]]:
    for why, columns in look.columns().left_out.items():
        yield from ({"column": escaped(column), "why": why} for column in columns)


def _event_names(look: StreamLook, known: Known) -> Iterator[dict[str, Any]]:
    if look.object_type.product.event_name is None:
        return
    named = map(look.object_type.product.event_name, look.sample.requests)
    counts = Counter(name for name in named if name is not None)
    definitions = known.definitions(EVENT_NAMES) if counts else None
    for name, count in counts.most_common():
        state = UNKNOWN if definitions is None else EXISTS if name in definitions else NEW
        yield {"name": escaped(name), "count": count, "state": state}


def _requests(look: StreamLook, received: int) -> dict[str, Any]:
    """Return how many requests a run would send: exactly if all records were looked at."""
    requests, batch = look.sample.requests, look.object_type.product.batch
    whole = received == len(requests) + sum(look.rejections.values())
    if not whole:
        return {"most": ceil(received / batch)}
    keys = {request.object_id or number for number, request in enumerate(requests)}
    return {"most": ceil(len(keys) / batch)}


def _warnings(
    look: StreamLook,
    attributes: Sequence[Mapping[str, Any]],
    known: Known,
    ids: tuple[int, int, bool] | None,
) -> Iterator[str]:
    if ids and ids[0] and not ids[1] and ids[2]:
        yield (
            f"None of {ids[0]} ids that were looked up exists, though Userflow has users: does "
            f"'{look.id_column}' hold what identify() was given?"
        )
    yield from _attribute_warnings(look, attributes, known)


def _attribute_warnings(
    look: StreamLook, attributes: Sequence[Mapping[str, Any]], known: Known
) -> Iterator[str]:
    """Yield a line for the names and one for the types of new attributes, each to be pasted."""
    own = SCOPES.get(look.object_type.name, "")
    plain = [
        attribute
        for attribute in attributes
        if attribute["state"] in {NEW, LOOKS_LIKE} and attribute["scope"] == own
        if attribute["name"] == attribute_name(attribute["column"])  # else a part of its column
    ]
    names = [*_other_names(plain, known.definitions(own) or ())]
    types = [*_other_types(plain, look)]
    if names:
        yield advice.name_advice(look.stream.name, names)
    if types:
        yield advice.type_advice(look.stream.name, types)


def _other_names(
    attributes: Sequence[Mapping[str, Any]], there: Collection[str]
) -> Iterator[advice.Likely]:
    for attribute in attributes:
        if attribute["state"] == LOOKS_LIKE:
            name, column, other = attribute["name"], attribute["column"], attribute["like"]
            yield advice.Likely(name, column, other, is_there=other in there)


def _other_types(
    attributes: Sequence[Mapping[str, Any]], look: StreamLook
) -> Iterator[advice.Likely]:
    values = look.sample.attributes(look.object_type)
    for attribute in attributes:
        name, column = attribute["name"], attribute["column"]
        of_sample = values.get((attribute["scope"], name), [])
        likely = advice.other_type(name, column, of_sample)
        if likely and column not in look.stream.options.data_types:
            yield likely
