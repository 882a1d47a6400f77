"""Whatever taps send, in several runs and under any settings: the destination ends as it must.

The target is the real one, a process for each run, and the destination the sandbox; what must be
there says a model that takes the records one by one. `PROGRAMS_SEED=7 uv run pytest …` chooses
others.
"""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

from support.model import differences, events_of, kept_by
from support.programs import Interpreter, Program
from support.taps import run_here

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from target_userflow.sandbox import Sandbox

SEED = int(os.environ.get("PROGRAMS_SEED", "20240229"))
PROGRAMS = 9
RUNS = 6
RECORDS = 350  # of one run, with a few STATE messages among them
BESIDE = {"stream", "object", "received", "deleted", "in_doubt", "requests", "differs"}
"""What a row of the report holds beside what became of its records."""


def test_programs_end_as_a_sequential_model_says(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After each run all is as it must be, and every record is accounted for.

    Upserts, nulls, operations, lists, prunings, deletions, versions, modes, emails, events that
    come again and records that are rejected; of events only those whose answer was lost may double.
    """
    received = 0
    for number in range(PROGRAMS):
        choose = random.Random(f"{SEED}-{number}")  # noqa: S311 - reproducible on purpose, guards nothing
        home = tmp_path / str(number)
        home.mkdir()
        received += holds(sandbox, home, Program(choose, RUNS, RECORDS))
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what the test is asked for
            f"\n{received} records in {PROGRAMS} programs of {RUNS} runs: all as the model says "
            f"(seed {SEED})"
        )
    assert received >= 16_000


def holds(sandbox: Sandbox, home: Path, program: Program) -> int:
    """Run a program, compare after each run, and tell how many records came."""
    sandbox.reset()
    sandbox.configure(faults=program.chosen.faults, seed=1, retry_after="none")
    report = home / "report.json"
    config = {**sandbox.config, **program.chosen.config, "report_path": str(report)}
    model, received = Interpreter(program.chosen), 0
    for at, messages in enumerate(program.runs(), 1):
        model.rejected = 0
        model.read(messages)
        result = run_here(home, config, messages)
        where = f"{home.name}, run {at}, seed {SEED}, {program.chosen}"
        assert result.status == 0, where
        assert differences(kept_by(sandbox), model.truth) == [], where
        received += counted(json.loads(report.read_text())["streams"], model.rejected, where)
    arrived, unanswered = events_of(sandbox.requests())
    assert arrived.keys() == model.events, home.name
    assert {n for n in arrived if arrived[n] > 1 + unanswered[n]} == set(), home.name
    return received


def counted(streams: list[dict[str, Any]], rejected: int, where: str) -> int:
    """How many records a report accounts for: received is the sum of what became of them."""
    for one in streams:
        outcomes = sum(count for name, count in one.items() if name not in BESIDE)
        assert one["received"] == outcomes, (where, one)
    assert sum(one.get("rejected", 0) for one in streams) == rejected, (where, streams)
    return sum(one["received"] for one in streams)
