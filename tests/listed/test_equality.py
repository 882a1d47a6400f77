"""What is taken for the same would change nothing if it was sent: the sandbox's rules say so."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from target_userflow.apis.userflow.parts import Part
from target_userflow.apis.userflow.reading import decoded
from target_userflow.listed.column_sums import ColumnSums
from target_userflow.listed.columns import Columns
from target_userflow.listed.equality import differing, token
from target_userflow.listed.fingerprints import Fingerprints
from target_userflow.listed.times import TimeAttributes
from target_userflow.mapping.values import encoded
from target_userflow.sandbox.apis.userflow import rules
from target_userflow.sandbox.apis.userflow.attributes import data_type, merge
from target_userflow.sandbox.http import strict_json

bounded = settings(max_examples=300, deadline=None, print_blob=True)

zones = st.integers(-600, 600).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.builds(
    datetime.isoformat,
    st.datetimes(datetime(1970, 1, 1), datetime(1970, 1, 3), timezones=zones),  # noqa: DTZ001 - `timezones` gives it one
)
notations = st.sampled_from(
    ["1970-01-01T00:00:00Z", "1970-01-01T02:00:00+02:00", "1970-01-01T00:00:00.000Z"]
)
numbers = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -0.0, 1e22, 2**53 + 1, 1e-7])
decimals = st.sampled_from(["1.0", "0.50", "1E+22", "0.1234567890123456789"]).map(Decimal)
texts = st.sampled_from(["", "a", "A", "1", "true", "null", "1970-01-01"])
lists = st.lists(st.sampled_from(["a", "b"]), max_size=3)
literals = st.booleans() | numbers | decimals | texts | lists | times | notations
data_types = {"data_type": st.sampled_from(rules.DATA_TYPES)}
operations = st.one_of(
    [st.fixed_dictionaries({name: literals}, optional=data_types) for name in rules.OPERATIONS]
)
changes = st.none() | literals | operations


def is_taken(change: Any) -> bool:
    """Whether the API takes a change."""
    broken = rules.user({"id": "u", "attributes": {"a": change}})
    return not any(True for _ in broken)


def sent(change: Any) -> Any:
    """A change as it arrives."""
    return strict_json.read(encoded({"a": change})).value["a"]


def listed(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as they come out of a list."""
    found: dict[str, Any] = decoded(strict_json.write(attributes))
    return found


def instant(value: Any) -> Any:
    """A date-time with a zone as the moment that it names; another value as it is."""
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return type(value) is bool, value
    return moment if moment.tzinfo else (False, value)


@bounded
@given(st.lists(changes, max_size=4), changes)
@example(["1970-01-01T00:00:00Z"], "1970-01-01T02:00:00+02:00")
@example([0.5], Decimal("0.50"))
@example([1], True)  # noqa: FBT003 - a value like the others
@example([["a", "b"]], ["b", "a"])
@example([], {"set_once": "a"})
@example([5], {"set": "5", "data_type": "number"})
def test_what_is_the_same_stays_as_it_is_when_it_is_sent(before: list[Any], change: Any) -> None:
    """After any history, and for all types and operations."""
    assume(all(map(is_taken, [*before, change])))
    there: dict[str, Any] = {}
    types = [data_type(sent(one)) for one in before]
    for one in before:
        merge(there, {"a": sent(one)})
    is_time = next(filter(None, types), None) == "datetime"
    if not [*differing({"a": change}, listed(there), {"a"} if is_time else ())]:
        after = dict(there)
        merge(after, {"a": sent(change)})
        assert instant(after.get("a")) == instant(there.get("a"))


@bounded
@given(literals | st.none(), literals | st.none(), st.booleans())
@example("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", True)  # noqa: FBT003 - likewise
@example("1970-02-30T00:00:00Z", "1970-02-30T00:00:00Z", True)  # noqa: FBT003 - likewise
@example("", "", False)  # noqa: FBT003 - likewise
@example(True, 1, False)  # noqa: FBT003 - likewise
def test_two_values_are_the_same_if_their_tokens_are(
    change: Any,
    there: Any,
    is_time: bool,  # noqa: FBT001 - a value like the others
) -> None:
    """Also those of a plain type that are equal, of which no token is made."""
    before = listed({} if there is None else {"a": there})
    is_same = not [*differing({"a": change}, before, {"a"} if is_time else ())]
    now = token(before.get("a"), is_time=is_time)
    assert is_same == (token(change, is_time=is_time) == now)


attributes = st.dictionaries(st.sampled_from("abcd"), literals)


@bounded
@given(
    attributes,
    st.dictionaries(st.sampled_from("abcde"), changes),
    st.lists(st.dictionaries(st.sampled_from("abcde"), changes), max_size=2),
    st.sets(st.sampled_from("abcde")),
)
def test_sums_never_take_for_the_same_what_differs(
    there: dict[str, Any], sent: dict[str, Any], first: list[dict[str, Any]], times: set[str]
) -> None:
    """Whatever columns and operations the first two records had, before the list was read."""
    definitions: Any = SimpleNamespace(of=lambda _: dict.fromkeys(times, "datetime"))
    known, reference = TimeAttributes(definitions), ("users", "u")
    known.read("users")
    columns = Columns(Part(reference, attributes) for attributes in [*first, sent][:2])
    sums = ColumnSums(Fingerprints(), columns, known)
    before = listed(there)
    sums.put([(1, Part(reference, before))])
    changed = sums.changed(Part(reference, sent), sums.get([1])[1])
    assert changed is None or changed >= {*differing(sent, before, times)}
    if changed is not None:
        assert changed <= sent.keys()


@bounded
@given(literals | st.none() | literals.map(lambda value: {"set_once": value}))
def test_what_was_sent_is_the_same_the_next_time(change: Any) -> None:
    """Else nothing would ever be unchanged."""
    assume(is_taken(change))
    there: dict[str, Any] = {}
    merge(there, {"a": sent(change)})
    is_time = data_type(sent(change)) == "datetime"
    assert not [*differing({"a": change}, listed(there), {"a"} if is_time else ())]


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ("a", "A"),
        ("1", 1),
        (True, 1),
        (False, 0),
        (None, ""),
        ("", None),
        ([], None),
        (["a", "b"], ["b", "a"]),
        (2**53 + 1, 2**53),
        ("2026-01-01", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.0000001Z", "2026-01-01T00:00:00.0000002Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
        ({"add": 0}, 1),
        ({"append": "a"}, ["a"]),
        ({"remove": "b"}, ["a"]),
        ({"set_once": "a"}, None),
        ({"set_once": "a"}, ""),
        ({"set_once": "a"}, []),
        ({"set": "1", "data_type": "number"}, "1"),
        ({"set": False, "data_type": "number"}, False),
        ({"set": "2026-01-01T00:00:00Z", "data_type": "string"}, "2026-01-01T00:00:00.0Z"),
    ],
)
def test_what_may_be_another_value_is_sent(change: Any, there: Any) -> None:
    """Nobody says that the API keeps the two alike, even where a date-time is what is defined."""
    assert [*differing({"a": change}, {"a": there}, {"a"})] == ["a"]


@pytest.mark.parametrize(
    ("change", "there"),
    [
        (1, Decimal("1.0")),
        (Decimal("12.340"), Decimal("12.34")),
        (1e22, 10**22),
        (-0.0, 0),
        ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00.000Z"),
        ({"set": 5, "data_type": "number"}, 5),
        ({"set": "2026-01-01T00:00:00Z", "data_type": "datetime"}, "2026-01-01T00:00:00.000Z"),
        ({"set_once": "a"}, "b"),
        (None, None),
    ],
)
def test_what_is_written_in_another_way_is_the_same(change: Any, there: Any) -> None:
    """Numbers by value, times as instants, and `set_once` where there is a value."""
    assert not [*differing({"a": change}, {"a": there}, {"a"})]


def test_what_is_sent_as_a_time_to_an_attribute_of_another_type_is_sent() -> None:
    """Nobody says whether it becomes one, even if the text is the same."""
    time = "2026-01-01T00:00:00Z"
    change = {"a": {"set": time, "data_type": "datetime"}}
    assert [*differing(change, {"a": time}, ())] == ["a"]
    assert not [*differing(change, {"a": time}, {"a"})]


def test_a_text_that_looks_like_a_time_is_a_text_where_the_attribute_is_one() -> None:
    """Only attributes that are defined as date-times are compared as instants."""
    change, there = {"a": "2026-01-01T02:00:00+02:00"}, {"a": "2026-01-01T00:00:00Z"}
    assert [*differing(change, there, ())] == ["a"]
