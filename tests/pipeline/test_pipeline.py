"""The whole way, as people run it: PostgreSQL, tap-postgres, the target, Userflow's sandbox."""

# ruff: noqa: S608 - SQL is put together from literals in this file

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.all_types import ACME, ALL_TYPES, COLUMNS, YAN, ZOE, Column
from support.meltano import ROOT, Project, index, meltano_of, run
from support.process import TARGET, config_file, record, schema, singer, writes
from support.readme import config

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.postgres import Database

    from target_userflow.sandbox import Sandbox

    Command = list[str | Path]


IDA = "5d2f7a10-93c4-4b8e-a6d1-c7e0f1b2a394"
TWO_DAYS = f"""
    create table users (id uuid primary key, plan text, updated_at timestamptz);
    insert into users values ('{ZOE}', 'pro', '2024-03-01'), ('{YAN}', 'pro', '2024-03-02');
    create table groups (id int primary key, name text, updated_at timestamptz);
    insert into groups values (1, 'Acme', '2024-03-01');
    create table memberships (
        user_id uuid, group_id int, updated_at timestamptz, primary key (user_id, group_id)
    );
    insert into memberships values ('{ZOE}', 1, '2024-03-01');
    create table events (id int primary key, user_id uuid, name text, time timestamptz);
    insert into events values
        (1, '{ZOE}', 'signed in', '2024-03-01'), (2, '{YAN}', 'signed in', '2024-03-02');
    create table participants (email text primary key, first_name text, updated_at timestamptz);
    insert into participants values ('zoe@example.com', 'Zoe', '2024-03-01');
"""
THE_THIRD_DAY = f"""
    update users set plan = null, updated_at = '2024-03-03' where id = '{YAN}';
    insert into users values ('{IDA}', 'free', '2024-03-03');
    insert into events values (3, '{IDA}', 'signed up', '2024-03-03');
"""
MARTS = f"""
    create schema marts;
    create table marts.customers (
        customer_uuid uuid primary key, plan text, updated_at timestamptz
    );
    insert into marts.customers values ('{ZOE}', 'pro', '2024-03-01');
    create table marts.orders (
        id int primary key, customer_uuid uuid, total numeric, placed_at timestamptz
    );
    insert into marts.orders values (1, '{ZOE}', 9.90, '2024-03-01');
"""
VIEWS = """
    create schema marts;
    create view marts.customers as
        select 'ada' as customer_id, 'pro' as plan, timestamptz '2024-03-01Z' as updated_at;
    create view marts.orders as
        select 7 as order_id, 'ada' as customer_id, 9.90 as total,
            timestamptz '2024-03-01Z' as placed_at;
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What `meltano install` makes of our meltano.yml and the recipes, in a new folder.

    The definition is as it is copied: the target comes from an index of packages.
    """
    home = tmp_path_factory.mktemp("meltano")
    project = Project(meltano_of(tmp_path_factory), home)
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (home / "meltano.yml").write_text(yaml.safe_dump(_with_recipes(definition)))
    project("install", UV_FIND_LINKS=str(index(home / "index")))
    return project


@pytest.fixture(scope="module")
def delivered(
    postgres: Database, project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """Userflow after one run over tables that hold all types."""
    database = postgres.create("all_types")
    database.execute(ALL_TYPES)
    with running() as sandbox:
        _pipe(project.tap, database, sandbox, tmp_path_factory.mktemp("target"))
        yield sandbox


def test_the_definition_to_copy_installs_the_published_package(project: Project) -> None:
    """In a folder without this repository: nothing of a checkout is needed, or used."""
    packages = ".meltano/loaders/target-userflow/venv/lib/python*/site-packages"
    (package,) = project.home.glob(f"{packages}/target_userflow/__init__.py")
    assert package.is_relative_to(project.home)
    assert "target-userflow v" in project("invoke", "target-userflow", "--version")


@pytest.mark.parametrize(
    ("name", "column"),
    [(f"c{index:02}", column) for index, column in enumerate(COLUMNS)],
    ids=[f"{column.type} {column.literal}" for column in COLUMNS],
)
def test_a_value_of_each_type_stands_in_userflow_as_what_it_is(
    delivered: Sandbox, name: str, column: Column
) -> None:
    """What a column of this type holds can be found again in Userflow, to the last digit."""
    sent = {body["id"]: body["attributes"] for body in _sent(writes(delivered), "users")}
    kept = delivered.state()["users"][ZOE]["attributes"]
    expected = column.attribute if isinstance(column.attribute, dict) else {"": column.attribute}
    for attributes in (sent[ZOE], kept):
        found = {key[3:]: value for key, value in attributes.items() if key[:3] == name}
        found = {key: value for key, value in found.items() if value is not None}
        assert repr(found) == repr(expected)  # not ==, for which True is 1 and 1.50 is 1.5


def test_a_row_of_nulls_is_a_user_without_attributes(delivered: Sandbox) -> None:
    """A row that has nothing but its key arrives, and NULL of any type sets nothing."""
    assert delivered.state()["users"][YAN]["attributes"] == {}


def test_what_is_referred_to_arrives_first(delivered: Sandbox) -> None:
    """The tap sends events first, and yet no event or membership meets an unknown user or group."""
    requests = writes(delivered)
    kinds = [_kind(request) for request in requests]
    (joined,) = (at for at, one in enumerate(requests) if "memberships" in one["body"])
    assert sorted(kinds) == ["events", "groups", "users", "users"]  # it rides with its user
    assert kinds.index("groups") < joined < kinds.index("events")


def test_an_id_past_two_to_the_53_names_the_same_group_everywhere(delivered: Sandbox) -> None:
    """A float would make it its neighbour; groups, memberships and events keep every digit."""
    *_, event = bodies = [request["body"] for request in writes(delivered)]
    (user,) = (body for body in bodies if "memberships" in body)
    assert list(delivered.state()["groups"]) == [str(ACME)]
    assert user["memberships"][0]["group"]["id"] == event["group_id"] == str(ACME)


def test_an_event_keeps_its_time_and_leaves_its_row_number_behind(delivered: Sandbox) -> None:
    """The time is in UTC, and the primary key of the table is no attribute."""
    (event,) = delivered.state()["events"]
    assert (event["name"], event["user_id"], event["time"]) == ("paid", ZOE, "2024-03-01T09:00:00Z")
    assert event["attributes"] == {"amount": Decimal("9.90")}


def test_meltano_run_resumes_where_the_last_one_ended(
    postgres: Database, project: Project, sandbox: Sandbox
) -> None:
    """The second run begins at the bookmarks, and an event it meets again is not sent again.

    A dry run before them leaves no bookmark.
    """
    database = postgres.create("incremental")
    database.execute(TWO_DAYS)
    assert _meltano_run(project, database, sandbox, TARGET_USERFLOW_DRY_RUN="true") == []
    first = _meltano_run(project, database, sandbox)
    database.execute(THE_THIRD_DAY)
    second = _meltano_run(project, database, sandbox)
    yan = sandbox.state()["users"][YAN]["attributes"]
    assert _who(first, "users") == _who(first, "events") == [ZOE, YAN]
    assert set(sandbox.state()["participants"]) == {"zoe@example.com"}  # another product, same run
    assert _who(second, "users") == [YAN, IDA]  # Zoe's row lies before the bookmark
    assert _who(second, "events") == [IDA]  # Yan's event lies on it
    assert yan == {"updated_at": "2024-03-03T00:00:00Z"}  # the plan that became NULL is gone


def test_a_full_refresh_sends_no_event_twice(
    postgres: Database, project: Project, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The ledger knows the events, while unchanged users are sent again with 0 days."""
    database = postgres.create("refreshed")
    database.execute(TWO_DAYS)
    afresh = {
        "MELTANO_RUN_STATE_ID_SUFFIX": "refreshed",
        "TARGET_USERFLOW_LEDGER": str(tmp_path / "ledger.db"),
        "TARGET_USERFLOW_SKIP_UNCHANGED": "true",
    }
    first = _meltano_run(project, database, sandbox, **afresh)
    afresh["TARGET_USERFLOW_RESYNC_DAYS"] = "0"
    second = _meltano_run(project, database, sandbox, "--full-refresh", **afresh)
    assert _who(first, "users") == _who(first, "events") == [ZOE, YAN]
    assert _who(second, "users") == [ZOE, YAN]
    assert _who(second, "events") == []


def test_an_environment_has_a_state_and_a_ledger_of_its_own(
    postgres: Database, project: Project, sandbox: Sandbox
) -> None:
    """The recipe: the key of staging is used, and what is noted is noted as staging's."""
    database = postgres.create("staged")
    database.execute(TWO_DAYS)
    target = {name: one for name, one in sandbox.config.items() if name != "api_key"}
    variables = _variables("target_userflow", target) | _variables("tap_postgres", asdict(database))
    variables["USERFLOW_STAGING_KEY"] = sandbox.api_key
    project("--environment=staging", "run", "tap-postgres", "target-userflow", **variables)
    assert set(sandbox.state()["users"]) == {ZOE, YAN}
    assert (project.home / ".target-userflow" / "staging.db").exists()
    assert "staging:tap-postgres-to-target-userflow" in project("state", "list")


def test_tables_of_other_names_are_what_the_recipe_says(
    postgres: Database, project: Project, sandbox: Sandbox
) -> None:
    """The recipe: plugins that inherit, customers as users, orders as events."""
    database = postgres.create("warehouse")
    database.execute(MARTS)
    tap, target = asdict(database), sandbox.config
    variables = _variables("tap_postgres", tap) | _variables("target_userflow", target)
    project("run", "tap-marts", "target-marts", **variables)
    attributes = {"plan": "pro", "updated_at": "2024-03-01T00:00:00Z"}
    assert sandbox.state()["users"][ZOE]["attributes"] == attributes
    (event,) = sandbox.state()["events"]
    assert (event["name"], event["user_id"]) == ("order placed", ZOE)
    assert (event["time"], event["attributes"]) == (
        "2024-03-01T00:00:00Z",
        {"total": Decimal("9.90")},
    )


def test_tables_of_snowflake_are_what_the_recipe_says(
    postgres: Database, project: Project, sandbox: Sandbox
) -> None:
    """The recipe: views without keys as users and events, which arrive once although read twice.

    PostgreSQL stands in for Snowflake, which nobody has here, with the columns of its tables; the
    selection, the replication and the loader are the recipe's own.
    """
    database = postgres.create("views")
    database.execute(VIEWS)
    variables = _variables("tap_postgres", asdict(database))
    variables |= _variables("target_userflow", sandbox.config)
    pair = "tap-views", "target-views"
    project("run", "--full-refresh", *pair, *pair, **variables)
    assert sandbox.state()["users"]["ada"]["attributes"] == {
        "plan": "pro",
        "updated_at": "2024-03-01T00:00:00Z",
    }
    (event,) = sandbox.state()["events"]
    assert (event["name"], event["user_id"]) == ("order placed", "ada")
    assert (event["time"], event["attributes"]) == (
        "2024-03-01T00:00:00Z",
        {"total": Decimal("9.90")},
    )


def test_dead_letters_are_replayed_through_meltano(project: Project, sandbox: Sandbox) -> None:
    """`meltano invoke` gives the target its config, and what stands in the file."""
    letter = {**record("users", id="ada"), "error": {"reason": "HTTP 400"}}
    typed = singer([schema("users", {"id": "string"}), letter]).decode()
    variables = _variables("target_userflow", sandbox.config)
    done = project.attempt("invoke", "target-userflow", typed=typed, **variables)
    assert done.returncode == 0, done.stderr
    assert set(sandbox.state()["users"]) == {"ada"}


def test_commands_work_under_meltano_where_streams_are_set(
    project: Project, sandbox: Sandbox
) -> None:
    """Meltano hands the setting over with dotted keys, and the commands by their names."""
    streams = json.dumps({"public-people": {"object": "users", "fields": {"user_id": "uuid"}}})
    target = _variables("target_userflow", {**sandbox.config, "streams": streams})
    project("invoke", "target-userflow:check", **target)
    people = [
        schema("public-people", {"uuid": "string"}, ["uuid"]),
        record("public-people", uuid="a"),
    ]
    typed = singer(people).decode()
    planned = project.attempt("invoke", "target-userflow:plan", typed=typed, **target)
    assert "public-people" in planned.stdout, planned.stderr
    verified = project.attempt("invoke", "target-userflow:verify", typed=typed, **target)
    assert "1 record compared" in verified.stdout + verified.stderr
    listed = project("invoke", "target-userflow:dead-letters", "list", **target)
    assert listed.startswith("No dead letters in ")
    assert project("invoke", "target-userflow", "dead-letters", **target) == listed
    done = project.attempt("invoke", "target-userflow:ledger", "public-people", "1", **target)
    assert "There is no ledger" in done.stderr or "nothing is known" in done.stdout


def test_meltano_checks_the_keys(project: Project, sandbox: Sandbox) -> None:
    """`meltano invoke` prints what --check found, and its status says how that was."""
    target = _variables("target_userflow", sandbox.config)
    products = ("Userflow", "User Interviews", "Userpilot")
    expected = [f"{name} ({sandbox.url}): ok" for name in products]
    assert project("invoke", "target-userflow", "--check", **target).splitlines() == expected
    wrong = {**target, "TARGET_USERFLOW_API_KEY": "zq7"}
    done = project.attempt("invoke", "target-userflow:check", **wrong)
    assert done.returncode == 1
    assert f"Userflow ({sandbox.url}): answered HTTP 401" in done.stdout
    assert expected[1:] == done.stdout.splitlines()[1:]


def _pipe(tap: Path, database: Database, sandbox: Sandbox, home: Path) -> None:
    """Run `tap-postgres | target-userflow`, both to the end and with success.

    The target is given all of it at once, so that it waits together, however slow the tap is.
    """
    tables = {**asdict(database), "filter_schemas": ["public"]}
    source: Command = [tap, "--config", _written(home / "tap.json", tables)]
    catalog = json.loads(run([*source, "--discover"], home).stdout)
    source += ["--catalog", _written(home / "catalog.json", _selected(catalog))]
    target: Command = [*TARGET, "--config", config_file(home, sandbox.config)]
    tapped = run(source, home)
    assert tapped.returncode == 0, tapped.stderr
    done = run(target, home, input=tapped.stdout)
    assert done.returncode == 0, done.stderr


def _selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalog with all of its streams selected."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    return catalog


def _meltano_run(
    project: Project, database: Database, sandbox: Sandbox, *options: str, **variables: str
) -> list[dict[str, Any]]:
    """The requests that one `meltano run` makes."""
    before = len(writes(sandbox))
    tap = _variables("tap_postgres", asdict(database))
    target = _variables("target_userflow", sandbox.config)
    environment = {**tap, **target, **variables}
    project("run", *options, "tap-postgres", "target-userflow", **environment)
    return writes(sandbox)[before:]


def _variables(plugin: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings of a plugin as environment variables."""
    return {f"{plugin}_{name}".upper(): str(one) for name, one in settings.items()}


def _only(recipe: str, kind: str) -> dict[str, Any]:
    """The one plugin of a kind that a recipe has."""
    (plugin,) = config(recipe)["plugins"][kind]
    return dict(plugin)


def _with_recipes(project: dict[str, Any]) -> dict[str, Any]:
    """The project with what the recipes add to it."""
    for kind, plugins in config("postgresql")["plugins"].items():
        project["plugins"][kind] += plugins
    project["plugins"]["loaders"].append({**_only("snowflake", "loaders"), "name": "target-views"})
    tap = {name: _only("snowflake", "extractors")[name] for name in ("select", "metadata")}
    standing_in = {"name": "tap-views", "inherit_from": "tap-postgres"}
    project["plugins"]["extractors"].append(
        {**standing_in, **tap, "config": {"filter_schemas": ["marts"]}}
    )
    project["environments"] += config("environments")["environments"]
    return project


def _written(path: Path, config: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(config))
    return path


def _kind(request: Mapping[str, Any]) -> str:
    """The object that a request is about."""
    path: str = request["path"]
    return path.strip("/")


def _sent(requests: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    """The bodies of the requests of one kind; a membership alone says nothing of its user."""
    bodies = (request["body"] for request in requests if _kind(request) == kind)
    return (body for body in bodies if "attributes" in body)


def _who(requests: list[dict[str, Any]], kind: str) -> list[str]:
    """The users that the requests of one kind are about, in the order of the days."""
    found = {body.get("user_id") or body["id"] for body in _sent(requests, kind)}
    return [user for user in (ZOE, YAN, IDA) if user in found]
