"""What others write stays text in logs and on terminals: it forges no line and steers nothing."""

from __future__ import annotations

import json
import logging
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.process import TARGET, Result, config_file, record, run_target, schema, singer, state

from target_userflow.escaping import Block, EscapedRecord, escaped

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

FORGED = "2026-01-01 00:00:00,000 | ERROR    | target-userflow | forged"
EVIL = f"x\x1b[2J\x9b2J\r\n{FORGED}\n\u202e\u2028\u2066y"
BARE = re.compile(r"[^\n\x20-\x7e\xa1-\U0010ffff]|[\u202a-\u202e\u2028\u2029\u2066-\u2069]")
USERS = {"id": "string", EVIL: "string"}


def run(sandbox: Sandbox, home: Path, *messages: Any, **config: Any) -> Result:
    return run_target(home, {**sandbox.config, **config}, messages)


def is_clean(log: str) -> bool:
    """Whether nothing of it steers a terminal, and no line of it is forged."""
    return not BARE.search(log) and not any(line.startswith(FORGED) for line in log.splitlines())


RUNS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "a stream that is delivered": (
        [schema(EVIL, USERS), record(EVIL, id="a", **{EVIL: "b"}), record(EVIL, id=" ")],
        {"streams": {"*": {"object": "users"}}},
    ),
    "a stream that goes nowhere": ([schema(EVIL, USERS)], {}),
    "columns that meet": (
        [schema("users", {**USERS, EVIL.replace("\x1b", "\x1c"): "string"})],
        {},
    ),
    "a column of a wrong type": (
        [
            schema("users", {"id": "string", EVIL: "integer"}),
            record("users", id="a", **{EVIL: "b"}),
        ],
        {},
    ),
    "a dry run": (
        [schema(EVIL, USERS), record(EVIL, id="a", **{EVIL: EVIL}), record(EVIL, id=" ")],
        {"streams": {"*": {"object": "users"}}, "dry_run": True},
    ),
    "a schema that is none": (
        [{"type": "SCHEMA", "stream": "users", "schema": {"properties": {EVIL: {"type": EVIL}}}}],
        {},
    ),
    "a message of an odd type": ([{"type": EVIL}], {}),
    "a version that deletes nothing": (
        [
            schema(EVIL, USERS),
            {"type": "ACTIVATE_VERSION", "stream": EVIL, "version": 1},
        ],
        {"streams": {"*": {"object": "users"}}},
    ),
    "a record before its schema": ([record(EVIL, id="a")], {}),
    "a map that fails": (
        [schema("users", USERS), record("users", id="a", **{EVIL: EVIL})],
        {"stream_maps": {"users": {"n": f"int(record[{EVIL!r}])"}}},
    ),
}


@pytest.mark.parametrize("what", RUNS)
def test_no_name_or_value_forges_a_line(sandbox: Sandbox, tmp_path: Path, what: str) -> None:
    """Whatever is told of a stream or a column is told in the lines that are meant for it."""
    messages, config = RUNS[what]
    result = run(sandbox, tmp_path, *messages, **config)
    assert is_clean(result.log), result.log
    assert re.search(r"x\\(x1b|u001b)\[2J", result.log)  # it is told, and recognisable


def test_nor_does_the_api(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its codes and messages stand in reasons."""
    refusal = {"error": {"code": EVIL, "message": EVIL, "request_id": EVIL}}
    sandbox.script([{"status": 422, "body": json.dumps(refusal)}])
    result = run(sandbox, tmp_path, schema("users", USERS), record("users", id="a"))
    assert is_clean(result.log), result.log
    (path,) = (tmp_path / "dead-letters").glob("*.singer")
    reason = re.search(rb'"reason": ?"((?:[^"\\]|\\.)*)"', path.read_bytes())
    assert reason
    assert is_clean(reason[1].decode())


def test_the_report_is_escaped_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """A tool that prints its texts prints no control characters."""
    report = tmp_path / "run.json"
    run(sandbox, tmp_path, schema(EVIL, USERS), report_path=str(report))
    found = json.loads(report.read_text())
    assert "forged" in found["error"]
    assert not BARE.search(json.dumps(found, ensure_ascii=False))
    assert "\n" not in found["error"]


@pytest.mark.parametrize("level", ["info", "debug"])
def test_tracebacks_are_escaped_too(tmp_path: Path, level: str) -> None:
    """What an exception says may be a value."""
    done = subprocess.run(  # noqa: S603 - our own module
        [*TARGET, "--config", str(config_file(tmp_path, {"api_key": "ak_1"}))],
        input=singer([schema(EVIL, USERS)]),
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "TARGET_USERFLOW_LOGLEVEL": level},
        timeout=60,
    )
    log = done.stderr.decode()
    assert is_clean(log), log
    assert ("Traceback" in log) is (level == "debug")


def test_a_table_keeps_its_lines(sandbox: Sandbox, tmp_path: Path) -> None:
    """Only line breaks of our own break lines."""
    result = run(
        sandbox, tmp_path, schema("users", USERS), record("users", id="a"), state({"read": 1})
    )
    (start,) = [n for n, line in enumerate(result.log.splitlines()) if line.endswith("Summary")]
    assert result.log.splitlines()[start + 1].startswith("stream  received")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 🦉 山田", "Zoë 🦉 山田"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[0m\x9b", r"\x1b[0m\x9b"),
        ("\u202e\u2028\ud800", r"\u202e\u2028\ud800"),
    ],
)
def test_what_is_printable_stays(text: str, shown: str) -> None:
    """Letters of all scripts do; the rest has its escape."""
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("message", "args", "said"),
    [
        ("100 %\n", (), r"100 %\n"),
        ("%s of %d", ("a\nb", 5), r"a\nb of 5"),
        ("%(a)s", ({"a": "\r"},), r"\r"),
        ("Table\n%s", (Block("a\nb\x1b"),), "Table\na\nb\\x1b"),
    ],
)
def test_a_record_of_the_log_is_one_line(message: str, args: Any, said: str) -> None:
    """Unless it is a block."""
    made = EscapedRecord("name", logging.INFO, "path", 1, message, args, None)
    assert made.getMessage() == said
