"""Records are dealt out to shards by their ids, before anything else of them is looked at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_userflow.apis.registry import MATCHED, OBJECT_TYPES, mapper
from target_userflow.config.settings import StreamOptions
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import Stream

IDS = ("user_id", "group_id", "company_id", "email")
VALUES = st.one_of(
    st.none(),
    st.sampled_from(["ada", " Ada ", "null", "", "7", "ada@example.com", "Ada@Example.com "]),
    st.integers(-1, 9),
    st.just(Decimal("7.0")),
    st.booleans(),
    st.just(["ada"]),
)
RECORDS = st.fixed_dictionaries({}, optional=dict.fromkeys(IDS, VALUES))


CASES = [
    *((name, None, is_open) for name in OBJECT_TYPES for is_open in (False, True)),
    *((name, "email", False) for name in MATCHED),
]


@pytest.mark.parametrize(("name", "match_by", "is_open"), CASES)
@settings(max_examples=40, deadline=None)
@given(ids=RECORDS)
def test_the_ids_tell_the_ordering_key_of_a_request(
    ids: dict[str, Any],
    name: str,
    match_by: str | None,
    is_open: bool,  # noqa: FBT001 - as pytest gives it
) -> None:
    """A shard that left a record to another one by a key that the other does not see lost it."""
    columns: dict[str, Any] = {} if is_open else {column: {} for column in (*IDS, "name")}
    options = StreamOptions(match_by=match_by)
    of_stream = mapper(OBJECT_TYPES[name], Stream(name, columns, (), options, is_open))
    record = {"name": "used", **ids}
    try:
        request = of_stream(record)
    except RejectRecord:
        return
    assert of_stream.ordering_key(record) == request.ordering_key
    assert not of_stream.deleted_by or (
        of_stream.deletion(of_stream.object_id(record)).ordering_key == request.ordering_key
    )
