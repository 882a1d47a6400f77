"""The demo delivers its sample with the real target, and shows what came of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from support.process import writes

from target_userflow.sandbox import Sandbox
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "target_userflow.sandbox"]
STREAMS = {"events": 600, "groups": 40, "memberships": 200, "participants": 150, "users": 200}


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """A command of the sandbox, run to its end."""
    return subprocess.run(  # noqa: S603 (our own module)
        [*COMMAND, *options], capture_output=True, text=True, timeout=120, check=False
    )


def table(output: str) -> dict[str, tuple[int, int]]:
    """What was read and what arrived, by stream."""
    rows = re.findall(r"^(\w+) +([\d,]+) +([\d,]+)$", output, re.MULTILINE)
    return {name: (int(read), int(arrived)) for name, read, arrived in rows}


def shown(output: str, title: str) -> dict[str, Any]:
    """The object below a title."""
    text = output.partition(f"{title} has it now:\n")[2]
    item: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    return item


def sample() -> list[dict[str, Any]]:
    """The messages of the sample."""
    return [json.loads(line) for line in run("sample").stdout.splitlines()]


def found_in(state: dict[str, Any]) -> dict[str, int]:
    """How much of each stream a sandbox has."""
    counts = {name: len(state[name]) for name in STREAMS if name != "memberships"}
    memberships = sum(len(user["memberships"]) for user in state["users"].values())
    return {**counts, "memberships": memberships}


@contextmanager
def staying() -> Iterator[tuple[subprocess.Popen[str], Sandbox]]:
    """The demo without `--exit`, when it has said all it says, and the sandbox that it says."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, "demo"], stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603 (our own module)
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        page = next(line for line in lines if "in a browser" in line)
        last = next(line for line in lines if line.endswith("/_sandbox/state\n"))
        url = last.split()[-1].removesuffix("/_sandbox/state")
        try:
            assert page.split()[0] == f"{url}/"
            yield process, Sandbox(url, Settings())
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.smoke
def test_the_demo_delivers_all_of_the_sample() -> None:
    """With status 0, a line for each stream, and one person to look at in both places."""
    ended = run("demo", "--exit")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert table(ended.stdout) == {name: (count, count) for name, count in STREAMS.items()}
    user = shown(ended.stdout, "One of the users, as Userflow")
    participant = shown(ended.stdout, "The same person, as User Interviews")
    assert user["id"] == "u1"
    assert user["attributes"]["email"] == participant["email"]
    assert participant["first_name"] in user["attributes"]["name"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stays_up_until_it_is_told_to_end(sign: signal.Signals) -> None:
    """What is written on the screen can be asked of the sandbox meanwhile, and then it is gone."""
    with staying() as (process, sandbox):
        assert found_in(sandbox.state()) == STREAMS
        assert process.poll() is None
        process.send_signal(sign)
        assert process.communicate(timeout=60) == ("\n", "")
        assert process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        sandbox.state()


def test_the_demo_sends_participants_in_batches() -> None:
    """150 in as few requests as can be; a membership rides with its user, all else goes alone."""
    with staying() as (_, sandbox):
        requests = Counter(request["api"] for request in writes(sandbox))
    assert requests == {"userflow": 600 + 40 + 200, "user_interviews": 2}


def test_the_sample_is_singer() -> None:
    """Schemas before records that they fit, streams in the order of their names, STATE at last."""
    *messages, state = sample()
    validators: dict[str, Draft202012Validator] = {}
    columns: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for message in messages:
        stream = message["stream"]
        if message["type"] == "SCHEMA":
            validators[stream] = Draft202012Validator(message["schema"])
            columns[stream] = set(message["schema"]["properties"])
            assert message["key_properties"]
            continue
        assert message["type"] == "RECORD"
        validators[stream].validate(message["record"])
        assert message["record"].keys() == columns[stream]
        counts[stream] += 1
    assert state["type"] == "STATE"
    assert list(columns) == sorted(columns)
    assert counts == {f"public-{name}": count for name, count in STREAMS.items()}


def test_the_sample_is_the_same_every_time() -> None:
    """So what the demo shows can be compared."""
    assert sample() == sample()


def test_the_sample_has_no_address_of_a_person() -> None:
    """All are of the domain that is reserved for examples."""
    emails = [
        message["record"]["email"] for message in sample() if "email" in message.get("record", {})
    ]
    assert len(emails) == 350
    assert all(email.endswith("@example.com") for email in emails)
