"""The sandbox is started on the command line or from Python, and stopped."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.process import record, run_target, schema
from support.sandbox_client import HEADERS, Client, eventually

import target_userflow.sandbox
from target_userflow.sandbox import Sandbox, running
from target_userflow.sandbox.client import SandboxError
from target_userflow.sandbox.faults import FAULTS
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox.settings import Changes

COMMAND = [sys.executable, "-m", "target_userflow.sandbox"]


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen[str], Sandbox]]:
    """A sandbox started on the command line, once it listens."""
    command = [*COMMAND, "serve", "--port", "0", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603 (our own module)
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert re.fullmatch(r"target-userflow-sandbox listening on http://\S+:\d+\n", line)
            yield process, Sandbox(line.split()[-1], Settings())
        finally:
            process.kill()


def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command line, run to its end, with environment variables added."""
    return subprocess.run(  # noqa: S603 (our own module)
        [*COMMAND, *options],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_quietly_when_told_to(sign: signal.Signals) -> None:
    """With status 0 and no word more, though a client still waits for a late answer."""
    with served("--latency-ms", "600000") as (process, sandbox):
        client = Client(sandbox)
        client.http.request("POST", "/users", b'{"id": "u"}', HEADERS)
        assert eventually(sandbox.requests)
        process.send_signal(sign)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0


SETTINGS: Changes = {
    "api_key": "ak_1",
    "user_interviews_api_key": "ui_1",
    "userpilot_api_key": "up_1",
    "latency_ms": 1.5,
    "slow_ms": 2.0,
    "rate_limit": 3,
    "user_interviews_media_type": "vendor",
    "userpilot_success": 200,
    "userpilot_rate_limit": None,
    "rate_limit_window": "fixed",
    "retry_after": "date",
    "faults": {"500": 0.25, "reset-after": 0.5},
    "seed": 4,
    "rejected_emails": ["*@example.org", "no-reply@*"],
}


def settings_of(sandbox: Sandbox) -> object:
    """How a sandbox behaves, as it says itself."""
    return json.loads(Client(sandbox).send("POST", "/_sandbox/config", {}).text)


def test_every_option_is_taken_over() -> None:
    """What the command line says is what the sandbox does."""
    keys = ["--api-key=ak_1", "--user-interviews-api-key=ui_1", "--userpilot-api-key=up_1"]
    limits = ["--rate-limit=3", "--userpilot-rate-limit=none", "--retry-after=date"]
    limits += ["--rate-limit-window=fixed"]
    limits += ["--user-interviews-media-type=vendor", "--userpilot-success=200"]
    delays = ["--latency-ms=1.5", "--slow-ms=2"]
    faults = ["--fault", "500:0.25", "--fault", "reset-after:0.5", "--seed=4"]
    emails = ["--reject-email", "*@example.org", "--reject-email", "no-reply@*"]
    with served(*keys, *limits, *delays, *faults, *emails) as (_, sandbox):
        assert settings_of(sandbox) == SETTINGS


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_it_listens_on_any_loopback_address(host: str) -> None:
    """By its name, too."""
    with served("--host", host) as (_, sandbox):
        assert sandbox.state()["users"] == {}


REMOTE = ["--host", "0.0.0.0", "--allow-remote"]  # noqa: S104 - what the flag is for


def test_a_host_for_other_machines_needs_a_flag_of_its_own() -> None:
    """Without it the one line says which."""
    refused = run("serve", *REMOTE[:2], "--port", "0")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "--allow-remote" in refused.stderr


def test_other_machines_are_answered_and_public_sites_are_not() -> None:
    """Under an address or a private name, such as a service of docker compose has."""
    with served(*REMOTE, "--port", "0") as (_, sandbox):
        client = Client(Sandbox(sandbox.url.replace("0.0.0.0", "127.0.0.1"), sandbox.settings))  # noqa: S104 - its own words
        private = [
            "sandbox:8765",
            "192.0.2.7",
            "[2001:db8::1]:80",
            "host.docker.internal",
            "a.local",
        ]
        statuses = {host: client.send("GET", "/users", Host=host).status for host in private}
        assert statuses == dict.fromkeys(private, 200)
        for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8765", ""):
            assert client.send("GET", "/users", Host=host).status == 403
        other = {"Host": "sandbox:8765", "Origin": "http://other:8765"}
        assert client.send("POST", "/_sandbox/reset", **other).status == 403


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--fault", "nope:0.1"], f"there is no fault 'nope', only {', '.join(FAULTS)}"),
        (["--fault", "500"], "'500' is not of the form NAME:PROBABILITY"),
        (["--fault", "500:often"], "'500:often' is not of the form NAME:PROBABILITY"),
        (["--fault", "500:1.5"], "the probability of 500 must be in 0..1, not 1.5"),
        (["--fault", "500:nan"], "the probability of 500 must be in 0..1, not nan"),
        (["--fault", "500:0.6", "--fault", "503:0.6"], "add up to more than 1"),
        (["--host", "0.0.0.0"], "0.0.0.0 is no loopback address"),  # noqa: S104 (refused)
        (["--host", "example.com"], "example.com is no loopback address"),
        (["--port", "70000"], "70000 is not in the range 0<=x<=65535"),
        (["--rate-limit", "0"], "0 is not in the range x>=1"),
        (["--userpilot-rate-limit", "many"], "'many' is not a valid integer"),
        (["--latency-ms", "-1"], "-1.0 is not in the range x>=0"),
        (["--latency-ms", "nan"], "latency_ms"),
        (["--retry-after", "x"], "'x' is not one of 'seconds', 'date', 'none'"),
        (["--api-key", ""], "api_key"),
        (["--user-interviews-api-key", ""], "user_interviews_api_key"),
        (["--colour"], "No such option"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_in_one_line(options: list[str], reason: str) -> None:
    """What is wrong, what there is instead, and status 2."""
    ended = run("serve", *options)
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Error: ")
    assert reason in line
    assert (ended.returncode, ended.stdout) == (2, "")


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    """With the port, and status 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run("serve", "--port", str(port))
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"Error: can't listen on 127.0.0.1 port {port}: ")
    assert (ended.returncode, ended.stdout) == (1, "")


def run_with_uvicorn(tmp_path: Path, source: str) -> subprocess.CompletedProcess[str]:
    """The command line, with another module in the place of uvicorn."""
    (tmp_path / "uvicorn.py").write_text(source)
    return run("serve", "--port", "0", PYTHONPATH=str(tmp_path))


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """In one line, not as a traceback."""
    ended = run_with_uvicorn(tmp_path, "raise ModuleNotFoundError(name='uvicorn')")
    hint = "Error: uvicorn is missing: pip install 'target-userflow[sandbox]'\n"
    assert (ended.returncode, ended.stderr) == (1, hint)


def test_an_interrupt_before_it_listens_is_no_crash(tmp_path: Path) -> None:
    """Ctrl-C ends it as quietly as later."""
    ended = run_with_uvicorn(tmp_path, "raise KeyboardInterrupt")
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (0, "", "")


def test_without_a_command_it_shows_the_help() -> None:
    """What one can do with it."""
    ended = run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "serve" in ended.stdout


def test_the_handle_starts_a_sandbox_and_stops_it() -> None:
    """With the settings that were asked for, to which a reset leads back."""
    with running(**SETTINGS) as sandbox:
        assert settings_of(sandbox) == SETTINGS
        assert sandbox.config == {
            "api_url": sandbox.url,
            "api_key": "ak_1",
            "user_interviews_api_url": sandbox.url,
            "user_interviews_api_key": "ui_1",
            "userpilot_api_url": sandbox.url,
            "userpilot_api_key": "up_1",
        }
        sandbox.configure(api_key="ak_2", faults={}, seed=None)
        assert sandbox.api_key == "ak_2"
        sandbox.reset()
        assert settings_of(sandbox) == SETTINGS
        assert sandbox.api_key == "ak_1"
    with pytest.raises(ConnectionRefusedError):
        sandbox.state()


def test_the_handle_stops_its_sandbox_when_a_test_fails() -> None:
    """Nothing is left behind."""
    with pytest.raises(KeyError), running() as sandbox:
        raise KeyError
    with pytest.raises(ConnectionRefusedError):
        sandbox.state()


def test_the_handle_refuses_a_setting_before_it_starts_anything() -> None:
    """The reason is the same as everywhere."""
    with pytest.raises(ValueError, match="there is no fault 'nope'"), running(faults={"nope": 1}):
        pytest.fail("it started")


def test_the_handle_says_when_the_sandbox_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that ends at once is no sandbox."""
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(SandboxError, match="did not start"), running():
        pytest.fail("it started")


def test_the_sandbox_shares_no_code_with_the_target() -> None:
    """Else both could be wrong in the same way."""
    home = Path(target_userflow.sandbox.__file__).parent
    foreign = {
        name
        for module in home.rglob("*.py")
        for name in imported(module)
        if name.startswith("target_userflow") and not name.startswith("target_userflow.sandbox")
    }
    assert foreign == set()


def imported(module: Path) -> Iterator[str]:
    """The names of the modules that a module imports."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(name)):
                yield name


def test_the_target_writes_to_a_sandbox_at_an_ipv6_address(tmp_path: Path) -> None:
    """The URL that the sandbox prints is one that `api_url` takes."""
    if not has_ipv6():
        pytest.skip("this machine has no ::1")
    messages = [schema("users", {"id": "string"}), record("users", id="ada")]
    with served("--host", "::1") as (_, sandbox):
        assert sandbox.url.startswith("http://[::1]:")
        result = run_target(tmp_path, sandbox.config, messages)
        assert result.status == 0, result.log
        assert sandbox.state()["users"].keys() == {"ada"}


def has_ipv6() -> bool:
    """Whether there is a loopback address of IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
