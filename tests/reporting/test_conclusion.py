"""The last words of a run, for a person at a terminal and for a log."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.process import TARGET, config_file, record, schema, singer
from support.terminals import COLOR, on_a_terminal, rendered

from target_userflow.reporting.audience import audience
from target_userflow.reporting.conclusion import Conclusion
from target_userflow.reporting.replay import command
from target_userflow.reporting.verdict import duration, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string"})
PERSON = {"TERM": "xterm"}


def facts(**changes: Any) -> dict[str, Any]:
    """The facts of a run of 3,300 records, as far as its last words need them."""
    return {
        "dry_run": False,
        "would_send": None,
        "verified": None,
        "seconds": 78.4,
        "exit_status": 0,
        "max_rejects": 0,
        "error": None,
        "streams": [{"received": 3000}, {"received": 300}],
        "rejected": [],
        "undeleted": 0,
        **changes,
    }


SENT: dict[str, Any] = {"streams": [], "products": []}
REJECTED = [{"stream": "users", "reason": "HTTP 400", "count": 4, "next_step": "look"}]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "OK: 3,300 records in 1:18"),
        ({"streams": [{"received": 1}], "seconds": 0.2}, "OK: 1 record in 0 s"),
        ({"dry_run": True, "would_send": SENT}, "OK: a dry run of 3,300 records in 1:18"),
        (
            {"rejected": REJECTED, "max_rejects": 9},
            "OK: 3,300 records in 1:18; 4 of 3,300 records rejected, which the exit status allows",
        ),
        (
            {"rejected": REJECTED, "exit_status": 1},
            "Failed: 4 of 3,300 records rejected, more than max_rejects (0)",
        ),
        (
            {"undeleted": 2, "exit_status": 1},
            "Failed: 2 deletions rejected, more than max_rejects (0)",
        ),
        (
            {"error": "Userflow answered HTTP 401", "exit_status": 1},
            "Stopped after 1:18: Userflow answered HTTP 401",
        ),
    ],
)
def test_one_line_says_how_it_went(changes: Mapping[str, Any], line: str) -> None:
    """OK with the number of records and the time, or why not."""
    assert verdict(facts(**changes)) == line


def test_a_duration_is_written_as_people_do() -> None:
    """Seconds below a minute, else with colons."""
    assert [duration(seconds) for seconds in (0, 59.4, 59.6, 65, 7200)] == [
        "0 s",
        "59 s",
        "1:00",
        "1:05",
        "2:00:00",
    ]


@pytest.mark.parametrize(
    ("environ", "seen"),
    [
        pytest.param(PERSON, (True, True, True, False), id="a person"),
        pytest.param({**PERSON, "NO_COLOR": "1"}, (True, True, False, False), id="without colours"),
        pytest.param({**PERSON, "NO_COLOR": ""}, (True, True, True, False), id="NO_COLOR is empty"),
        pytest.param({"TERM": "dumb"}, (True, False, False, False), id="a dumb terminal"),
        pytest.param({**PERSON, "LOGLEVEL": "info"}, (True, True, True, True), id="who debugs"),
        pytest.param(
            {**PERSON, "SINGER_SDK_LOG_CONFIG": "log.yml"}, (False, False, False, True), id="a log"
        ),
        pytest.param({**PERSON, "MELTANO_X": "1"}, (False, False, False, True), id="Meltano"),
    ],
)
def test_what_is_printed_depends_on_who_reads_it(
    environ: Mapping[str, str], seen: tuple[bool, ...]
) -> None:
    """A person, colours, lines that change in place, METRIC lines."""
    one = audience(environ, is_terminal=True)
    assert (one.is_person, one.is_live, one.has_color, one.wants_metrics) == seen
    assert not audience(environ, is_terminal=False).is_person


@pytest.mark.parametrize(
    ("arguments", "environ", "line"),
    [
        (
            ["--config", "a b.json", "--config=ENV", "--check"],
            {},
            "--config 'a b.json' --config ENV",
        ),
        ([], {}, ""),
        (["--config", "x.json"], {"MELTANO_LOADER_NAME": "target-userflow--crm"}, None),
    ],
)
def test_a_command_to_copy_is_the_one_that_was_typed(
    arguments: list[str], environ: Mapping[str, str], line: str | None
) -> None:
    """With the configs of the run; under Meltano, Meltano's own."""
    expected = "meltano invoke target-userflow--crm" if line is None else f"target-userflow {line}"
    assert command(arguments, environ) == expected.strip()


def run_on_a_terminal(sandbox: Sandbox, home: Path, **environ: Any) -> tuple[str, list[str]]:
    """What is written by a run of which one record is rejected, and what the terminal shows."""
    long = "analytics_warehouse_production-customers_of_all_the_regions"
    messages = [
        {**USERS, "stream": long},
        *(record(long, id=f"u{n}", plan="pro") for n in range(5)),
        record(long, id="u9", plan=5),
    ]
    (home / "tap.singer").write_bytes(singer(messages))
    config = {**sandbox.config, "streams": {"*": {"object": "users"}}}
    command = [*TARGET, "--config", str(config_file(home, config))]
    written, status = on_a_terminal(home, command, columns=80, **environ)
    assert status == 1, written
    return written, rendered(written)


def test_on_a_terminal_the_summary_is_the_last_and_fits(sandbox: Sandbox, tmp_path: Path) -> None:
    """Within 80 columns, but for a command to be copied; without METRIC lines; with a verdict."""
    written, lines = run_on_a_terminal(sandbox, tmp_path)
    start = next(n for n, line in enumerate(lines) if line.startswith("stream "))
    summary = [line for line in lines[start:] if line]
    assert "Needs attention" in summary
    assert summary[-1] == "Failed: 1 of 6 records rejected, more than max_rejects (0)"
    copied = re.compile(r"\.singer$|^ +target-userflow --config \S+ dead-letters replay \S+$")
    assert not [line for line in summary if len(line) > 80 and not copied.search(line)]
    assert not [line for line in summary if " | " in line]
    assert "METRIC" not in written
    assert COLOR.search(written)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_are_left_out_where_they_are_not_wanted(
    sandbox: Sandbox, tmp_path: Path, environ: Any
) -> None:
    """A dumb terminal gets no code at all."""
    written, _ = run_on_a_terminal(sandbox, tmp_path, **environ)
    assert not COLOR.search(written)
    assert "NO_COLOR" in environ or "\x1b" not in written


def test_a_log_has_an_entry_for_each_part(caplog: pytest.LogCaptureFixture) -> None:
    """The table, what needs attention at WARNING, and the verdict, each to be searched for."""
    caplog.set_level(logging.INFO)
    whole = facts(
        rejected=REJECTED,
        exit_status=1,
        streams=[],
        differs={},
        in_doubt={},
        unsettled={},
        skipped=[],
        remarks=[],
        always_changed=[],
        waited=[],
        dead_letters=None,
        repeated=0,
    )
    Conclusion(json.loads(json.dumps(whole))).log(logging.getLogger("conclusion"))
    assert [(one.levelname, one.getMessage().split("\n")[0]) for one in caplog.records] == [
        ("WARNING", "Needs attention"),
        ("INFO", "Failed: 4 of 0 records rejected, more than max_rejects (0)"),
    ]


def test_a_terminal_with_nothing_piped_in_says_that_it_waits(tmp_path: Path) -> None:
    """Who types the command alone learns what it waits for; Ctrl-D ends it."""
    command = [*TARGET, "--config", str(config_file(tmp_path, {"api_key": "ak_1"}))]
    written, status = on_a_terminal(tmp_path, command, typed=b"\x04")
    assert status == 0, written
    assert "Waiting for a tap: nothing is piped in" in written
