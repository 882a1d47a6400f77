"""Broken input: whatever stands on the lines, a run ends with a status and a line that says why.

A hundred thousand lines, most of them damaged, are fed to the target in short inputs, since the
first line that is no Singer ends its run. `FUZZ_SEED` and `FUZZ_LINES` in the environment change
what is tried; the figures at the end tell both.
"""

from __future__ import annotations

import io
import json
import logging
import os
import random
import re
import time
import traceback
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import responses
from support.process import record, schema, state
from support.taps import same_signals

from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

SEED = int(os.environ.get("FUZZ_SEED", "20260101"))
LINES = int(os.environ.get("FUZZ_LINES", "100000"))
CLOSED = "http://127.0.0.1:1"
"""Where nobody listens."""
OPEN = "http://127.0.0.2:1"
"""Where every request is answered, without a socket."""

COLUMNS = {
    "id": "string",
    "user_id": {"type": ["string", "integer", "null"]},
    "group_id": "string",
    "name": "string",
    "time": {"type": ["string", "null"], "format": "date-time"},
    "age": "number",
    "tags": {"type": ["array", "null"], "items": {"type": "string"}},
    "prefs": {"type": ["object", "null"], "properties": {"theme": {"type": "string"}}},
    "any": {},
}
VALUES: dict[str, Any] = {
    "id": "1",
    "user_id": "u1",
    "group_id": "g1",
    "name": "signed in",
    "time": "2024-03-01T10:00:00Z",
    "age": 40.5,
    "tags": ["a", "b"],
    "prefs": {"theme": "dark"},
    "any": None,
}
STREAMS = ("users", "groups", "memberships", "events", "ignored")
MESSAGES: list[dict[str, Any]] = [
    *(schema(stream, COLUMNS) for stream in STREAMS),
    *(record(stream, **VALUES) for stream in STREAMS),
    state({"bookmarks": {"users": {"replication_key_value": "2024-03-01T10:00:00Z"}}}),
    {"type": "ACTIVATE_VERSION", "stream": "users", "version": 1},
    {"type": "BATCH", "stream": "users", "encoding": {"format": "jsonl"}, "manifest": ["file:///"]},
]
VARIANTS: list[dict[str, Any]] = [
    {"api_url": OPEN, "max_rejects": 1_000},
    {"api_url": OPEN, "validate_records": False},
    {"api_url": OPEN, "skip_unchanged": True, "ledger": "ledger.db"},
    {"api_url": OPEN, "batch_size_rows": 1, "abort_reject_ratio": 0},
    {"api_url": OPEN, "flattening_enabled": True, "flattening_max_depth": 2},
    {"api_url": OPEN, "stream_maps": {"users": {"plan": "name", "id": "id"}}},
    {"api_url": CLOSED},
]
ODD_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**63,
        10**400,
        1e308,
        "",
        " ",
        "\x00",
        "\ud800",
        "é🦉",
        "a/b?#",
    ),
    *([], {}, [None], [[]], [{}], {"": None}, {"set": 1}, {"add": "x"}, {"remove": {}}),
    *({"set": 1, "data_type": "x"}, {"$ref": "#"}, {"$ref": "#/nowhere"}, {"type": "nonsense"}),
    *({"type": {}}, {"anyOf": 1}, {"format": 1, "type": "string"}, {"pattern": "("}),
    *("users", "RECORD", "2024-13-01", "9999-12-31T23:59:59-23:59", "x" * 5000, "id", ["id"], [1]),
    *(float("nan"), float("inf"), {"properties": []}, {"properties": {"id": 1}}, {"items": [1]}),
]
ODD_BYTES = [
    *(
        b"",
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n",
        b"\x85",
        b"\\",
    ),
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"NaN",
        b"-Infinity",
        b"1e999999999",
        b"null",
    ),
    *(b"\\ud800", b"\\u0000", b"\\x", b"01", b"-", b'"type":"STATE",', b"9" * 5000),
    *(b"[" * 300 + b"]" * 300, b"[" * 3000 + b"]" * 3000, b'{"a":' * 600 + b"1" + b"}" * 600),
]


class Fuzzer:
    """Damages messages; the same seed damages them in the same way."""

    def __init__(self, seed: int) -> None:
        """Begin the sequence that the seed stands for."""
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose, guards nothing

    def input(self) -> bytes:
        """Lines with sound SCHEMAs first, damaged RECORDs next, and anything last."""
        streams = self._random.sample(STREAMS, 2)
        head = [json.dumps(schema(stream, COLUMNS)).encode() for stream in streams]
        length = self._random.randint(0, 80)
        body = [self._record(self._random.choice(streams)) for _ in range(length)]
        tail = [self._anything() for _ in range(self._random.randint(0, 5))]
        return b"\n".join([*head, *body, *tail]) + b"\n"

    def variant(self) -> dict[str, Any]:
        """One of the configs."""
        return self._random.choice(VARIANTS)

    def _record(self, stream: str) -> bytes:
        """A RECORD that is damaged inside, and now and then all over."""
        message = {"type": "RECORD", "stream": stream, "record": self._damaged(VALUES)}
        rare = self._random.random()
        if rare < 0.003:
            message = self._damaged(message)
        line = json.dumps(message).encode()
        return self._with_odd_bytes(line) if rare > 0.995 else line

    def _anything(self) -> bytes:
        """A message of any type, damaged in any way."""
        message = self._random.choice(MESSAGES)
        damaged = self._damaged(message) if self._random.random() < 0.6 else message
        line = json.dumps(damaged).encode()
        return self._with_odd_bytes(line) if self._random.random() < 0.2 else line

    def _damaged(self, value: Any) -> Any:
        """The value with odd ones in some places, or without some."""
        if isinstance(value, dict):
            kept = {self._key(key): self._damaged(one) for key, one in value.items()}
            return {key: one for key, one in kept.items() if self._random.random() > 0.03}
        if self._random.random() < 0.15:
            return self._random.choice(ODD_VALUES)
        return [self._damaged(one) for one in value] if isinstance(value, list) else value

    def _key(self, key: str) -> str:
        odd = self._random.random() < 0.02
        return (
            self._random.choice(["", "é", "attributes", "_sdc_x", "\ud800", "id"]) if odd else key
        )

    def _with_odd_bytes(self, line: bytes) -> bytes:
        start = self._random.randrange(len(line))
        end = min(len(line), start + self._random.choice([0, 0, 1, 1, 10, len(line)]))
        return line[:start] + self._random.choice(ODD_BYTES) + line[end:]


@dataclass
class Harvest:
    """What the runs brought to light."""

    runs: int = 0
    lines: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    """What must not happen, by where it came from, each with an input that brings it about."""

    def add(self, where: str, config: dict[str, Any], data: bytes) -> None:
        """Note a fault with the shortest input that is known to bring it about."""
        found = f"{config}\n{data!r}"
        if len(found) < len(self.faults.get(where, found + " ")):
            self.faults[where] = found


class Errors(logging.Handler):
    """Keeps the error lines of one run."""

    def __init__(self) -> None:
        """Keep errors only."""
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what a person would read."""
        self.lines.append(self.format(record))


@contextmanager
def quiet_log() -> Iterator[Errors]:
    """Nothing but errors is logged, and those are kept."""
    log, errors = logging.getLogger(TargetUserflow.name), Errors()
    before = log.level, log.propagate
    log.addHandler(errors)
    log.propagate = False
    log.setLevel(logging.ERROR)
    try:
        yield errors
    finally:
        log.removeHandler(errors)
        log.level, log.propagate = before


def test_no_input_ends_in_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damaged lines end a run with status 0 or 1 and at most one line that says why."""
    started, harvest, fuzzer = time.monotonic(), Harvest(), Fuzzer(SEED)
    with same_signals(), quiet_log() as errors:
        while harvest.lines < LINES:
            with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
                api.add(responses.POST, re.compile(re.escape(OPEN)), json={"object": "any"})
                api.add_passthru(CLOSED)
                for _ in range(100):
                    errors.lines.clear()
                    _one_run(fuzzer, harvest, errors, tmp_path)
    with capsys.disabled():
        print(  # noqa: T201 - the figure to quote
            f"\nfuzz: {harvest.lines:,} lines in {harvest.runs:,} runs with seed {SEED}, "
            f"{len(harvest.faults)} tracebacks, {time.monotonic() - started:.0f} s"
        )
    assert not harvest.faults, "\n\n".join(f"{k}\n{v[:3000]}" for k, v in harvest.faults.items())
    assert harvest.statuses.keys() == {0, 1}


def _one_run(fuzzer: Fuzzer, harvest: Harvest, errors: Errors, home: Path) -> None:
    config, data, out = fuzzer.variant(), fuzzer.input(), io.StringIO()
    letters = home / f"letters-{harvest.runs // 20}"  # a run reads all that are beside its own
    target = TargetUserflow(
        config={
            "api_key": "ak_fuzz",
            "max_retry_seconds": 0,
            "concurrency": 1,
            "streams": {"ignored": {"object": "ignore"}},
            "dead_letter_dir": str(letters),
            **config,
            "ledger": str(home / config["ledger"]) if "ledger" in config else "",
        }
    )
    try:
        with redirect_stdout(out):
            status = target.finish(io.BytesIO(data))  # type: ignore[arg-type] # it reads bytes
    except Exception as error:  # noqa: BLE001 - what must not happen, whatever it is
        harvest.add(_where(error), config, data)
    else:
        harvest.statuses[status] += 1
        for complaint in _complaints(status, errors.lines, out.getvalue()):
            harvest.add(complaint, config, data)
    harvest.runs += 1
    harvest.lines += target.message_reader.number


def _complaints(status: int, errors: list[str], states: str) -> Iterator[str]:
    """What a person or the next program in the pipe would stumble over."""
    if len(errors) > 1 or any("\n" in line for line in errors):
        yield f"more than one line: {errors}"
    if status not in {0, 1} or (errors and not status):
        yield f"status {status} with {errors}"
    for line in states.splitlines():
        json.loads(line)


def _where(error: Exception) -> str:
    """The kind of an error and the functions it came through, which tell one defect from others."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    way = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} {str(error)[:120]} at {way}"
