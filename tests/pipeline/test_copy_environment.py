"""One Userflow environment as a copy of another: what the published tap reads fills it."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.meltano import ROOT, Project, installed, meltano_of, run
from support.process import record, run_target, schema
from support.readme import config

from target_userflow.sandbox import running
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from support.meltano import Command

    from target_userflow.sandbox import Sandbox


TAP = """
import sys
from tap_userflow.client import UserFlowStream
from tap_userflow.tap import TapUserFlow
UserFlowStream.url_base = sys.argv.pop(1)
TapUserFlow.cli()
"""
"""The tap as it is, but for the address that stands in its source."""
DEFINITIONS = ("attribute_definitions", "event_definitions")
VALUES: dict[str, Any] = {
    "text": "Zoë",
    "digits": "0042",
    "number": 12.5,
    "large": 9007199254740993,
    "flag": False,
    "tags": ["b", "a"],
    "none": [],
    "signed_up_at": "2024-03-01T09:00:00Z",
    "created_at": "2020-02-02T00:00:00Z",
}
USERS = 130  # more than a page
GROUPS = 105


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """The tap as the recipe has it."""
    (tap,) = config("copy-environment")["plugins"]["extractors"]
    return dict(tap)


@pytest.fixture(scope="module")
def python(recipe: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the tap."""
    package, *others = recipe["pip_url"].split()
    return installed(package, tmp_path_factory.mktemp("tap") / "venv", *others) / "python"


@pytest.fixture(scope="module")
def meltano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Meltano's program."""
    return meltano_of(tmp_path_factory)


def project_of(meltano: Path, python: Path, tap: dict[str, Any], url: str, home: Path) -> Project:
    """A project with the tap as a recipe has it, which reads another address, and the target."""
    (home / "reading.py").write_text(TAP)
    program = home / "tap-userflow"
    program.write_text(f'#!/bin/sh\nexec {python} {home}/reading.py {url} "$@"\n')
    program.chmod(0o700)
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (target,) = definition["plugins"]["loaders"]
    for plugin in (tap, target):  # nothing is installed here
        plugin.pop("pip_url")
    target["executable"] = str(Path(sys.executable).with_name("target-userflow"))
    definition["plugins"] = {
        "extractors": [{**tap, "executable": f"./{program.name}"}],
        "loaders": [target],
    }
    (home / "meltano.yml").write_text(yaml.safe_dump(definition))
    return Project(meltano, home)


@pytest.fixture
def other() -> Iterator[Sandbox]:
    """A second environment."""
    with running() as sandbox:
        yield sandbox


def fill(sandbox: Sandbox, directory: Path) -> None:
    """Users and groups that have all types of attributes, and memberships of them."""
    columns: dict[str, Any] = {"id": {}, "attributes": {}}
    messages = [schema("groups", columns), schema("users", {**columns, "memberships": {}})]
    for n in range(GROUPS):
        values = VALUES if n == 0 else {"name": f"Group {n}"}
        messages.append(record("groups", id=f"g{n}", attributes=values))
    for n in range(USERS):
        joined = [{"attributes": {"role": "admin", "n": n}, "group": {"id": "g0"}}] * (n % 3 == 0)
        joined += [{"attributes": VALUES, "group": {"id": "g1"}}] * (n % 5 == 0)
        values = VALUES if n == 0 else {"email": f"u{n}@example.com"}
        messages.append(record("users", id=f"u/{n}", attributes=values, memberships=joined))
    assert run_target(directory, sandbox.config, messages).status == 0


def printed(command: Command, directory: Path) -> str:
    """What a program prints that has to succeed."""
    done = run(command, directory)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(
    python: Path, url: str, directory: Path, streams: Iterable[str], **settings: Any
) -> list[Any]:
    """What the tap makes of some streams of an environment."""
    config = directory / "tap.json"
    config.write_text(json.dumps({"auth_token": Settings().api_key, **settings}))
    command: Command = [python, "-c", TAP, url, "--config", config]
    catalog = json.loads(printed([*command, "--discover"], directory))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
    chosen = directory / "catalog.json"
    chosen.write_text(json.dumps(catalog))
    out = printed([*command, "--catalog", chosen], directory)
    return [json.loads(line) for line in out.splitlines()]


def what_there_is(sandbox: Sandbox) -> Any:
    """Users and groups, less the times that are the environment's own."""
    kept = sandbox.state()
    own = {"created_at", "updated_at"}
    return {
        kind: {
            id_: {name: value for name, value in one.items() if name not in own}
            for id_, one in kept[kind].items()
        }
        for kind in ("users", "groups")
    }


def test_the_published_tap_copies_an_environment(
    meltano: Path, python: Path, sandbox: Sandbox, other: Sandbox, tmp_path: Path
) -> None:
    """Every attribute, group and membership arrives as it was, and nothing besides."""
    fill(sandbox, tmp_path)
    (tap,) = config("copy-environment")["plugins"]["extractors"]
    project = project_of(meltano, python, tap, sandbox.url, tmp_path)
    variables = {f"TARGET_USERFLOW_{name.upper()}": one for name, one in other.config.items()}
    variables["TAP_USERFLOW_AUTH_TOKEN"] = Settings().api_key
    project("run", "tap-userflow", "target-userflow", **variables)
    assert what_there_is(other) == what_there_is(sandbox)
    assert len(what_there_is(other)["users"]) == USERS
    asked = {one["path"] for one in sandbox.requests() if one["method"] == "GET"}
    assert asked == {"/users", "/groups"}  # what is not selected is not read


def test_the_tap_reads_definitions_of_the_sandbox(
    python: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    """As of the real API: all that there are, without an error."""
    fill(sandbox, tmp_path)
    messages = read(python, sandbox.url, tmp_path, DEFINITIONS)
    names = [one["record"]["name"] for one in messages if one["type"] == "RECORD"]
    assert sorted(names) == sorted([*VALUES, "email", *VALUES, "name", *VALUES, "role", "n"])


ANSWER = {"question_name": "NPS", "answer_type": "number", "answer_value": "9"}
DAY = "2026-03-01T09:00:00Z"
TIMES = {"created_at": DAY, "last_activity_at": DAY}
SESSIONS: list[dict[str, Any]] = [
    {"id": "s1", "user_id": "ada", "answers": [{**ANSWER, "question_name": "Why?"}, ANSWER]},
    {"id": "s2", "user_id": "bob", "answers": []},
    {"id": "s3", "user_id": "cem", "answers": None},
]


class Sessions(BaseHTTPRequestHandler):
    """Lists contents and their sessions, which the sandbox has none of, by the tap's schemas."""

    def do_GET(self) -> None:
        """Answer with a list of one page."""
        found = [{"id": "c"}] if self.path.startswith("/content?") else SESSIONS
        data = [TIMES | one for one in found]
        body = json.dumps({"object": "list", "data": data, "has_more": False}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing to the terminal."""


def test_answers_to_a_survey_are_what_the_recipe_says(
    meltano: Path, python: Path, tmp_path: Path
) -> None:
    """One row for a session with an answer, with the columns that are named and no other."""
    (tap,) = config("nps")["plugins"]["extractors"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Sessions) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        project = project_of(meltano, python, tap, url, tmp_path)
        printed = project("invoke", tap["name"], TAP_USERFLOW_NPS_AUTH_TOKEN=Settings().api_key)
        server.shutdown()
    messages = [json.loads(line) for line in printed.splitlines()]
    rows = [one for one in messages if one["type"] == "RECORD"]
    assert {one["stream"] for one in rows} == {"nps_answers"}
    expected = {"session_id": "s1", "user_id": "ada", "answered_at": DAY, "nps": "9"}
    assert [one["record"] for one in rows] == [expected]
