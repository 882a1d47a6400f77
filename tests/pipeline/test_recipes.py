"""The recipes' YAML as people paste it: one `meltano run` has a tap and a loader for each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.meltano import ROOT, Project, meltano_of
from support.process import record, run_target, schema, singer
from support.readme import blocks, config

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TARGET = Path(sys.executable).with_name("target-userflow")
TYPES = {str: "string", int: "integer", list: "array", dict: "object"}
DAY = "2026-01-01T00:00:00Z"

pytestmark = pytest.mark.skipif(not (ROOT / "meltano.yml").exists(), reason="only in a checkout")


def rows(stream: str, *records: dict[str, Any], keys: Iterable[str] = ()) -> list[Any]:
    """What a tap sends of a table: its SCHEMA, by the types of the first row, and its rows."""
    columns = {name: TYPES[type(value)] for name, value in records[0].items()}
    return [schema(stream, columns, keys), *(record(stream, **one) for one in records)]


def orders(*numbers: int) -> list[Any]:
    """Rows of `old_orders`, a view without a key; the number is the day, too."""
    known = {"customer_id": "ada"}
    found = [{"order_id": n, "placed_at": f"2024-03-0{n}", **known} for n in numbers]
    return rows("old_orders", *found)


EXISTING = [
    *rows("groups", {"id": "p1"}, keys=["id"]),
    *rows(
        "users",
        {"id": "crm", "email": "crm@example.com"},
        {"id": "lead", "email": "lead@example.com"},
        {"id": "gone"},
        {"id": "pruned", "groups": [{"id": "g1"}, {"id": "g2"}]},
        keys=["id"],
    ),
]
"""What is in Userflow before the run."""
AUDIENCE = {"salary": 9, "email": "in@example.com"}
TAPS: dict[str, tuple[str, list[Any]]] = {
    "audience": (
        "audience",
        [
            *rows("audience_power_users", {"user_id": "in", **AUDIENCE}),
            *rows("audience_power_users_left", {"user_id": "out", **AUDIENCE}),
        ],
    ),
    "salesforce": (
        "salesforce",
        [
            *rows(
                "Contact",
                {
                    "Id": "003",
                    "Email": "CRM@example.com",
                    "Title": "CTO",
                    "Account": {"Industry": "Tools"},
                    "Salary__c": 9,
                },
                {"Id": "004", "Email": "nobody@example.com", "Title": "CEO", "Account": None},
            ),
            *rows(
                "Lead", {"Id": "00Q", "Email": "lead@example.com", "Status": "Open", "Salary__c": 9}
            ),
            *rows(
                "Account",
                {"Product_Id__c": "p1", "Industry": "Tools", "NumberOfEmployees": 7, "Debt__c": 9},
                {"Product_Id__c": "p2", "Industry": "Toys", "NumberOfEmployees": 8},
                {"Product_Id__c": None, "Industry": "Food", "NumberOfEmployees": 9},
            ),
        ],
    ),
    "backfill": ("backfill", orders(1, 2)),
    "backfill-again": ("backfill", orders(1, 2, 3)),
}
"""By tap, the recipe whose config its loader has, and what the tap sends."""


def together() -> tuple[dict[str, Any], list[Any]]:
    """Recipes that say different things of different streams, as one config."""
    (dotted,) = (yaml.safe_load(one)["config"] for one in blocks("yaml") if "raw?orders" in one)
    settings = {**config("deletes"), **config("deletes", 1), **config("limits"), **dotted}
    gone = {"id": "gone", "_sdc_deleted_at": DAY}
    sent = [
        *rows("public-users", gone, *({"id": f"u{n}"} for n in range(5)), keys=["id"]),
        *rows("users", {"id": "pruned", "groups": [{"id": "g1"}]}, keys=["id"]),
        *rows("raw.orders", {"id": 1, "user_id": "ada", "time": DAY}, keys=["id"]),
    ]
    return settings, sent


def plugins(home: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each tap, which is a file that is printed, with its loader."""
    configs = {name: (config(recipe), sent) for name, (recipe, sent) in TAPS.items()}
    for name, (settings, sent) in {**configs, "together": together()}.items():
        (home / f"{name}.singer").write_bytes(singer(sent))
        program = home / f"tap-{name}"
        program.write_text(f"#!/bin/sh\ncat {home}/{name}.singer\n")
        program.chmod(0o700)
        tap = {"name": program.name, "namespace": f"tap_{name}", "executable": f"./tap-{name}"}
        loader = {"name": f"target-{name}", "inherit_from": "target-userflow", "config": settings}
        yield tap, loader


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What is in Userflow after `meltano run` of all recipes."""
    home = tmp_path_factory.mktemp("recipes")
    project = Project(meltano_of(tmp_path_factory), home)
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (own,) = definition["plugins"]["loaders"]
    del own["pip_url"]  # nothing is installed: the target is that of this checkout
    taps, loaders = zip(*plugins(home), strict=True)
    own["executable"] = str(TARGET)
    definition["plugins"] = {"extractors": [*taps], "loaders": [own, *loaders]}
    (home / "meltano.yml").write_text(yaml.safe_dump(definition))
    with running() as sandbox:
        assert run_target(home, {**sandbox.config, "ledger": ""}, EXISTING).status == 0
        target = {f"TARGET_USERFLOW_{name.upper()}": one for name, one in sandbox.config.items()}
        pairs = [one["name"] for pair in zip(taps, loaders, strict=True) for one in pair]
        project("run", *pairs, **target)
        yield sandbox.state()


def attributes(found: dict[str, Any], user: str) -> dict[str, Any]:
    """What stands in Userflow of a user."""
    kept: dict[str, Any] = found["users"][user]["attributes"]
    return kept


def test_an_audience_is_one_attribute_and_nothing_else(found: dict[str, Any]) -> None:
    """Meltano drops nulls from a config, and a salary is sent where `__else__` is one."""
    assert attributes(found, "in") == {"power_users": True}
    assert attributes(found, "out") == {"power_users": False}


def test_a_crm_enriches_users_and_groups_and_creates_none(found: dict[str, Any]) -> None:
    """By email, in any case of its letters, and by the product's id; no other column is sent."""
    contact = {"sf_contact_id": "003", "sf_title": "CTO", "sf_industry": "Tools"}
    lead = {"sf_lead_id": "00Q", "sf_lead_status": "Open"}
    assert attributes(found, "crm") == {"email": "crm@example.com", **contact}
    assert attributes(found, "lead") == {"email": "lead@example.com", **lead}
    account = {"sf_industry": "Tools", "sf_employees": 7}
    assert found["groups"]["p1"]["attributes"] == account
    assert "p2" not in found["groups"]


def test_past_events_arrive_once_with_their_own_time(found: dict[str, Any]) -> None:
    """The backfill was started twice, and its second start knows what the first delivered."""
    events = [one for one in found["events"] if one["time"] < "2025"]
    assert sorted(one["time"] for one in events) == [f"2024-03-0{n}T00:00:00Z" for n in (1, 2, 3)]
    assert {(one["name"], one["user_id"]) for one in events} == {("order placed", "ada")}
    assert {key for one in events for key in one["attributes"]} == set()


def test_a_row_that_is_gone_and_a_membership_that_is_not_listed_end(found: dict[str, Any]) -> None:
    """By `hard_delete` with the ratio of the recipe, and by its stream map of pruning."""
    assert "gone" not in found["users"]
    assert found["users"]["pruned"]["memberships"].keys() == {"g1"}


def test_a_budget_costs_no_record(found: dict[str, Any]) -> None:
    """The recipe's numbers are ones that the target works with."""
    assert {f"u{n}" for n in range(5)} <= found["users"].keys()


def test_a_glob_routes_a_stream_whose_name_has_a_dot(found: dict[str, Any]) -> None:
    """Meltano would break the name in two on its way to the target."""
    (event,) = [one for one in found["events"] if one["time"] == DAY]
    assert (event["name"], event["user_id"]) == ("order placed", "ada")
