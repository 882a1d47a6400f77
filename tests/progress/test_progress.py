"""How far a run is: lines on a terminal that change in place, one in the log now and then."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import pytest
from support.clocks import VirtualClock
from support.process import TARGET, config_file, record, run_target, schema, singer
from support.terminals import on_a_terminal, pseudo_terminal, rendered, seen

from target_userflow.apis.outcomes import Delivered, TryAgain
from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.problems import problems
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import Settings
from target_userflow.pace.throttle_stats import Cause
from target_userflow.progress.progress import Live, Logged
from target_userflow.progress.progress_sampler import ProgressSampler
from target_userflow.progress.terminal import Terminal
from target_userflow.reporting.audience import audience
from target_userflow.services.run import Run
from target_userflow.singer.reader import LineReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string"})


class Scene:
    """A run that a test moves on by hand, and what measures it."""

    def __init__(self) -> None:
        """Begin."""
        self.clock = VirtualClock()
        config = {"api_key": "ak_unused"}
        assert not problems(config, CONFIG_SCHEMA)  # it fills in the defaults
        self.run = Run(Settings.of(config), self.clock)
        self.reader = LineReader(self.clock)
        self.sampler = ProgressSampler(
            self.run.tally,
            self.run.pipeline,
            self.clock,
            self.reader,
            self.run.products.limiting,
        )

    def read(self, stream: str, records: int) -> None:
        """Read records of a stream."""
        self.run.tally.open(stream, "users")
        assert self.run.products.of(OBJECT_TYPES["users"]).delivery
        for _ in range(records):
            self.run.tally.of(stream).receive()

    def deliver(self, stream: str, requests: int) -> None:
        """Deliver a record with each request."""
        for _ in range(requests):
            self.run.tally.of(stream).ask()
            self.run.tally.of(stream).settle("delivered")


@pytest.fixture
def scene() -> Scene:
    """A run that has just begun."""
    return Scene()


# What is measured


def test_the_rate_is_that_of_the_last_seconds(scene: Scene) -> None:
    """A run that has become slow says so, however fast it began."""
    scene.read("users", 100)
    scene.deliver("users", 60)
    for _ in range(10):
        scene.clock.sleep(1)
        scene.deliver("users", 2)
        scene.sampler.sample(5)
    (progress,) = scene.sampler.progress()
    assert (progress.read, progress.delivered, progress.rate) == (100, 80, 2.0)


def test_the_tap_limits_a_run_that_waits_for_input(scene: Scene) -> None:
    """Whatever is in flight meanwhile."""
    scene.read("users", 10)
    scene.reader.waiting = True
    scene.sampler.sample(0)
    assert [one.limit for one in scene.sampler.progress()] == ["the tap"]


def test_the_answers_limit_a_run_that_delivers(scene: Scene) -> None:
    """Without a budget and a limit of the API, it is the latency; not for who has nothing left."""
    scene.read("users", 10)
    scene.read("others", 10)
    scene.deliver("others", 10)
    scene.run.pipeline.is_full = True
    scene.sampler.sample(0)
    limits = {one.stream: one.limit for one in scene.sampler.progress()}
    assert limits == {"users": "latency", "others": "reading"}


def test_a_finished_run_is_limited_by_nothing(scene: Scene) -> None:
    """At the end of the input the tap is not to blame any more."""
    scene.read("users", 10)
    scene.deliver("users", 10)
    scene.reader.ended = True
    scene.sampler.sample(0)
    assert [one.limit for one in scene.sampler.progress()] == [""]


def test_samples_are_forgotten(scene: Scene) -> None:
    """A run of days keeps no more of them than the span of its rates."""
    for _ in range(1000):
        scene.clock.sleep(0.5)
        scene.sampler.sample(5)
    assert len(scene.sampler._samples) <= 12  # noqa: SLF001 - it is what grows


# The log


def test_every_thirty_seconds_a_line_says_how_far_it_is(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """One line at INFO, whatever the number of streams; none before, and none in between."""
    caplog.set_level(logging.INFO)
    logged = Logged(scene.sampler, scene.clock, logging.getLogger("progress"))
    scene.read("users", 2000)
    scene.read("groups", 5)
    scene.reader.waiting = True
    counts = []
    for _ in range(61):
        scene.clock.sleep(1)
        scene.deliver("users", 3)
        logged.tick()
        counts.append(len(caplog.messages))
    assert counts == [0] * 29 + [1] * 30 + [2] * 2
    assert caplog.messages[-1] == (
        "Progress: users 2,000 read, 180 delivered, 0 rejected, 3.0 requests/s, limited by the tap"
        "; groups 5 read, 0 delivered, 0 rejected, 0.0 requests/s, limited by the tap"
    )


def test_the_share_of_a_file_is_told(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """A file has an end that is known; a pipe has none."""
    caplog.set_level(logging.INFO)
    logged = Logged(scene.sampler, scene.clock, logging.getLogger("progress"))
    scene.clock.sleep(30)
    logged.tick()
    scene.reader.whole, scene.reader.size = 2000, 900
    scene.clock.sleep(30)
    logged.tick()
    assert caplog.messages == [
        "Progress: nothing was read yet",
        "Progress: 45% of the input read",
    ]


def test_a_short_run_without_a_terminal_says_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """No line of progress and no control code in a log that is a file."""
    result = run_target(tmp_path, sandbox.config, [USERS, record("users", id="1", plan="pro")])
    assert result.status == 0
    assert "Progress" not in result.log
    assert "\x1b" not in result.log
    assert "\r" not in result.log


# The terminal


@pytest.mark.parametrize(
    ("environ", "is_terminal", "live"),
    [
        pytest.param({"TERM": "xterm"}, True, True, id="a person"),
        pytest.param({"TERM": "xterm"}, False, False, id="a file"),
        pytest.param({"TERM": "dumb"}, True, False, id="a terminal without codes"),
        pytest.param({}, True, False, id="a terminal that is unknown"),
        pytest.param({"TERM": "xterm", "MELTANO_PROJECT_ROOT": "/"}, True, False, id="Meltano"),
    ],
)
def test_lines_change_in_place_only_where_a_person_samples(
    environ: Mapping[str, str],
    is_terminal: bool,  # noqa: FBT001 - a parameter of the test
    live: bool,  # noqa: FBT001 - likewise
) -> None:
    """Under Meltano, and wherever it is kept, the log is a log and nothing else."""
    assert audience(environ, is_terminal=is_terminal).is_live is live


def test_a_line_per_stream_below_a_heading(scene: Scene) -> None:
    """Aligned, with the share of the file; and a stream's name steers no terminal."""
    scene.read("users", 1234)
    scene.read("gro\x1b[2Jups", 5)
    scene.reader.whole, scene.reader.size = 2000, 900
    with pseudo_terminal() as (seeing, stream):
        Live(scene.sampler, Terminal(stream)).tick()
        assert rendered(seen(seeing, stream)) == [
            "",
            "             read  delivered  rejected  requests/s  limited by",
            "users       1,234          0         0         0.0  reading",
            "gro\N{REPLACEMENT CHARACTER}[2Jups      5          0         0         0.0  reading",
            "45% of the input read",
        ]


def test_of_forty_streams_those_at_work_are_shown(scene: Scene) -> None:
    """As many as the terminal has lines for, the others as a number; names lose their middle."""
    for number in range(40):
        scene.read(f"warehouse_production-table_{number:02}_of_the_customers", 1)
    scene.reader.ended = True
    for number in range(30):
        scene.deliver(f"warehouse_production-table_{number:02}_of_the_customers", 1)
    scene.sampler.sample(0)
    with pseudo_terminal(columns=80) as (seeing, stream):
        Live(scene.sampler, Terminal(stream)).tick()
        _, heading, *rows, others = rendered(seen(seeing, stream))
    assert len(rows) == 20
    assert others == "and 20 more"
    assert [row.split("…")[0] for row in rows[:2]] == ["warehouse_prod", "warehouse_prod"]
    assert [row.endswith("latency") for row in rows] == [True] * 10 + [False] * 10
    assert max(map(len, [heading, *rows])) <= 80
    assert heading.endswith("limited by")


def test_an_api_that_can_not_be_reached_limits_a_run_as_no_answer(scene: Scene) -> None:
    """Its pause is no latency, and nobody's budget."""
    scene.read("users", 10)
    scene.reader.ended = True
    client = scene.run.products.of(OBJECT_TYPES["users"]).delivery.client
    with client.limits.waits.on(Cause.PAUSE):
        scene.sampler.sample(0)
    assert [one.limit for one in scene.sampler.progress()] == ["no answer"]


def test_an_api_without_connection_limits_a_run_as_no_answer(scene: Scene) -> None:
    """Each request waits for itself then, and it is no latency either."""
    scene.read("users", 10)
    scene.reader.ended = True
    client = scene.run.products.of(OBJECT_TYPES["users"]).delivery.client
    limits = []
    for outcome in (TryAgain("ConnectionError", cause="refused", unreached=True), Delivered()):
        client.outage.note(outcome)
        scene.sampler.sample(0)
        limits += [one.limit for one in scene.sampler.progress()]
    assert limits == ["no answer", "latency"]


def test_what_is_written_stands_above_the_lines() -> None:
    """A log line is whole, in its order, and the lines are below it."""
    with pseudo_terminal() as (seeing, stream):
        terminal = Terminal(stream)
        terminal.show(["one", "two"])
        terminal.write("logged\n")
        terminal.show(["three"])
        terminal.write("half a line, ")
        terminal.show(["four"])
        terminal.write("and its end\n")
        assert rendered(seen(seeing, stream)) == ["logged", "half a line, and its end", "", "four"]


def test_what_others_write_lands_above_the_lines() -> None:
    """The tap logs to the same terminal, and knows of no lines."""
    with pseudo_terminal() as (seeing, stream):
        terminal = Terminal(stream)
        terminal.show(["a line that is quite long", "another one"])
        stream.write("the tap says\n")
        terminal.show(["a line"])
        assert rendered(seen(seeing, stream)) == ["the tap says", "", "a line"]


def test_lines_are_cut_to_the_terminal() -> None:
    """A line that wraps could not be wiped off."""
    with pseudo_terminal(rows=6, columns=20) as (seeing, stream):
        Terminal(stream).show(["x" * 50] * 10)
        assert rendered(seen(seeing, stream)) == ["", *["x" * 19] * 4]


def test_handlers_get_their_stream_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is logged while the lines are there goes above them; nothing stays of it."""
    with pseudo_terminal() as (seeing, stream):
        monkeypatch.setattr(sys, "stderr", stream)
        handler = logging.StreamHandler(stream)
        logger = logging.getLogger("of.a.library")
        logger.addHandler(handler)
        terminal = Terminal(stream)
        terminal.open()
        terminal.show(["live"])
        logger.warning("from a handler")
        sys.stderr.write("of a warning\n")
        during = seen(seeing, stream)
        terminal.close()
        logger.removeHandler(handler)
        assert rendered(during) == ["from a handler", "of a warning", "", "live"]
        assert handler.stream is stream
        assert sys.stderr is stream
        assert rendered(during + seen(seeing, stream)) == ["from a handler", "of a warning", ""]


def test_a_run_on_a_terminal_shows_its_lines_and_wipes_them_off(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """While it runs there is a line per stream; when it has ended, there is the summary alone."""
    sandbox.configure(latency_ms=100)
    messages = [USERS, *(record("users", id=f"u{n}", plan="pro") for n in range(40))]
    (tmp_path / "tap.singer").write_bytes(singer(messages))
    config = config_file(tmp_path, {**sandbox.config, "concurrency": 2})
    written, status = on_a_terminal(tmp_path, [*TARGET, "--config", str(config)])
    assert status == 0, written
    assert re.search(r"\nusers +40 +\d+ +0 +\d+\.\d  latency\n100% of the input read", written)
    left = rendered(written)
    assert not [line for line in left if "limited by" in line or "of the input read" in line]
    assert [line.split() for line in left if line.startswith("users")] == [
        ["users", "40", "40", "0"]
    ]
    ends = ("stream", "users", "OK: 40 records in ")
    assert all(" | " in line or line.startswith(ends) for line in left if line)
