"""How a run ends that is told to: what is in flight finishes, and no STATE is ahead of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.process import TARGET, config_file, record, run_target, schema, singer, state
from support.taps import PATIENCE, piped, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

EVENTS = schema("events", {"id": "integer", "user_id": "integer", "name": "string", "n": "integer"})
AN_HOUR = {"Retry-After": "3600"}
SIGNALS = [
    pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
    pytest.param(signal.SIGINT, 130, id="SIGINT"),
]
AT_THE_LAST_MOMENT = """
import os, signal, sys

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), signals=(signal.SIGTERM, signal.SIGINT)):
        for signum in signals:
            kill(pid, signum)

sys.last = Last()
"""
"""Sends signals as the interpreter is taken down, when no handler is left."""
on_each_signal = pytest.mark.parametrize(("signum", "exit_status"), SIGNALS)


def events(first: int, last: int) -> Iterator[dict[str, Any]]:
    """Events of different users, each followed by its STATE."""
    yield EVENTS
    for n in range(first, last + 1):
        yield record("events", id=n, user_id=n, name="used", n=n)
        yield state(n)


def sent(sandbox: Sandbox) -> list[int]:
    """Which events were asked to be written, sorted."""
    return sorted(one["body"]["attributes"]["n"] for one in sandbox.requests())


def answers(sandbox: Sandbox) -> list[int | None]:
    """What was answered; None where that is still to come."""
    return [one["status"] for one in sandbox.requests()]


# A signal


@on_each_signal
def test_requests_in_flight_finish_and_nothing_new_starts(
    sandbox: Sandbox, tmp_path: Path, signum: int, exit_status: int
) -> None:
    """STATE is not ahead of what is settled, and the next run sends exactly the rest."""
    sandbox.configure(slow_ms=3000)
    sandbox.script([{"times": 4}, {"fault": "slow", "times": 2}])
    config = {**sandbox.config, "concurrency": 2}
    with piped(tmp_path, config) as target:
        target.feed(events(1, 12))
        wait_until(lambda: len(sandbox.requests()) == 6, "two requests in flight")
        target.process.send_signal(signum)
        result = target.result()
    assert result.status == exit_status
    assert answers(sandbox) == [200] * 6
    assert result.states[-1] <= 6
    again = run_target(tmp_path, config, events(result.states[-1] + 1, 12))
    assert again.status == 0, again.log
    assert sent(sandbox) == [*range(1, 13)]
    assert "in doubt" not in again.log


@on_each_signal
def test_what_waits_for_another_object_is_not_begun(
    sandbox: Sandbox, tmp_path: Path, signum: int, exit_status: int
) -> None:
    """The groups in flight finish, and the users that belong to them stay where they are."""
    sandbox.configure(slow_ms=3000)
    sandbox.script([{"fault": "slow", "times": 2}])
    with piped(tmp_path, sandbox.config) as target:
        users = [record("users", id=n, group_id=n) for n in (1, 2)]
        groups = [record("groups", id=n) for n in (1, 2)]
        target.feed(
            [
                schema("users", {"id": "integer", "group_id": "integer"}),
                *[schema("groups", {"id": "integer"}), *users, *groups, state(4)],
            ]
        )
        wait_until(lambda: len(sandbox.requests()) == 2, "two requests in flight")
        target.process.send_signal(signum)
        result = target.result()
    assert (result.status, result.states) == (exit_status, [])
    assert {(one["path"], one["status"]) for one in sandbox.requests()} == {("/groups", 200)}


@on_each_signal
@pytest.mark.parametrize(
    "step",
    [
        pytest.param({"status": 503, "headers": AN_HOUR}, id="503, come back in an hour"),
        pytest.param({"status": 429, "headers": AN_HOUR}, id="429, come back in an hour"),
        pytest.param({"status": 503, "times": 1000}, id="503 for ever"),
    ],
)
def test_a_signal_ends_the_wait_for_the_next_attempt(
    sandbox: Sandbox, tmp_path: Path, signum: int, exit_status: int, step: dict[str, Any]
) -> None:
    """The record is unsettled; as it was refused, the next run sends it without a doubt."""
    sandbox.script([step])
    config = {**sandbox.config, "max_retry_seconds": 7200}
    with piped(tmp_path, config) as target:
        target.feed(events(1, 1))
        wait_until(lambda: step["status"] in answers(sandbox), "a refusal")
        target.process.send_signal(signum)
        result = target.result()
    assert (result.status, result.states) == (exit_status, [])
    sandbox.reset()
    again = run_target(tmp_path, config, events(1, 1))
    assert (again.status, again.states, sent(sandbox)) == (0, [1], [1])
    assert "in doubt" not in again.log


@on_each_signal
def test_a_signal_ends_the_wait_for_the_tap(
    sandbox: Sandbox, tmp_path: Path, signum: int, exit_status: int
) -> None:
    """A tap that is silent holds nobody up: what it said is settled, and the run ends at once."""
    with piped(tmp_path, sandbox.config) as target:
        target.feed(events(1, 3))
        wait_until(lambda: target.states[-1:] == [3], "the last STATE")
        target.process.send_signal(signum)
        assert target.process.wait(PATIENCE) == exit_status  # its input is still open
    assert sent(sandbox) == [1, 2, 3]


@on_each_signal
def test_a_signal_ends_the_wait_for_the_budget(
    sandbox: Sandbox, tmp_path: Path, signum: int, exit_status: int
) -> None:
    """Who waits for a turn does not take it, and the ledger knows which event had one."""
    config = sandbox.config
    with piped(tmp_path, {**config, "requests_per_minute": 24}) as target:
        target.feed([EVENTS, *(one for one in events(1, 3) if one["type"] == "RECORD")])
        target.feed([state(3)])
        assert target.process.stdin
        target.process.stdin.close()
        wait_until(
            lambda: answers(sandbox) == [200], "the first event, after the question for definitions"
        )
        target.process.send_signal(signum)
        status = target.process.wait(PATIENCE)
    assert (status, target.states, len(sent(sandbox))) == (exit_status, [], 1)
    again = run_target(tmp_path, config, events(1, 3))
    assert (again.status, again.states[-1], sent(sandbox)) == (0, 3, [1, 2, 3])


@on_each_signal
def test_a_second_signal_leaves_a_request_that_hangs(
    sandbox: Sandbox, tmp_path: Path, signum: int, exit_status: int
) -> None:
    """Whoever asks twice is not kept waiting; the event in flight is sent again, and counted."""
    sandbox.configure(slow_ms=600_000)
    sandbox.script([{"fault": "slow"}])
    config = {**sandbox.config, "request_timeout": 600}
    with piped(tmp_path, config) as target:
        target.feed(events(1, 1))
        wait_until(sandbox.requests, "a request in flight")
        insist(target.process, signum)
        result = target.result()
    assert (result.status, result.states) == (exit_status, [])
    assert len(errors(result.log.encode())) == 1
    again = run_target(tmp_path, config, events(1, 1))
    assert (again.status, again.states, sent(sandbox)) == (0, [1], [1, 1])
    assert "in doubt" in again.log


def insist(process: subprocess.Popen[bytes], signum: int) -> None:
    """Ask until it ends: two signals that nobody took yet are one, so that two may not do."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(signum)
        time.sleep(0.001)


def test_a_signal_that_stops_several_products_is_said_once(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Requests in flight finish at each of them, and there is one line about it."""
    sandbox.configure(slow_ms=3000)
    sandbox.script([{"fault": "slow", "times": 2}])
    with piped(tmp_path, sandbox.config) as target:
        target.feed([schema("users", {"id": "integer"}), record("users", id=1)])
        target.feed([schema("participants", {"email": "string"}, keys=["email"])])
        target.feed([record("participants", email="ada@example.com"), state(2)])
        wait_until(lambda: len(sandbox.requests()) == 2, "a request to each product")
        target.process.terminate()
        result = target.result()
    assert (result.status, result.states, answers(sandbox)) == (143, [2], [200, 200])
    assert len(result.errors) == 1, result.log


# Pipes that nobody holds


def run_in_shell(directory: Path, config: dict[str, Any], redirections: str, **pipes: Any) -> Any:
    """Run the target as a shell redirects it, on a few events."""
    command = [*TARGET, "--config", str(config_file(directory, config))]
    return subprocess.run(  # noqa: S603 - our own module
        ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *command],
        input=singer(events(1, 3)),
        cwd=directory,
        check=False,
        timeout=PATIENCE,
        **pipes,
    )


def broken_pipe() -> int:
    """The end to write to of a pipe that nobody reads from."""
    read, write = os.pipe()
    os.close(read)
    return write


def errors(log: bytes) -> list[str]:
    """The messages of the log's error lines; anything that is no log fails the test."""
    assert b"Traceback" not in log, log.decode()
    assert b"Exception ignored" not in log, log.decode()
    return [line.split(" | ")[-1] for line in log.decode().splitlines() if " | ERROR" in line]


@pytest.mark.parametrize(
    ("redirections", "out"),
    [
        pytest.param("", broken_pipe, id="its reader is gone"),
        pytest.param(">&-", lambda: subprocess.DEVNULL, id="closed from the start"),
    ],
)
def test_a_run_whose_state_nobody_takes_fails_in_one_line(
    sandbox: Sandbox, tmp_path: Path, redirections: str, out: Callable[[], int]
) -> None:
    """It must not pass for a success; the next run knows what was delivered."""
    done = run_in_shell(
        tmp_path, sandbox.config, redirections, stdout=out(), stderr=subprocess.PIPE
    )
    assert done.returncode == 1
    (line,) = errors(done.stderr)
    assert "STATE" in line
    again = run_target(tmp_path, sandbox.config, events(1, 3))
    assert (again.states[-1], sent(sandbox)) == (3, [1, 2, 3])


@pytest.mark.parametrize(
    ("redirections", "err"),
    [
        pytest.param("", broken_pipe, id="its reader is gone"),
        pytest.param("2>&-", lambda: subprocess.DEVNULL, id="closed from the start"),
    ],
)
def test_a_log_that_nobody_reads_changes_nothing(
    sandbox: Sandbox, tmp_path: Path, redirections: str, err: Callable[[], int]
) -> None:
    """Everything is delivered and acknowledged."""
    done = run_in_shell(
        tmp_path, sandbox.config, redirections, stdout=subprocess.PIPE, stderr=err()
    )
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1]) == 3
    assert sent(sandbox) == [1, 2, 3]


def test_no_input_is_nothing_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    """A tap that says nothing is no failure."""
    result = run_target(tmp_path, sandbox.config, [])
    assert (result.status, result.states, sandbox.requests()) == (0, [], [])


def test_a_standard_input_that_is_closed_is_said_in_one_line(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Nobody can have meant that."""
    done = run_in_shell(tmp_path, sandbox.config, "<&-", stderr=subprocess.PIPE)
    assert done.returncode == 1
    (line,) = errors(done.stderr)
    assert "standard input" in line.lower()


def test_a_sigterm_in_the_middle_acknowledges_what_is_settled_and_nothing_else(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """STATE of two of three records, and an exit status that tells."""
    sandbox.configure(slow_ms=3000)
    sandbox.script([{"times": 1}, {"fault": "slow"}])
    with piped(tmp_path, {**sandbox.config, "concurrency": 1}) as target:
        target.feed(events(1, 3))
        assert target.process.stdin
        target.process.stdin.close()
        wait_until(lambda: len(sandbox.requests()) == 2, "the second of three requests")
        target.process.terminate()
        result = target.result()
    assert (result.status, result.states[-1], sent(sandbox)) == (143, 2, [1, 2])


def test_a_signal_at_the_last_moment_leaves_the_exit_status_as_it_is(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """All is delivered and acknowledged: nobody must take the run for one that was killed."""
    (tmp_path / "sitecustomize.py").write_text(AT_THE_LAST_MOMENT)
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(  # noqa: S603 - our own code
        [*TARGET, "--config", str(config_file(tmp_path, sandbox.config))],
        input=singer(events(1, 3)),
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout.splitlines()[-1]), sent(sandbox)) == (3, [1, 2, 3])
