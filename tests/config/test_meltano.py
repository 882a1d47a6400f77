"""Objects in the variables that Meltano sets: put together again as they stand in meltano.yml."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_userflow.config.problems import problems
from target_userflow.config.reading import from_environment
from target_userflow.config.schema import CONFIG_SCHEMA

MELTANO = {"MELTANO_LOADER_NAME": "target-userflow"}
PREFIX = "TARGET_USERFLOW_"


def read(name: str, value: Any, **environ: str) -> Any:
    """A setting that a variable holds."""
    text = value if isinstance(value, str) else json.dumps(value)
    schema: dict[str, Any] = {
        "properties": {**CONFIG_SCHEMA["properties"], "stream_maps": {"type": ["object", "null"]}}
    }
    return from_environment({f"{PREFIX}{name.upper()}": text, **environ}, schema, PREFIX)[name]


@pytest.mark.parametrize(
    ("flat", "whole"),
    [
        ({"users.object": "users"}, {"users": {"object": "users"}}),
        (
            {"a-b.object": "users", "a-b.fields.user_id": "uuid", "*.object": "ignore"},
            {"a-b": {"object": "users", "fields": {"user_id": "uuid"}}, "*": {"object": "ignore"}},
        ),
        ({"raw.orders.event_name": "paid"}, {"raw.orders": {"event_name": "paid"}}),
        (
            {"users.data_types.phone.no": "string"},
            {"users": {"data_types": {"phone.no": "string"}}},
        ),
        ({"raw.object.object": "users"}, {"raw.object": {"object": "users"}}),
        ({"raw.orders": {"object": "events"}}, {"raw.orders": {"object": "events"}}),
        ({"users.objekt": "users"}, {"users": {"objekt": "users"}}),
        ({"users": {}}, {"users": {}}),
    ],
)
def test_streams_are_as_they_stand_in_meltano_yml(flat: Any, whole: Any) -> None:
    """Names of streams and of columns may have dots; a misspelt option stays one."""
    assert read("streams", flat, **MELTANO) == whole


def test_stream_maps_are_as_well() -> None:
    """What is after the last dot is the column, or the map's own word."""
    flat = {
        "raw.users.plan": "upper(plan)",
        "raw.users.__else__": "__NULL__",
        "__else__": "__NULL__",
    }
    assert read("stream_maps", flat, **MELTANO) == {
        "raw.users": {"plan": "upper(plan)", "__else__": "__NULL__"},
        "__else__": "__NULL__",
    }


def test_without_meltano_nothing_is_put_together() -> None:
    """A stream whose name has a dot is what it is to everybody else."""
    text = '{"raw.orders": null, "users.object": "users"}'
    assert read("streams", text) == text


def test_a_text_that_is_no_object_is_refused_as_ever() -> None:
    """By the schema, in a line that names the setting."""
    config = {"streams": read("streams", "users: users", **MELTANO)}
    assert problems(config, CONFIG_SCHEMA)[0].startswith("Setting 'streams'")
