"""Whatever a record holds, a request that the API takes comes out of it, or a reason why not.

The rules of the API are those of the sandbox, which share no code with the mapping.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.settings import DATA_TYPES, OPERATIONS, StreamOptions
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.values import encoded
from target_userflow.sandbox.apis.userflow import rules
from target_userflow.sandbox.http import strict_json

RULES = {
    "users": rules.user,
    "groups": rules.group,
    "memberships": rules.user,
    "events": rules.event,
}
MARK = "\N{PILCROW SIGN}"
"""Stands in every text that is a value, so that a value can be found in a reason."""
bounded = settings(max_examples=150, deadline=None, print_blob=True)

huge = st.sampled_from([2**53 + 1, 2**64, -(2**70), 10**308, 10**309, -(10**400)])
finite = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
strange = st.sampled_from(["NaN", "Infinity", "1E+400", "1E-400", "-0", "1E+4000000"]).map(Decimal)
numbers = st.integers() | huge | finite | strange | st.floats()
texts = st.text(st.characters()).map(MARK.__add__) | st.just("") | st.just(" ")
halves = st.just(f"{MARK}\ud800") | st.just(f"\udfff{MARK}")
dates = st.datetimes().map(lambda one: one.replace(tzinfo=timezone.utc))
scalars = st.none() | st.booleans() | numbers | texts | halves
legal = st.from_regex(r"[a-z][a-z0-9]{0,3}", fullmatch=True)
keys = (
    legal
    | st.text(max_size=4).filter(lambda one: MARK not in one)
    | st.sampled_from(["a.b", "a!", "", "\ud800", *OPERATIONS])
)
operations = st.dictionaries(
    st.sampled_from([*OPERATIONS, "data_type"]),
    scalars | st.lists(scalars) | st.sampled_from(DATA_TYPES),
)
values = st.recursive(
    scalars | operations,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
ids = st.integers() | legal | values
groups = st.fixed_dictionaries({"id": ids}, optional={"attributes": st.dictionaries(keys, values)})
ROLES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "users": {
        "groups": st.lists(groups | ids, max_size=2) | values,
        "memberships": st.lists(
            st.fixed_dictionaries({"group": groups}, optional={"attributes": values}), max_size=2
        ),
        "group_id": ids | st.lists(ids, max_size=2),
        "group_attributes": st.dictionaries(keys, values, max_size=2) | values,
        "prune_memberships": st.booleans() | values,
    },
    "groups": {},
    "memberships": {"user_id": ids, "group_id": ids},
    "events": {
        "user_id": ids,
        "group_id": ids,
        "name": st.sampled_from(["signed in", "Paid-1"]) | legal | legal | values,
        "time": dates.map(datetime.isoformat) | values,
    },
}
NEEDED = {
    "users": {"id": ids},
    "groups": {"id": ids},
    "memberships": ROLES["memberships"],
    "events": {"name": ROLES["events"]["name"], "user_id": ids},
}


def records(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Records of an object: its needed columns, some of the others, and any that are none."""
    optional = {role: one for role, one in ROLES[kind].items() if role not in NEEDED[kind]}
    others = optional | {"attributes": st.dictionaries(keys, values, max_size=3)}
    known = st.fixed_dictionaries(NEEDED[kind], optional=others)
    free = st.dictionaries(keys, values, max_size=4)
    return st.tuples(free, known).map(lambda both: both[0] | both[1])


def sent(kind: str, record: dict[str, Any], **options: Any) -> Any:
    """The body for a record, read by the strict parser and held against the API's rules.

    Columns of the record that would meet in one name are unknown at the SCHEMA.
    """
    columns: dict[str, Any] = {key: {} for key in record if re.fullmatch("[a-z_]+", key)}
    mapper = OBJECT_TYPES[kind].mapper(Stream(kind, columns, ["id"], StreamOptions(**options)))
    body = encoded(mapper(record).payload)
    found = strict_json.read(body)
    assert found.rule is None, body
    broken = next(RULES[kind](found.value), None)
    assert broken is None, (broken, body)
    return found.value


def values_in(value: Any) -> list[Any]:
    """All that is neither a list nor an object."""
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in values_in(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in values_in(one)]
    return [value]


def attribute(value: Any) -> Any:
    """What a user's column `x` with this value becomes."""
    return sent("users", {"id": "1", "x": value})["attributes"]["x"]


@pytest.mark.parametrize("kind", RULES)
@bounded
@given(data=st.data(), nulls=st.sampled_from(["clear", "omit"]))
def test_a_record_becomes_a_valid_request_or_is_rejected_with_a_reason(
    kind: str, data: st.DataObject, nulls: str
) -> None:
    """Nothing else happens, whatever JSON comes; and no reason holds a value of the record."""
    record = data.draw(records(kind))
    try:
        sent(kind, record, nulls=nulls)
    except RejectRecord as error:
        reason = str(error)
        assert reason
        assert MARK not in reason
        long = {str(one) for one in values_in(record) if isinstance(one, int) and one > 10**5}
        assert not [one for one in long if one in reason and one not in repr([*record])]


@bounded
@given(
    data=st.data(),
    operation=st.none() | st.sampled_from(OPERATIONS),
    data_type=st.none() | st.sampled_from(DATA_TYPES),
)
def test_options_never_make_an_invalid_request_of_a_column(
    data: st.DataObject, operation: str | None, data_type: str | None
) -> None:
    """A column with an operation or a data type is sent as the API takes it, or rejected."""
    given_options = {"operations": operation, "data_types": data_type}
    options = {name: {"x": one} for name, one in given_options.items() if one}
    record = {"id": "1", "x": data.draw(values | st.integers().map(str) | dates.map(str))}
    with suppress(RejectRecord):
        sent("users", record, **options)


@bounded
@given(st.integers(-(10**300), 10**300) | finite)
@example(Decimal("0.1"))
@example(Decimal("1E-7"))
@example(2**53 + 1)
def test_a_number_keeps_its_value(number: Any) -> None:
    """No float comes between: every digit that was read is sent."""
    assert Decimal(attribute(number)) == Decimal(number)


@bounded
@given(st.lists(st.integers() | finite, min_size=1))
def test_numbers_in_a_list_keep_their_values(listed: list[Any]) -> None:
    """As text, as the API's lists hold nothing else; alone, and within objects."""
    assert [Decimal(one) for one in attribute(listed)] == listed
    text = attribute([{"n": listed}])
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == [{"n": listed}]


@bounded
@given(st.text())
def test_a_text_is_kept(text: str) -> None:
    """To the last space, whatever the alphabet; in a list too."""
    assert attribute(text) == text
    assert attribute([text]) == [text]


@bounded
@given(legal, st.sampled_from(["clear", "omit"]))
def test_null_clears_or_is_left_out(name: str, nulls: str) -> None:
    """Never anything in between, as an empty text would be."""
    body = sent("users", {"user_id": "1", f"x{name}": None}, nulls=nulls)
    assert body["attributes"] == ({f"x{name}": None} if nulls == "clear" else {})


@bounded
@given(st.integers(-(10**300), 10**300))
def test_a_whole_number_is_the_same_id_in_every_form(number: int) -> None:
    """As an integer, with a point, or as text: one user, not three."""
    forms = [number, Decimal(f"{number}.0"), str(number)]
    assert {sent("users", {"id": one})["id"] for one in forms} == {str(number)}


@bounded
@given(
    moment=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - zones come below
    minutes=st.none() | st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_stays_the_same_in_utc(moment: datetime, minutes: int | None) -> None:
    """Whatever the zone it is written in; without one it is UTC."""
    zone = timezone.utc if minutes is None else timezone(timedelta(minutes=minutes))
    written = (moment if minutes is None else moment.replace(tzinfo=zone)).isoformat()
    found = sent("events", {"user_id": "1", "name": "a", "time": written})["time"]
    assert found.endswith("Z")
    assert datetime.fromisoformat(found.replace("Z", "+00:00")) == moment.replace(tzinfo=zone)


def flat(value: dict[str, Any], before: str) -> dict[str, Any]:
    """The leaves of nested objects by the path to them."""
    found: dict[str, Any] = {}
    for key, one in value.items():
        inner = flat(one, f"{before}{key}_") if isinstance(one, dict) else {f"{before}{key}": one}
        found |= inner
    return found


@bounded
@given(
    st.recursive(
        st.none() | st.integers() | st.booleans() | st.text(),
        lambda inner: st.dictionaries(st.from_regex("[a-z]{8}", fullmatch=True), inner, max_size=3),
        max_leaves=10,
    ).filter(lambda one: isinstance(one, dict))
)
def test_nested_objects_lose_nothing_but_their_nesting(value: dict[str, Any]) -> None:
    """Each leaf is one attribute, named by its path, and there are no others."""
    body = sent("groups", {"id": "1", "x": value, "attributes": value})
    assert body["attributes"] == flat(value, "x_") | flat(value, "")
