"""The fault matrix, rows of the network: connections that break, hang, or lead elsewhere."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from support.invariants import Row, counts, users, users_and_events
from support.network import break_off, listening, self_signed
from support.taps import SkippingClock, piped, run_here, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


class Gate:
    """A way to the sandbox that can be closed; a closed one breaks off whoever comes."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Let everybody through."""
        self.url = ""
        self._to = ("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
        self._passing: list[socket.socket] = []
        self.closed = threading.Event()
        self.turned_away = 0

    def meet(self, client: socket.socket) -> None:
        """Pass a client on, or turn it away."""
        if self.closed.is_set():
            self.turned_away += 1
            break_off(client)
            return
        sandbox = socket.create_connection(self._to)
        self._passing += [client, sandbox]
        for one, other in ((client, sandbox), (sandbox, client)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()

    def close(self) -> None:
        """Break off all that are passing and all that come."""
        self.closed.set()
        for one in self._passing:
            break_off(one)


@contextmanager
def gate_to(sandbox: Sandbox) -> Iterator[Gate]:
    """A gate that stands open."""
    gate = Gate(sandbox)
    with listening(gate.meet) as listener:
        gate.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield gate
        gate.close()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):  # broken off
        while some := one.recv(65536):
            other.sendall(some)
    break_off(other)


@pytest.fixture
def closed_port() -> int:
    """Where nobody listens."""
    with listening() as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_connection_that_breaks_before_the_write_loses_nothing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Reset before the write: sent again; nobody can know, so the event counts as in doubt."""
    sandbox.script([{"fault": "reset-before", "path": one} for one in ("/users", "/events")])
    row = Row(sandbox, tmp_path, users_and_events(6))
    result = row.run()
    assert counts(result) == {
        "users": {"received": 3, "delivered": 3},
        "events": {"received": 3, "delivered": 3, "in_doubt": 1},
    }
    assert len(sandbox.state()["events"]) == 3
    row.check(result, read=6)


def test_a_connection_that_breaks_after_the_write_doubles_no_more_than_it_tells(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Reset after the write: users are the same twice, the doubled event is counted in doubt."""
    sandbox.script([{"fault": "reset-after", "path": one} for one in ("/users", "/events")])
    row = Row(sandbox, tmp_path, users_and_events(6))
    result = row.run()
    assert counts(result)["events"]["in_doubt"] == 1
    assert len(sandbox.state()["events"]) == 3 + 1
    row.check(result, read=6)


def test_an_answer_later_than_request_timeout_is_not_waited_for(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A slow answer: given up after request_timeout, sent again, the event in doubt."""
    sandbox.configure(slow_ms=60_000)
    sandbox.script([{"fault": "slow", "path": one} for one in ("/users", "/events")])
    row = Row(sandbox, tmp_path, users_and_events(4), {"request_timeout": 1})
    result = row.run()
    assert counts(result)["events"]["in_doubt"] == 1
    row.check(result, read=4)


def test_an_api_that_is_not_there_stops_the_run(
    sandbox: Sandbox, tmp_path: Path, closed_port: int
) -> None:
    """No connection from the start: exit 1 after max_retry_seconds, nothing in doubt."""
    row = Row(sandbox, tmp_path, users_and_events(4))
    url = f"http://127.0.0.1:{closed_port}"
    result = row.run(api_url=url, max_retry_seconds=1)
    assert ["ConnectionError" in line for line in result.errors] == [True]
    row.check(result, 1, read=0)
    assert row.in_doubt == 0


def test_an_api_that_speaks_another_language_stops_the_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """An answer that is no HTTP: tried again like a lost one, then exit 1 in one line."""

    def greet(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        client.close()

    row = Row(sandbox, tmp_path, users(3))
    with listening(greet) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = row.run(api_url=url, max_retry_seconds=1)
    assert len(result.errors) == 1
    row.check(result, 1, read=0)


def test_an_api_that_goes_away_in_mid_run_stops_it_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """No connection any more: what was delivered stays, STATE says so, and the run ends."""
    with gate_to(sandbox) as gate:
        config = {"api_url": gate.url, "max_retry_seconds": 1}
        row = Row(sandbox, tmp_path, users(9), config)
        with piped(tmp_path, row.settings) as target:
            target.feed(row.messages[:7])
            wait_until(lambda: target.states[-1:] == [{"read": 3}], "the STATE after three")
            gate.close()
            target.feed(row.messages[7:])
            result = target.result()
    assert not row.dead_letters
    row.config = {}
    row.check(result, 1, read=3)


def test_an_api_that_comes_back_in_time_is_not_noticed_to_have_been_away(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The network is gone for less than max_retry_seconds: everything arrives, exit 0."""
    with gate_to(sandbox) as gate:
        row = Row(sandbox, tmp_path, users(9), {"api_url": gate.url})
        with piped(tmp_path, row.settings) as target:
            target.feed(row.messages[:7])
            wait_until(lambda: target.states[-1:] == [{"read": 3}], "the STATE after three")
            gate.close()
            target.feed(row.messages[7:])
            wait_until(lambda: gate.turned_away >= 2, "two attempts in vain")
            gate.closed.clear()
            result = target.result()
    row.config = {}
    row.check(result, read=9)


class Opening(SkippingClock):
    """Opens a gate 20 seconds after the start of the run."""

    def __init__(self, gate: Gate) -> None:
        """Begin with a closed one."""
        super().__init__()
        self._gate = gate
        gate.closed.set()

    def sleep(self, seconds: float) -> None:
        """Skip the time, and look at it."""
        super().sleep(seconds)
        if self.seconds >= 20:
            self._gate.closed.clear()


def test_an_api_that_is_down_at_the_start_is_waited_for(sandbox: Sandbox, tmp_path: Path) -> None:
    """It comes up after 20 seconds: everything arrives, exit 0, and nothing is rejected."""
    with gate_to(sandbox) as gate:
        config = {**sandbox.config, "api_url": gate.url}
        clock = Opening(gate)
        result = run_here(tmp_path, config, users(9), clock=clock)
    assert gate.turned_away >= 2
    assert clock.seconds >= 20
    assert (result.status, result.counts["users"]) == (0, {"received": 9, "delivered": 9})
    assert len(sandbox.state()["users"]) == 9


@pytest.mark.parametrize("times", [5, 10_000], ids=["for a while", "for good"])
def test_one_endpoint_that_is_limited_holds_the_others_up_for_no_longer_than_it_may(
    sandbox: Sandbox, tmp_path: Path, times: int
) -> None:
    """429 for events alone: users arrive, and events too, or the run ends in its time."""
    sandbox.script([{"fault": "429", "path": "/events", "times": times}])
    clock = SkippingClock()
    result = run_here(tmp_path, sandbox.config, users_and_events(12), clock=clock)
    assert len(sandbox.state()["users"]) == 6
    for_good = times > 100
    events = {"unsettled": 6} if for_good else {"delivered": 6}
    assert result.counts["events"] == {"received": 6, **events}
    assert result.status == int(for_good)
    assert not [*tmp_path.rglob("*.singer")]
    assert clock.seconds < 2 * 300  # max_retry_seconds, and the pace before


def test_a_redirect_is_never_followed(sandbox: Sandbox, tmp_path: Path) -> None:
    """A redirect to another host: exit 1 at once, and that host sees no request and no key."""
    visitors: list[socket.socket] = []
    with listening(visitors.append) as other:
        location = f"http://127.0.0.1:{other.getsockname()[1]}/users"
        sandbox.script([{"status": 307, "headers": {"Location": location}}])
        row = Row(sandbox, tmp_path, users(4), {"concurrency": 1})
        result = row.run()
    assert ["redirect" in line for line in result.errors] == [True]
    assert not visitors
    row.check(result, 1, read=0)


def test_a_certificate_that_nobody_vouches_for_stops_the_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A TLS error: exit 1 at once, one line about the certificate, and not a byte is sent."""
    heard: list[bytes] = []
    context = self_signed()

    def greet(client: socket.socket) -> None:
        with (
            suppress(OSError),  # it is told that nobody trusts it
            context.wrap_socket(client, server_side=True) as secure,
        ):
            heard.append(secure.recv(1))

    with listening(greet) as listener:
        row = Row(sandbox, tmp_path, users(4))
        result = row.run(api_url=f"https://127.0.0.1:{listener.getsockname()[1]}")
    assert ["TLS says: " in line for line in result.errors] == [True]
    assert b"".join(heard) == b""
    row.check(result, 1, read=0)
