"""The accounts of a run: every record meets one outcome, and the summary adds up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.process import record, run_target, schema

from target_userflow.accounts.account import OUTCOMES
from target_userflow.accounts.tally import Tally
from target_userflow.errors import StopRun, TooManyRejects

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


def tally_of(stream: str = "users", ratio: float = 1.0, /, **outcomes: int) -> Tally:
    """A tally that has received and settled so many records."""
    tally = Tally(ratio)
    settle(tally, stream, **outcomes)
    return tally


def settle(tally: Tally, stream: str, /, **outcomes: int) -> None:
    for outcome, count in outcomes.items():
        for _ in range(count):
            tally.of(stream).receive()
            if outcome == "rejected":
                tally.of(stream).reject("HTTP 400")
            else:
                tally.of(stream).settle(outcome)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_accounts_for_a_record(outcome: str) -> None:
    """A record that was delivered, merged, skipped … is one that the run can account for."""
    tally = tally_of(**{outcome: 3})
    tally.check()
    assert tally.accounts["users"].settled == 3
    assert tally.accounts["users"].row()[outcome] == 3


def test_a_record_without_an_outcome_fails_the_run() -> None:
    """A run that lost a record says of which stream, and the numbers."""
    tally = tally_of(delivered=5)
    tally.of("events").receive()
    with pytest.raises(StopRun, match=r"'events': 1 records were received and 0 accounted for"):
        tally.check()


def test_a_record_with_two_outcomes_fails_the_run_too() -> None:
    """Counting one twice would hide another one's loss."""
    tally = tally_of(delivered=5)
    tally.of("users").settle("merged")
    with pytest.raises(StopRun, match="5 records were received and 6 accounted for"):
        tally.check()


def test_what_is_in_doubt_is_counted_beside_the_outcomes() -> None:
    """A request that was repeated is no second record."""
    tally = tally_of(delivered=1)
    tally.of("users").doubt()
    tally.check()
    assert list(tally.counts()) == [
        ("users", "received", 1),
        ("users", "delivered", 1),
        ("users", "in_doubt", 1),
    ]


@pytest.mark.parametrize(
    ("ratio", "delivered", "rejected"),
    [
        pytest.param(0.5, 0, 99, id="too few to tell"),
        pytest.param(0.5, 50, 50, id="exactly the ratio"),
        pytest.param(0.1, 90, 10, id="exactly a tenth"),
        pytest.param(1.0, 0, 500, id="a ratio of 1 never aborts"),
        pytest.param(0.0, 500, 0, id="a ratio of 0 allows none, and there is none"),
    ],
)
def test_rejections_up_to_the_ratio_go_on(ratio: float, delivered: int, rejected: int) -> None:
    """One hundred records have to be settled, and more than their share rejected."""
    assert tally_of("users", ratio, delivered=delivered, rejected=rejected).rejected == rejected


@pytest.mark.parametrize(
    ("ratio", "delivered", "rejected"),
    [
        pytest.param(0.5, 0, 100, id="all of the first hundred"),
        pytest.param(0.5, 50, 51, id="one more than half"),
        pytest.param(0.1, 90, 11, id="one more than a tenth"),
        pytest.param(0.0, 99, 1, id="a ratio of 0 allows none"),
    ],
)
def test_one_rejection_more_aborts(ratio: float, delivered: int, rejected: int) -> None:
    """The very record that exceeds the ratio ends the run, and is itself accounted for."""
    tally = tally_of("users", ratio, delivered=delivered, rejected=rejected - 1)
    tally.of("users").receive()
    with pytest.raises(TooManyRejects) as caught:
        tally.of("users").reject("user_id is missing")
    tally.check()
    total = delivered + rejected
    assert f"Stream 'users': {rejected} of {total} records were rejected" in str(caught.value)
    assert "abort_reject_ratio" in str(caught.value)


def test_the_ratio_is_that_of_one_stream() -> None:
    """A wrong mapping of one stream is not hidden by the records of another."""
    tally = tally_of("users", 0.5, delivered=5000)
    with pytest.raises(TooManyRejects, match="Most often: HTTP 400"):
        settle(tally, "events", rejected=100)


def test_what_waits_counts_as_not_rejected() -> None:
    """A bad record is settled when it is read, a good one when its window is delivered."""
    tally = Tally(0.5)
    for number in range(500):
        tally.of("users").receive()
        if number < 200:
            tally.of("users").reject("user_id is missing", reading=True)
    tally.check_shares()
    for _ in range(50):
        tally.of("users").reject("HTTP 400")
    with pytest.raises(TooManyRejects, match="'users': 251 of 500 records were rejected"):
        tally.of("users").reject("HTTP 400")


def test_nothing_is_looked_at_while_a_window_is_read() -> None:
    """Bad records may all stand at its beginning; once it is read, they can't be outweighed."""
    tally = Tally(0.5)
    for _ in range(150):
        tally.of("users").receive()
        tally.of("users").reject("user_id is missing", reading=True)
    with pytest.raises(TooManyRejects, match="'users': 150 of 150 records were rejected"):
        tally.check_shares()


def test_reasons_without_end_are_counted_as_others() -> None:
    """Columns that come with the records may be data: memory does not grow with them."""
    tally = Tally()
    for number in range(5000):
        tally.of("users").receive()
        tally.of("users").reject(f"`{number % 3000}`: a date-time is not ISO 8601")
    rejected = tally.reasons.rejected
    assert len(rejected) == 1001
    assert sum(rejected.values()) == 5000
    assert rejected["users", "`7`: a date-time is not ISO 8601"] == 2


def test_the_log_has_the_most_frequent_reasons_of_many_columns_first(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Each names its column, in the log, the report and the dead letter; the log has 20 of them."""
    dates = {"type": "string", "format": "date-time"}
    columns = {"id": "string", **{f"day{n}": dates for n in range(30)}}
    rows = [record("users", id="a", **{f"day{n}": "soon"}) for n in range(30)]
    config = {**sandbox.config, "report_path": str(tmp_path / "run.json")}
    result = run_target(tmp_path, config, [schema("users", columns), *rows, rows[7]])
    lines = [line for line in result.log.splitlines() if " rejected of users: " in line]
    assert lines[0] == "2 rejected of users: `day7`: a date-time is not ISO 8601"
    assert len(lines) == 20
    assert "… and 10 more for other reasons" in result.log
    found = json.loads((tmp_path / "run.json").read_text())["rejected"]
    assert (len(found), found[0]["reason"]) == (30, "`day7`: a date-time is not ISO 8601")
    (path,) = (tmp_path / "dead-letters").glob("*.singer")
    letters = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert letters[3]["error"]["reason"] == "`day3`: a date-time is not ISO 8601"
