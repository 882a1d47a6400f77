"""A column that differs in every record keeps `skip_unchanged` from skipping, and is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.ledgers import Bench
from support.process import record, schema
from support.taps import plan_here

from target_userflow.dedup.column_changes import AlwaysChanged, ColumnChanges
from target_userflow.dedup.column_samples import MOST

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "noise": "number", "plan": "string", "meta": "object"})
SKIPPING: dict[str, Any] = {"skip_unchanged": True}
ADVICE = 'stream_maps: {"users": {"noise": "__NULL__"}}'


@pytest.fixture
def file_bench(sandbox: Sandbox, tmp_path: Path) -> Bench:
    """Runs with a ledger in a file."""
    return Bench(sandbox, tmp_path, str(tmp_path / "ledger.db"))


def users(run: int, count: int = 40, **columns: Any) -> list[Any]:
    """Users with a number that is another one in each run."""
    rows = [record("users", id=f"u{n}", noise=run, **columns) for n in range(count)]
    return [USERS, *rows]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of columns that always differ, since this was asked last."""
    lines = [line for line in caplog.text.splitlines() if "skip_unchanged sends every" in line]
    caplog.clear()
    return lines


def planned(bench: Bench, capsys: pytest.CaptureFixture[str], *rows: Any, **config: Any) -> str:
    """The warning of the plan; empty for none."""
    settings = {**bench.sandbox.config, **SKIPPING, "ledger": bench.ledger, **config}
    capsys.readouterr()
    plan_here(bench.directory, settings, rows)
    (stream,) = json.loads(capsys.readouterr().out)["streams"]
    return "".join(line for line in stream["warnings"] if "skip_unchanged" in line)


def test_a_column_that_always_differs_is_named_in_the_log_and_in_the_next_plan(
    bench: Bench, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the setting that leaves it out; with that set rows are skipped, and it is not named."""
    bench.run(*users(1), **SKIPPING)
    assert said(caplog) == [], "nothing to compare with"
    bench.run(*users(2), **SKIPPING)
    (line,) = said(caplog)
    assert "'noise' differed in all 40 that were compared, and 40 of them" in line
    assert line.endswith(ADVICE)
    assert line.endswith(planned(bench, capsys, *users(3, 2)) or "no warning")
    maps: dict[str, Any] = {"stream_maps": {"users": {"noise": "__NULL__"}}}
    bench.run(*users(3), **SKIPPING, **maps)
    counts = bench.run(*users(4), **SKIPPING, **maps).counts["users"]
    assert counts == {"received": 40, "unchanged": 40}
    assert said(caplog) == []
    assert not planned(bench, capsys, *users(5, 2))


def test_a_jsonb_is_named_by_its_column_whatever_its_keys_are(
    file_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of its keys is an attribute of its own, and may be another one in each run."""
    for run in (1, 2):
        rows = users(0, meta={f"day {run}": run, "same": 1})
        file_bench.run(*rows, **SKIPPING)
    (line,) = said(caplog)
    assert line.endswith('stream_maps: {"users": {"meta": "__NULL__"}}')


def test_new_columns_and_few_records_are_not_named(
    file_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A column that was added differs once; and of 19 records nobody knows."""
    file_bench.run(*users(1), **SKIPPING)
    file_bench.run(*users(1, plan="pro"), **SKIPPING)
    file_bench.run(*users(2, 19, plan="pro"), **SKIPPING)
    assert said(caplog) == []


def test_the_same_records_are_compared_in_a_table_of_any_size(
    file_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A few of them, chosen by their keys, whatever the order in which they come."""
    file_bench.run(*users(1, 2 * MOST), **SKIPPING)
    first, *rows = users(2, 2 * MOST)
    file_bench.run(first, *reversed(rows), **SKIPPING)
    (line,) = said(caplog)
    assert f"differed in all {MOST} that were compared, and {MOST}" in line


def test_a_ledger_of_an_earlier_version_gets_its_samples_as_records_come(
    file_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Its tables are added, what it knows stays, and rows that did not change are sampled too."""
    file_bench.run(*users(1), **SKIPPING)
    older = "drop table ledger_column_samples", "drop table ledger_changing_columns"
    file_bench.sql(*older, "update ledger_version set version = 3")
    assert file_bench.run(*users(1), **SKIPPING).counts["users"]["unchanged"] == 40
    file_bench.run(*users(2), **SKIPPING)
    assert len(said(caplog)) == 1


def test_what_a_run_without_a_comparison_delivered_is_not_compared(
    file_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The samples are out of date then; the next run renews them."""
    file_bench.run(*users(1), **SKIPPING)
    file_bench.run(*users(2))
    file_bench.run(*users(3), **SKIPPING)
    assert said(caplog) == []
    file_bench.run(*users(4), **SKIPPING)
    assert len(said(caplog)) == 1


def test_a_comparison_with_userflow_names_such_columns_too(
    file_bench: Bench, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the run without a ledger, and in a plan by the users that it looks up."""
    comparing: dict[str, Any] = {"skip_unchanged": "destination", "ledger": ""}
    file_bench.run(*users(1), **comparing)
    file_bench.run(*users(1, plan="pro"), **comparing)
    assert said(caplog) == [], "a new attribute differs once"
    assert ADVICE in planned(file_bench, capsys, *users(2, plan="pro"), **comparing)
    assert not planned(file_bench, capsys, *users(1, plan="pro"), **comparing)
    file_bench.run(*users(2, plan="pro"), **comparing)
    (line,) = said(caplog)
    assert line.endswith(ADVICE)


def test_a_dry_run_says_it_in_its_plan(file_bench: Bench) -> None:
    """By its own comparison."""
    report = file_bench.directory / "report.json"
    file_bench.run(*users(1), **SKIPPING)
    file_bench.run(*users(2), **SKIPPING, dry_run=True, report_path=str(report))
    (stream,) = json.loads(report.read_text())["plan"]["streams"]
    assert ADVICE in stream["warnings"][-1]


@pytest.mark.parametrize(
    ("records", "always"),
    [
        ([("a",)] * 19, None),
        ([("a",)] * 20, AlwaysChanged(("a",), 20, 20)),
        ([("a",)] * 20 + [()], None),
        ([()] + [("a",)] * 20, None),
        ([("a", "b")] * 18 + [("a",)] * 2, AlwaysChanged(("a",), 20, 2)),
        ([("a",)] * 2 + [("a", "b")] * 18, AlwaysChanged(("a",), 20, 2)),
        ([("a",)] + [("a", "b")] * 19, None),
        ([("a", "b")] * 20, AlwaysChanged(("a", "b"), 20, 20)),
        ([("a", "b"), ("b", "c")] * 10, None),
        ([], None),
    ],
    ids=str,
)
def test_a_column_is_named_where_leaving_it_out_would_spare_requests(
    records: list[tuple[str, ...]], always: AlwaysChanged | None
) -> None:
    """A tap that sends what has changed alone has a column `updated_at` that always differs."""
    changes = ColumnChanges()
    for columns in records:
        changes.note(columns)
    assert changes.always() == always
