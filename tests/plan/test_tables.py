"""The plan of tables as people have them; run as a script, it writes the expected texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from plan.tables import JSON, TABLES, TEXT, Table

from target_userflow.apis.listing import EVENT_NAMES
from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.config.settings import StreamOptions
from target_userflow.mapping.columns import Stream
from target_userflow.plan.facts import stream_facts
from target_userflow.plan.page import plan_page
from target_userflow.plan.plan import all_facts
from target_userflow.plan.stream_look import StreamLook
from target_userflow.plan.text import plan_text

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPECTED = Path(__file__).with_name("expected")
LIMITS = {"max_new_attributes": 100, "max_new_events": 100}
THERE: dict[str, dict[str, str]] = {
    "user": {"email": "string", "name": "string", "plan": "string", "logins": "number"},
    "group": {"name": "string"},
    "group_membership": {},
    "event": {},
    EVENT_NAMES: {"page_view": ""},
}


class There:
    """A destination with a few definitions, in which no id exists that is looked up."""

    def __init__(self, known: Mapping[str, Mapping[str, str]] = THERE) -> None:
        """Have definitions, by their scopes."""
        self._known = known

    def definitions(self, scope: str) -> Mapping[str, str]:
        """Those of a scope."""
        return self._known[scope]

    def ids(self, look: StreamLook) -> tuple[int, int, bool]:
        """None of them exists."""
        return min(len(look.sample.requests), 99), 0, True


def look_at(table: Table) -> StreamLook:
    """What is seen of a table."""
    stream = Stream(table.name, table.columns, table.keys.split(), StreamOptions(**table.options))
    object_type = OBJECT_TYPES[table.object]
    made = mapper(object_type, stream)
    look = StreamLook(object_type, stream, made)
    for record in table.records():
        look.see(record)
        look.sample.add(record, made(record), 100)
    return look


def facts_of(*tables: Table) -> dict[str, Any]:
    """The plan of tables."""
    found = [stream_facts(look_at(table), There(), table.rows, lambda _: None) for table in tables]
    return all_facts(found, LIMITS)


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.name)
def test_a_table_has_the_plan_that_was_looked_at(table: Table) -> None:
    """Word for word; `python tests/plan/test_tables.py` writes the texts anew."""
    text = plan_text(facts_of(table), 100)
    assert f"{text}\n" == (EXPECTED / f"{table.name}.txt").read_text()


def said(name: str) -> str:
    """All that the plan of a table says, on one line."""
    (table,) = (one for one in TABLES if one.name == name)
    return " ".join(plan_text(facts_of(table), 200).split())


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("django-audit_log", '{"fields": {"time": "created_at"}}'),
        ("rails-contacts", "told apart by 'id'"),
        ("segment-identifies", "told apart by 'id'"),
        ("dbt-scd_users", "told apart by 'user_id' and 'dbt_valid_from'"),
        ("rails-memberships", "None of 3 ids that were looked up exists"),
        ("rails-users", "left out (named like a secret; `send` sends it): encrypted_password"),
        ("app-projects", "101 attribute names would be new"),
        ("app-projects", "101 of them from the column 'usage'"),
        ("app-customer_events", "name ← event (by name, before name)"),
        ("fivetran-users", "'Email' beside 'email' (there already)"),
        ("dbt-dim_customers", '{"data_types": {"mrr": "number", "is_trial": "boolean"}}'),
        ("airbyte-customers", '{"data_types": {"subscribed_at": "datetime"}}'),
        ("airbyte-customers", "(another loader's): _airbyte_raw_id, _airbyte_extracted_at"),
        ("app-user_orgs", "prune_memberships would end all memberships"),
        ("app-tags", "logins string, there number"),
        ("ga4-events", '{"fields": {"time": "event_timestamp"}}'),
    ],
)
def test_each_mistake_of_a_new_user_is_stopped_or_named(table: str, says: str) -> None:
    """With what to do about it."""
    assert says in said(table)


def test_the_page_has_every_column_and_escapes_what_stands_in_it() -> None:
    """A name may be markup: columns are named by whoever made the table."""
    page = plan_page(facts_of(Table("<b>users", "users", {"id": TEXT, "<i>plan": TEXT})))
    assert "&lt;i&gt;plan" in page
    assert "<b>users" not in page
    assert "<i>" not in page


@pytest.mark.parametrize("width", [80, 160])
def test_a_large_plan_is_a_screen_for_each_stream(width: int) -> None:
    """200 columns of 5 streams: no line is too long, and each new attribute is named."""
    columns = {"id": TEXT, **{f"column_{n:03}": TEXT for n in range(199)}, "more": JSON}
    tables = [Table(f"schema-table_{n}", "users", columns, rows=2) for n in range(5)]
    lines = plan_text(facts_of(*tables), width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.count("column_") for line in lines) == 5 * 199
    assert len(lines) <= 5 * 60 / (width // 80)


def test_what_is_there_takes_a_line_for_each_type() -> None:
    """It needs no look, however much it is; what is doubtful stands before it."""
    there = {f"known_{n}": TEXT for n in range(100)}
    known = {**THERE, "user": dict.fromkeys(there, "string")}
    table = Table("customers", "users", {"id": TEXT, **there, "new": TEXT})
    facts = stream_facts(look_at(table), There(known), table.rows, lambda _: None)
    *_, state, last = plan_text(all_facts([facts], LIMITS), 80).splitlines()
    assert state == "  There already: 100 (--plan=json has all)"
    assert last.startswith("    string  100  known_0, known_1,")


def test_of_many_event_names_the_new_ones_come_first() -> None:
    """A column full of values fills no screen."""
    columns = {"user_id": TEXT, "event": TEXT}
    table = Table("e", "events", columns, "", rows=99, vary={"event": "e{0}"})
    known = {**THERE, EVENT_NAMES: {f"e{n}": "" for n in range(90)}}
    facts = stream_facts(look_at(table), There(known), table.rows, lambda _: None)
    (line,) = [
        line for line in plan_text(all_facts([facts], LIMITS), 2000).splitlines() if "names" in line
    ]
    assert line.strip().startswith("event names: e90 (new, 1)")


if __name__ == "__main__":
    for one in TABLES:
        (EXPECTED / f"{one.name}.txt").write_text(f"{plan_text(facts_of(one), 100)}\n")
