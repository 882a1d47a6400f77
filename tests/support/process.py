"""The target as its users run it: a process with Singer on standard input."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.forks import shared

from target_userflow.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

TARGET = [sys.executable, "-m", "target_userflow"]


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    status: int
    states: list[Any]
    log: str

    @property
    def errors(self) -> list[str]:
        """The messages of the log's error lines."""
        lines = [line.split(" | ") for line in self.log.splitlines()]
        return [line[-1] for line in lines if len(line) > 1 and line[1].strip() == "ERROR"]


def schema(
    stream: str, properties: Mapping[str, Any], keys: Iterable[str] = ("id",)
) -> dict[str, Any]:
    """A SCHEMA message; a property is its type, or a whole JSON schema."""
    full = {
        name: one if isinstance(one, dict) else {"type": [one, "null"]}
        for name, one in properties.items()
    }
    body = {"type": "object", "properties": full}
    return {"type": "SCHEMA", "stream": stream, "schema": body, "key_properties": list(keys)}


def record(stream: str, **values: Any) -> dict[str, Any]:
    """A RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": values}


def state(value: Any) -> dict[str, Any]:
    """A STATE message."""
    return {"type": "STATE", "value": value}


def singer(messages: Iterable[Any]) -> bytes:
    """Messages as the lines that a tap writes; bytes are lines already."""
    return b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in messages
    )


def config_file(directory: Path, config: Mapping[str, Any]) -> Path:
    """A config file whose run leaves nothing outside of `directory`."""
    path = directory / "config.json"
    defaults = {
        "dead_letter_dir": str(directory / "dead-letters"),
        "ledger": str(directory / "ledger.db"),
    }
    path.write_text(json.dumps({**defaults, **config}))
    return path


def writes(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The requests that write, in the order of arrival; those that only ask are left out."""
    return [one for one in sandbox.requests() if one["method"] != "GET"]


def asked(sandbox: Sandbox, path: str) -> list[dict[str, Any]]:
    """The queries that were asked of a path and what is under it, in the order of arrival."""
    reads = [one for one in Sandbox.requests(sandbox) if one["method"] == "GET"]
    return [one["query"] for one in reads if f"{one['path']}/".startswith(f"{path}/")]


def run_target(
    directory: Path,
    config: Mapping[str, Any],
    messages: Iterable[Any],
    *,
    arguments: Iterable[str] = (),
    env: Mapping[str, str] | None = None,
) -> Result:
    """Feed messages to the target and wait for its end."""
    tap, states, log = (directory / name for name in ("run.singer", "run.states", "run.log"))
    tap.write_bytes(singer(messages))
    command = ["--config", str(config_file(directory, config)), *arguments]
    targets = shared()
    targets.start(command, tap, states, log, env)
    status = targets.status()
    lines = states.read_bytes().splitlines()
    return Result(status, [json.loads(line) for line in lines], log.read_text())
