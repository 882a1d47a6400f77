"""What overtakes what, and how fast: one key in order, many at once, STATE as they get there."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.process import record, run_target, schema, state
from support.taps import (
    Piped,
    SkippingClock,
    piped,
    run_here,
    wait_until,
)

from target_userflow.sandbox.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

BENCH = {1: 60, 50: 500}
"""Concurrency → users: enough of them to measure a rate, and no more."""
TURNS = ("groups", "users", "memberships", "events")
KEYS = {
    "groups": ["id"],
    "users": ["id"],
    "memberships": ["user_id", "group_id"],
    "events": ["n"],
}
COLUMNS = {
    "groups": {"id": "integer", "n": "integer"},
    "users": {"id": "integer", "n": "integer"},
    "memberships": {"user_id": "integer", "group_id": "integer", "n": "integer"},
    "events": {"user_id": "integer", "n": "integer", "name": "string", "again": "integer"},
}

Step = tuple[str, int, int]
"""A stream, and the ids of a user and a group."""
steps = st.lists(
    st.tuples(st.sampled_from([*TURNS, "a new SCHEMA"]), st.integers(1, 3), st.integers(1, 2)),
    max_size=60,
)


def announced(stream: str, *, version: int = 0) -> dict[str, Any]:
    """A SCHEMA message, each version with another column."""
    columns = {**COLUMNS[stream], f"column_{version}": "string"}
    return schema(stream, columns, keys=KEYS[stream])


def one_record(stream: str, user: int, group: int, n: int) -> dict[str, Any]:
    """Version `n` of a record; events come in the order of their number."""
    values: dict[str, dict[str, Any]] = {
        "groups": {"id": group},
        "users": {"id": user},
        "memberships": {"user_id": user, "group_id": group},
        "events": {"user_id": user, "name": "used", "again": n},
    }
    return record(stream, n=n, **values[stream])


def tapped(chosen: Iterable[Step]) -> Iterator[dict[str, Any]]:
    """The messages of a tap that takes these steps; the number of a step is its version."""
    yield from map(announced, sorted(TURNS))
    for n, (stream, user, group) in enumerate(chosen, 1):
        if stream in TURNS:
            yield one_record(stream, user, group, n)
        else:
            yield announced("users", version=n)
        yield state(n)


def applied(sandbox: Sandbox) -> list[tuple[str, str, int]]:
    """Stream, key and version of everything that was carried out, in that order."""
    carried_out = [one for one in sandbox.requests() if one["applied"]]
    return [told for one in carried_out for told in _told(one["path"], one["body"])]


def _told(path: str, body: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """A user and the memberships that ride in its request, or whatever else it is about."""
    if path == "/events":
        yield "events", body["user_id"], body["attributes"]["again"]
    elif "attributes" in body:
        yield path.strip("/"), body["id"], body["attributes"]["n"]
    for one in body.get("memberships", ()):
        yield "memberships", f"{body['id']} {one['group']['id']}", one["attributes"]["n"]


def versions(told: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str], list[int]]:
    """The versions of each key, in the order of arrival."""
    found = defaultdict(list)
    for stream, key, version in told:
        found[stream, key].append(version)
    return found


ODDS = [
    *({name: 0.3} for name in FAULTS),
    dict.fromkeys(FAULTS, 0.06),
]


@pytest.mark.parametrize("faults", ODDS, ids=[*FAULTS, "all of them"])
@settings(
    max_examples=20,
    deadline=None,
    print_blob=True,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    chosen=steps,
    concurrency=st.integers(1, 50),
    window=st.integers(1, 60),
    seed=st.integers(0, 2**31),
)
def test_a_key_never_goes_back(  # noqa: PLR0913 - two fixtures, and what varies
    *,
    sandbox: Sandbox,
    tmp_path: Path,
    faults: dict[str, float],
    chosen: list[Step],
    concurrency: int,
    window: int,
    seed: int,
) -> None:
    """Whatever fails, however often: versions of one key arrive in the order read.

    An attempt may be repeated; nothing comes after a later version, and the last one is in place.
    A version that waits with the next one may be merged into it; an event never is.
    """
    sandbox.reset()
    sandbox.configure(faults=faults, seed=seed, slow_ms=20, retry_after="none")
    config = {**sandbox.config, "concurrency": concurrency, "batch_size_rows": window}
    config |= {"max_retry_seconds": 100_000, "ledger": ""}
    messages = [*tapped(chosen)]
    assert run_here(tmp_path, config, messages, clock=SkippingClock()).status == 0
    wanted = versions(
        (one["stream"], *_key_and_version(one)) for one in messages if one["type"] == "RECORD"
    )
    found = versions(applied(sandbox))
    assert {key: ones[-1] for key, ones in found.items()} == {
        key: ones[-1] for key, ones in wanted.items()
    }
    events = {key: sorted(set(ones)) for key, ones in found.items() if key[0] == "events"}
    assert events == {key: ones for key, ones in wanted.items() if key[0] == "events"}
    assert {key: ones for key, ones in found.items() if ones != sorted(ones)} == {}


def _key_and_version(message: dict[str, Any]) -> tuple[str, int]:
    values = message["record"]
    keys = ["user_id"] if message["stream"] == "events" else KEYS[message["stream"]]
    return " ".join(str(values[key]) for key in keys), values["n"]


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chosen=steps, concurrency=st.integers(1, 50), seed=st.integers(0, 2**31))
def test_what_is_referred_to_goes_first_within_a_window(
    sandbox: Sandbox, tmp_path: Path, chosen: list[Step], concurrency: int, seed: int
) -> None:
    """A group before its memberships, however they came in and whatever fails meanwhile."""
    sandbox.reset()
    sandbox.configure(faults=dict.fromkeys(FAULTS, 0.04), seed=seed, slow_ms=20, retry_after="none")
    config = {**sandbox.config, "concurrency": concurrency, "batch_size_rows": 1000}
    one_window = [step for step in chosen if step[0] in TURNS]
    config |= {"max_retry_seconds": 100_000, "ledger": ""}
    assert run_here(tmp_path, config, tapped(one_window), clock=SkippingClock()).status == 0
    told = applied(sandbox)
    written = [(stream, key) for stream, key, _ in told]
    for _, key in {one for one in written if one[0] == "memberships"}:
        group, first = ("groups", key.split()[1]), written.index(("memberships", key))
        assert group not in written[first:] or group in written[:first]
    assert {stream for stream, _, _ in told} == {stream for stream, _, _ in one_window}


# Schemas that change


CHANGED_ON_THE_WAY = [
    announced("users"),
    one_record("users", 7, 0, 1),
    announced("users", version=1),
    one_record("users", 7, 0, 2),
    one_record("users", 7, 0, 3),
]


def test_no_version_overtakes_the_one_before_when_the_schema_changes(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What came under the old SCHEMA goes before what comes under the new one."""
    config = {**sandbox.config, "batch_size_rows": 2}
    assert run_here(tmp_path, config, CHANGED_ON_THE_WAY).status == 0
    assert [version for _, _, version in applied(sandbox)] == [2, 3]  # 1 merges into 2


# STATE


@pytest.mark.parametrize("concurrency", [1, 50])
def test_a_tap_that_waits_for_its_state_gets_it(
    sandbox: Sandbox, tmp_path: Path, concurrency: int
) -> None:
    """Each record is delivered, and its STATE written, while standard input stays open."""
    config = {**sandbox.config, "concurrency": concurrency}
    with piped(tmp_path, config) as run:
        run.feed([announced("users")])
        for n in range(1, 4):
            run.feed([one_record("users", n, 0, n), state(n)])
            wait_until(partial(_is_written, run, n), f"STATE {n}")
        assert len(sandbox.state()["users"]) == 3


# Speed


def test_fifty_workers_are_ten_times_as_fast_as_one(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Users at 50 ms an answer: it is the API that is waited for, not the target."""
    rates = [rate(sandbox, tmp_path, concurrency) for concurrency in (1, 50)]
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what the test is asked for
            f"\nusers at 50 ms: {rates[0]:.1f} requests/s with concurrency 1, "
            f"{rates[1]:.1f} with 50: {rates[1] / rates[0]:.1f} times as many"
        )
    assert rates[1] >= 10 * rates[0]


def rate(sandbox: Sandbox, directory: Path, concurrency: int) -> float:
    """Requests per second, from the arrival of the first to the arrival of the last."""
    sandbox.reset()
    sandbox.configure(latency_ms=50)
    users = [one_record("users", n, 0, 1) for n in range(BENCH[concurrency])]
    config = {**sandbox.config, "concurrency": concurrency}
    result = run_target(directory, config, [announced("users"), *users])
    assert result.status == 0, result.log
    arrivals: list[float] = [one["at"] for one in sandbox.requests()]
    assert len(arrivals) == BENCH[concurrency]
    return (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])


def _is_written(run: Piped, value: int) -> bool:
    return value in run.states
