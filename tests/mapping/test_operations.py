"""From columns to attributes: operations and data types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.attributes import NAN, made, mapper, short

from target_userflow.errors import RejectRecord
from target_userflow.mapping.flattening import BLANK_LIST


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({"set": 1}, {"set": 1}),
        ({"set_once": "pro"}, {"set_once": "pro"}),
        (
            {"set": 20240229, "data_type": "datetime"},
            {"set": "2024-02-29T00:00:00Z", "data_type": "datetime"},
        ),
        ({"set": "2024-02-29T00:00:00Z", "data_type": "datetime"}, None),
        ({"add": Decimal("0.10")}, None),
        ({"subtract": 2, "data_type": "number"}, None),
        ({"append": "a"}, None),
        ({"prepend": [1, None]}, {"prepend": ["1"]}),
        ({"remove": ["a"], "data_type": "list"}, None),
    ],
    ids=short,
)
def test_an_operation_is_sent_as_it_is(value: Any, sent: Any) -> None:
    """An object with one operation changes the attribute rather than being flattened.

    What an event has is set at once, so that it takes no other operation.
    """
    assert made(value) == {"x": sent or value}
    if "set" in value:
        assert made(value, events=True) == {"x": sent or value}
    else:
        key = next(iter(value))
        assert made(value, events=True)[f"x_{key}"] == made({"y": value[key]}, events=True)["x_y"]


@pytest.mark.parametrize(
    "value",
    [
        {"add": "1"},
        {"add": True},
        {"add": None},
        {"add": NAN},
        {"subtract": [1]},
        {"append": 1},
        {"append": [{"a": 1}]},
        {"prepend": [["a"]]},
        {"set": ["a", {"b": 1}]},
        {"append": None},
        {"remove": False},
        {"set": {"a": 1}},
        {"set": 1, "data_type": "text"},
        {"set": 1, "data_type": None},
        {"set": 1, "data_type": ["number"]},
        {"set": "soon", "data_type": "datetime"},
        {"add": 1, "data_type": "string"},
        {"append": "a", "data_type": "string"},
    ],
    ids=short,
)
def test_an_operation_that_the_api_would_not_take_rejects_the_record(value: Any) -> None:
    """Its operand has to suit it, and so has its data type."""
    with pytest.raises(RejectRecord, match=r"operation|NaN|date-time"):
        made(value)


@pytest.mark.parametrize(
    ("operation", "value", "sent"),
    [
        ("add", 3, {"add": 3}),
        ("subtract", Decimal("0.50"), {"subtract": Decimal("0.50")}),
        ("set", "pro", {"set": "pro"}),
        ("set_once", "pro", {"set_once": "pro"}),
        ("append", "a", {"append": "a"}),
        ("prepend", ["a", 1], {"prepend": ["a", "1"]}),
        ("remove", ["a"], {"remove": ["a"]}),
    ],
)
def test_a_flat_column_can_hold_an_operand(operation: str, value: Any, sent: Any) -> None:
    """`operations` makes an operation of a plain column."""
    assert repr(made(value, operations={"x": operation})) == repr({"x": sent})


@pytest.mark.parametrize(
    ("data_type", "value", "sent"),
    [
        ("string", 4917012345, "4917012345"),
        ("string", Decimal("1E+3"), "1000"),
        ("string", True, "true"),
        ("string", "a", "a"),
        ("number", "9007199254740993", 9007199254740993),
        ("number", " 0.10 ", Decimal("0.10")),
        ("number", 5, 5),
        ("number", Decimal("5.0"), Decimal("5.0")),
        ("boolean", "TRUE", True),
        ("boolean", "0", False),
        ("boolean", " Yes ", True),
        ("boolean", "n", False),
        ("boolean", "T", True),
        ("boolean", "f", False),
        ("boolean", "ON", True),
        ("boolean", "off", False),
        ("boolean", Decimal("0.0"), False),
        ("boolean", 1.0, True),
        ("boolean", 1, True),
        ("boolean", False, False),
        ("datetime", "2024-02-29", "2024-02-29T00:00:00Z"),
        ("datetime", "2024-02-29T12:00:00+05:30", "2024-02-29T06:30:00Z"),
        ("datetime", 1709287200, "2024-03-01T10:00:00Z"),
        ("list", '["a", 1, 0.10, null]', ["a", "1", "0.10"]),
        ("list", "[a, b]", ["[a, b]"]),
        ("list", "{a,b}", ["{a,b}"]),
        ("list", "a", ["a"]),
        ("list", 1, ["1"]),
        ("list", [1, None, "a"], ["1", "a"]),
    ],
)
def test_a_data_type_is_sent_with_a_value_of_it(data_type: str, value: Any, sent: Any) -> None:
    """`data_types` coerces the column and tells the API; an event just carries the value."""
    told = {"x": {"set": sent, "data_type": data_type}}
    assert repr(made(value, data_types={"x": data_type})) == repr(told)
    assert repr(made(value, data_types={"x": data_type}, events=True)) == repr({"x": sent})


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_list_is_a_null_and_counted(blank: str) -> None:
    """A blank cell of a CSV file holds no item, and not one that is called like nothing."""
    people = mapper("x", data_types={"x": "list"})
    assert people({"x": blank}) == {"x": None}
    assert people({"x": None}) == {"x": None}
    assert dict(people.remarks) == {BLANK_LIST: 1}
    appended = mapper("x", data_types={"x": "list"}, operations={"x": "append"})
    assert appended({"x": blank}) == {}
    assert made(blank, data_types={"x": "list"}, nulls="omit") == {}


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("number", "many"),
        ("number", "NaN"),
        ("number", "1e99999"),
        ("number", [1]),
        ("boolean", "maybe"),
        ("boolean", 2),
        ("boolean", Decimal("0.5")),
        ("boolean", ["true"]),
        ("datetime", "soon"),
        ("datetime", 2024),
        ("datetime", True),
        ("list", '{"a": 1}'),
        ("list", '[{"a": 1}]'),
        ("list", "[" * 2000 + "]" * 2000),
        ("string", ["a"]),
        ("string", {"a": 1}),
        ("list", {"a": 1}),
    ],
)
def test_a_value_that_is_not_of_its_data_type_rejects_the_record(
    data_type: str, value: Any
) -> None:
    """It can't be read as what the attribute must be, and the reason says so."""
    with pytest.raises(RejectRecord, match=f"{data_type}|date-time|NaN|deep"):
        made(value, data_types={"x": data_type})
