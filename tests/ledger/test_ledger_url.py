"""What a run tells of the ledger's URL: its driver, host and database, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.process import TARGET, config_file, record, run_target, schema
from support.taps import PATIENCE

from target_userflow.config.ledger_url import name_of, url_of

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox

EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})
EVENT = record("events", id="e", user_id="ada", name="used")
SECRETS = ("sesame", "grace")
URLS = {
    "as it should be": "postgresql+psycopg://grace:sesame@127.0.0.1:1/ledger",
    "in the query": "postgresql+psycopg://127.0.0.1:1/ledger?user=grace&password=sesame",
    "in a query that is wrong": "postgresql+psycopg://127.0.0.1:1/ledger?sslmode=sesame",
    "in an option that there is not": "postgresql+psycopg://127.0.0.1:1/ledger?nosuch=sesame",
    "with an @": "postgresql+psycopg://grace:p@sesame@127.0.0.1:1/ledger",
    "with an @ and a slash": "postgresql+psycopg://grace:p@sesame/x@127.0.0.1:1/ledger",
    "with an @ and a colon": "postgresql+psycopg://grace:p@x:sesame@127.0.0.1:1/ledger",
    "with an @ and a question mark": "postgresql+psycopg://grace:p@x?sesame@127.0.0.1:1/ledger",
    "without a user": "postgresql+psycopg://127.0.0.1:sesame/ledger",
    "a port that is no number": "postgresql+psycopg://grace:sesame@127.0.0.1:port/ledger",
    "a bracket": "postgresql+psycopg://grace:sesame@[127.0.0.1:1/ledger",
    "another driver": "postgresql+psycopg2://grace:sesame@127.0.0.1:1/ledger",
    "another database": "mysql://grace:sesame@127.0.0.1:1/ledger",
    "no database": "nosuch://grace:sesame@127.0.0.1:1/ledger",
    "one slash": "postgresql:/grace:sesame@127.0.0.1:1/ledger",
    "no slash": "postgresql:grace:sesame@127.0.0.1:1/ledger",
    "a DSN": "host=127.0.0.1 port=1 user=grace password=sesame",
    "an option of a file": "sqlite:///ledger.db?timeout=sesame",
}


@pytest.mark.parametrize("dry_run", [False, True], ids=["run", "dry run"])
@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_no_line_tells_a_password(
    sandbox: Sandbox, tmp_path: Path, url: str, *, dry_run: bool
) -> None:
    """However it is written, and whoever complains: exit 1 and lines, never a traceback."""
    config: dict[str, Any] = {**sandbox.config, "ledger": url, "dry_run": dry_run}
    result = run_target(tmp_path, config, [EVENTS, EVENT])
    assert result.status == 1, result.log
    assert "ledger" in result.errors[0].lower()
    assert "Traceback" not in result.log
    assert [secret for secret in SECRETS if secret in result.log] == []
    assert not [path for path in tmp_path.iterdir() if "sesame" in path.name]


@pytest.mark.parametrize("how", ["as it should be", "with an @", "a port that is no number"])
def test_nor_does_a_check(sandbox: Sandbox, tmp_path: Path, how: str) -> None:
    """It quotes what it was given no more than a run does."""
    path = config_file(tmp_path, {**sandbox.config, "ledger": URLS[how]})
    command = [*TARGET, "--config", str(path), "--check"]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603 - our own module
    output = (done.stdout + done.stderr).decode()
    assert "Traceback" not in output
    assert [secret for secret in SECRETS if secret in output] == []


def test_a_ledger_that_is_no_text_is_not_quoted(sandbox: Sandbox, tmp_path: Path) -> None:
    """A value of another type may hold the URL all the same."""
    config = {**sandbox.config, "ledger": {"url": URLS["as it should be"]}}
    result = run_target(tmp_path, config, [EVENTS, EVENT])
    assert result.status == 1
    assert {*result.errors} == {"Setting 'ledger' must be a string"}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URLS["as it should be"], "postgresql+psycopg://127.0.0.1/ledger"),
        (URLS["in the query"], "postgresql+psycopg://127.0.0.1/ledger"),
        ("sqlite:////var/ledger.db", "/var/ledger.db"),
        ("a/ledger.db", str(Path("a/ledger.db").absolute())),
    ],
)
def test_a_ledger_is_called_by_driver_host_and_database(url: str, name: str) -> None:
    """Or by its path."""
    assert name_of(url_of(url)) == name


def test_an_at_sign_in_a_password_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    """The line that refuses a second @ says how, and what it says works."""
    refused = run_target(tmp_path, {**sandbox.config, "ledger": URLS["with an @"]}, [EVENTS])
    assert "%40" in refused.errors[0]
    assert url_of(URLS["with an @"].replace("p@", "p%40")).password == "p@sesame"  # noqa: S105 - it opens nothing
