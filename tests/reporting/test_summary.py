"""What a run tells at its end, in the log and in the report that it leaves."""

from __future__ import annotations

import json
import re
import stat
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from support.clocks import VirtualClock
from support.process import record, run_target, schema, state

from target_userflow.config.problems import problems
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import Settings
from target_userflow.reporting import remedies, summary
from target_userflow.run_files.html_report import page
from target_userflow.services.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from support.process import Result

    from target_userflow.sandbox import Sandbox

HOSTILE = "<script>alert(1)</script>\x1b[2J\n&\"'"
USERS = schema("users", {"id": "string", "plan": "string"})
EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})
MIXED = [
    USERS,
    *(record("users", id=f"person-{n}", plan="pro") for n in range(5)),
    *(record("users", id=f"person-{n}", plan=5) for n in range(2)),
    record("users", id=" ", plan="pro"),
    EVENTS,
    record("events", id="e1", user_id="person-1", name="no/name"),
    state({"read": 9}),
]


def quiet() -> Run:
    """A run in which nothing happened."""
    config = {"dead_letter_dir": "dead letters", "abort_reject_ratio": 1}
    assert not problems(config, CONFIG_SCHEMA)  # it fills in the defaults
    return Run(Settings.of(config), VirtualClock())


def at_its_end() -> Run:
    """A run in which everything happened that can be told."""
    run = quiet()
    for stream in ("users", HOSTILE):
        run.tally.open(stream, "users")
        for _ in range(5):
            run.tally.of(stream).receive()
        run.tally.of(stream).settle("delivered")
        run.tally.of(stream).skip(f"because of {HOSTILE}")
        run.tally.of(stream).reject(f"HTTP 400 {HOSTILE}", "an-id")
        run.tally.of(stream).reject("user_id is missing", "an-id")
        run.tally.of(stream).doubt()
    run.tally.of("users").delete(rejected=True)
    for second, status in enumerate([200, 429, None, 200]):
        run.request_stats.add(second + 0.5, 0.1 * (second + 1), status)
    run.clock.sleep(5)
    return run


def facts_of(run: Run, status: int = 0, error: str | None = None) -> dict[str, Any]:
    """The facts of a run, as they are after a way through JSON."""
    facts: dict[str, Any] = json.loads(json.dumps(summary.facts(run, status, error)))
    return facts


# The facts


def test_the_facts_are_versioned_and_say_how_it_went() -> None:
    """Who reads them knows what they mean, when the run was, and why it failed."""
    facts = facts_of(at_its_end(), 1, "Userflow answered HTTP 401")
    assert facts["version"] == 1
    assert facts["target"].startswith("target-userflow/")
    assert (facts["started"], facts["seconds"]) == ("2024-03-01T00:00:00+00:00", 5.0)
    assert (facts["exit_status"], facts["error"]) == (1, "Userflow answered HTTP 401")


def test_the_facts_have_a_row_per_stream_that_adds_up() -> None:
    """Received = delivered + … + rejected + unsettled, and what is beside the outcomes."""
    row = facts_of(at_its_end())["streams"][0]
    assert (row["stream"], row["object"]) == ("users", "users")
    outcomes = ("delivered", "merged", "unchanged", "duplicate", "skipped", "rejected", "unsettled")
    assert [row[outcome] for outcome in outcomes] == [1, 0, 0, 0, 1, 2, 1]
    assert row["received"] == 5
    assert (row["in_doubt"], row["deleted"], row["requests"]) == (1, 0, 0)


def test_the_facts_measure_the_requests_of_every_second() -> None:
    """Counts, 429s, failures, and the latencies of half and of nearly all of them."""
    facts = facts_of(at_its_end())
    assert [span["requests"] for span in facts["timeline"]] == [1, 1, 1, 1, 0]
    assert [span["limited"] for span in facts["timeline"]] == [0, 1, 0, 0, 0]
    assert [span["failed"] for span in facts["timeline"]] == [0, 0, 1, 0, 0]
    assert facts["timeline"][1]["p95"] == pytest.approx(0.2, rel=0.03)
    assert facts["timeline"][4]["p95"] is None
    assert facts["requests"]["requests"] == 4


# The text


def test_a_good_run_has_nothing_to_be_looked_at() -> None:
    """Below the table stands nothing at all."""
    run = quiet()
    run.tally.of("users").receive()
    run.tally.of("users").settle("delivered")
    assert summary.text(facts_of(run)) == ""
    assert not summary.needs_attention(facts_of(run))


def test_the_text_tells_all_that_needs_attention() -> None:
    """Each reason with its next step, and how to replay; no stream's name steers the terminal."""
    text = summary.text(facts_of(at_its_end()))
    lines = text.splitlines()
    where = lines.index("1 rejected of users: user_id is missing")
    assert lines[where + 1].startswith("    next: name the column")
    assert "1 in doubt of users: sent again after an answer was lost" in lines
    assert "1 unsettled of users: they come again on the next run" in lines
    assert "1 deletions rejected: the next version tries them again" in lines
    assert "\x1b" not in text
    assert re.search(r"are in dead letters/\S+\.singer$", lines[-3])
    assert re.search(r"^ +target-userflow dead-letters replay \d{8}T\S+$", lines[-1])


def test_only_the_most_frequent_reasons_are_logged() -> None:
    """Hundreds of reasons do not scroll the table away; the report has all of them."""
    run = at_its_end()
    for number in range(900):
        run.tally.of("users").reject(f"a reason of its own, {number}")
    facts = facts_of(run)
    assert len(summary.text(facts).splitlines()) < 60
    assert "more for other reasons" in summary.text(facts)
    assert len(facts["rejected"]) == 904


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("'email' breaks 'type' of the stream's schema", "validate_records"),
        ("HTTP 400 invalid_request", "dead letter holds what the API said"),
        ("gave up: HTTP 503", "replay it"),
        ("stream_maps or flattening failed on it: NameError", "mend the expression"),
        ("the event name is missing or illegal. Names are", "event_name"),
        ("user_id is missing", "name the column"),
        ("neither user_id nor group_id is given", "name the column"),
        ("key property 'id' is missing", "the tap's key"),
        (
            "user attribute 'x' does not exist in Userflow yet, and new_attributes is reject",
            "allow",
        ),
        ("operation 'add' does not take a str", "operations"),
        ("a number is NaN or infinite, or too large for a double", "at the source"),
    ],
)
def test_each_kind_of_rejection_has_its_next_step(reason: str, step: str) -> None:
    """Nobody has to look a reason up."""
    assert step in remedies.next_step(reason)


# The report


def test_the_report_says_what_the_summary_says(sandbox: Sandbox, tmp_path: Path) -> None:
    """As JSON, for its owner alone, without any id; and the log says where it is."""
    path = tmp_path / "reports" / "run.json"
    result = run_target(tmp_path, {**sandbox.config, "report_path": str(path)}, MIXED)
    facts = json.loads(path.read_text())
    assert (result.status, facts["exit_status"], facts["error"]) == (1, 1, None)
    rows = {row["stream"]: row for row in facts["streams"]}
    assert (rows["users"]["received"], rows["users"]["delivered"]) == (8, 5)
    assert (rows["events"]["object"], rows["events"]["rejected"]) == ("events", 1)
    assert rows["users"]["requests"] == 5
    assert sum(rejection["count"] for rejection in facts["rejected"]) == 4
    assert facts["dead_letters"]["path"] in result.log
    assert facts["requests"]["requests"] == 7
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"Report: {path}" in result.log
    assert "person-" not in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == ["run.json"]


def failing(sandbox: Sandbox, tmp_path: Path, path: Path) -> Result:
    """A run that a wrong key ends."""
    config = {**sandbox.config, "api_key": "wrong", "report_path": str(path)}
    return run_target(tmp_path, config, [USERS, record("users", id="1", plan="pro")])


def test_a_run_that_fails_leaves_its_report_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """With the exit status, the line of the log, and what is left to do; in place of the old."""
    path = tmp_path / "run.json"
    path.write_text("of yesterday")
    result = failing(sandbox, tmp_path, path)
    facts = json.loads(path.read_text())
    assert (facts["exit_status"], [facts["error"]]) == (1, result.errors)
    assert "HTTP 401" in facts["error"]
    assert facts["unsettled"] == {"users": 1}
    assert "1 unsettled of users" in result.log


def test_input_that_is_no_singer_is_in_the_report(sandbox: Sandbox, tmp_path: Path) -> None:
    """A tap that breaks off is a failure like any other."""
    path = tmp_path / "run.json"
    run_target(tmp_path, {**sandbox.config, "report_path": str(path)}, [USERS, b"Traceback\n"])
    assert json.loads(path.read_text())["error"].startswith("Line 2 is no JSON")


@pytest.mark.parametrize("kind", ["directory", "under a file", "device"])
def test_an_unwritable_report_is_found_before_the_first_line(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    """One line that names the setting; nothing is read, sent or replaced."""
    (tmp_path / "file").write_text("precious")
    paths = {"directory": tmp_path, "under a file": tmp_path / "file" / "x", "device": "/dev/null"}
    config = {**sandbox.config, "report_path": str(paths[kind])}
    result = run_target(tmp_path, config, [*MIXED])
    assert (result.status, result.states, sandbox.requests()) == (1, [], [])
    assert "Setting 'report_path'" in result.log
    assert "Traceback" not in result.log
    assert (tmp_path / "file").read_text() == "precious"


# The page


class Page(HTMLParser):
    """What a browser sees of a page: tags, addresses and text."""

    def __init__(self, text: str) -> None:
        """Read all of it."""
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, which may neither lead away nor do anything."""
        assert not {name for name, _ in attrs} & {"src", "href"}
        assert not any(name.startswith("on") for name, _ in attrs)
        self.tags.append(tag)
        if tag not in {"meta", "path"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last, and no other."""
        if tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.words += data


def test_the_page_is_whole_and_needs_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """One file: no script, no address, all tags closed, in the colours that the reader likes."""
    path = tmp_path / "run.HTML"
    run_target(tmp_path, {**sandbox.config, "report_path": str(path)}, MIXED)
    text = path.read_text()
    seen = Page(text)
    assert not seen.open
    assert not {"script", "link", "img", "iframe"} & {*seen.tags}
    assert {"table", "svg", "style"} <= {*seen.tags}
    assert "prefers-color-scheme: dark" in text
    assert "url(" not in text
    assert "person-" not in text
    for text in ("Exit status 1", "4 of 9 records rejected", "2 of users", "replay", "429"):
        assert text in seen.words
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_value_of_a_run_becomes_a_tag() -> None:
    """Stream names, reasons, errors and paths are text, whatever stands in them."""
    seen = Page(page(facts_of(at_its_end(), 1, HOSTILE)))
    assert not seen.open
    assert "script" not in seen.tags
    assert seen.words.count("<script>alert(1)</script>") >= 5


def test_rejections_of_several_streams_stand_under_their_reason() -> None:
    """What has one cause is mended once."""
    words = Page(page(facts_of(at_its_end()))).words
    assert words.count("user_id is missing") == 1
    assert "1 of users, 1 of <script>" in words


def test_a_run_without_requests_has_a_page_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing to draw is no reason to fail."""
    path = tmp_path / "run.html"
    result = run_target(tmp_path, {**sandbox.config, "report_path": str(path)}, [])
    assert result.status == 0, result.log
    assert "svg" not in Page(path.read_text()).tags


def test_what_was_not_sent_as_it_came_is_counted_everywhere() -> None:
    """In the log, in the report and on its page: nobody else would notice."""
    run = quiet()
    run.tally.open("users", "users")
    run.tally.of("users").remark({"blanks around an id are taken off": 2})
    run.tally.of("users").remark({"blanks around an id are taken off": 1})
    facts = facts_of(run)
    line = "3 times in users: blanks around an id are taken off"
    assert line in summary.text(facts)
    assert summary.needs_attention(facts)
    assert line in Page(page(facts)).words


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("`id`: user_id is missing", "name the column"),
        ("`user_id`: it is missing", "name the column"),
        ("`groups`: a group's id is the word null, and no id", "name the column"),
        ("`the key`: the event name is missing or illegal. Names are", "event_name"),
        ("`x`: its values and others meet in attribute names", "rename one"),
        ("`x`: a value can't be read as number", "data_types"),
    ],
)
def test_the_column_in_a_reason_does_not_change_its_next_step(reason: str, step: str) -> None:
    """What mends a value is the same in every column."""
    assert step in remedies.next_step(reason)


def test_the_report_counts_a_401_as_a_refusal(sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither as delivered nor as a failure of the API's: the key is wrong."""
    path = tmp_path / "run.json"
    config = {**sandbox.config, "api_key": "ak_another", "report_path": str(path)}
    result = run_target(tmp_path, config, MIXED)
    facts = json.loads(path.read_text())
    counted = {name: facts["requests"][name] for name in ("refused", "limited", "failed")}
    assert (result.status, counted) == (1, {"refused": 1, "limited": 0, "failed": 0})
    page_path = tmp_path / "run.html"
    run_target(tmp_path, {**config, "report_path": str(page_path)}, MIXED)
    assert "0 failed, 1 refused" in Page(page_path.read_text()).words
