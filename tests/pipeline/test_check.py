"""`target-userflow --check`: it says the truth of every way to be wrong, and what to do."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from support.network import listening, self_signed
from support.process import TARGET, config_file

from target_userflow import check
from target_userflow.apis import user_interviews, userpilot
from target_userflow.apis.messages import Answer
from target_userflow.apis.userflow import product as userflow
from target_userflow.config import problems as configs
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import USERFLOW_URLS, Destination, Settings
from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

    from target_userflow.apis.product import Product
    from target_userflow.sandbox import Sandbox

KEY = "ak_zq7secret"
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go straight to the servers of these tests, wherever they run."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def lines(home: Path, **config: Any) -> list[str]:
    """What is printed for a config."""
    files = {"dead_letter_dir": str(home / "letters"), "ledger": str(home / "ledger.db")}
    config = {"request_timeout": 1, **files, **config}
    TargetUserflow.append_builtin_config(CONFIG_SCHEMA)
    assert configs.problems(config, CONFIG_SCHEMA) == []
    return [one.line for one in check.findings(Settings.of(config), NOW)]


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def nowhere() -> str:
    """A URL at which nobody listens."""
    with listening() as listener:
        return url_of(listener)


def run(
    home: Path, config: Mapping[str, Any], *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Type the command, at a terminal whose keyboard is not touched."""
    with subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as silent:  # noqa: S607 - it only keeps a pipe open
        try:
            return subprocess.run(  # noqa: S603 - our own module
                [*TARGET, "--config", str(config_file(home, config)), "--check", *arguments],
                stdin=silent.stdout,
                capture_output=True,
                check=False,
                cwd=home,
                env={"PATH": "/usr/bin:/bin", **env},
                text=True,
                timeout=30,
            )
        finally:
            silent.kill()


# As it is typed


def test_each_product_with_a_key_is_asked_once_and_nothing_is_written(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A line each with its URL and ok, exit 0; standard input may stay silent; no file is made."""
    done = run(tmp_path, sandbox.config)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"{name} ({sandbox.url}): ok" for name in ("Userflow", "User Interviews", "Userpilot")],
    )
    asked = {(one["method"], one["path"]) for one in sandbox.requests()}
    assert asked == {("GET", "/users"), ("GET", "/api/participants"), ("GET", "/v1/validate")}
    assert len(sandbox.requests()) == 3
    assert [one.name for one in tmp_path.iterdir()] == ["config.json"]


def test_a_wrong_key_is_told_and_never_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit 1 and one line for the product it is wrong for, although debug logging is on."""
    config = {**sandbox.config, "api_key": KEY, "userpilot_api_key": ""}
    done = run(tmp_path, config, TARGET_USERFLOW_LOGLEVEL="debug")
    wrong, good = done.stdout.splitlines()
    assert (done.returncode, good) == (1, f"User Interviews ({sandbox.url}): ok")
    assert wrong.startswith(f"Userflow ({sandbox.url}): answered HTTP 401: the key is wrong")
    assert "api_key, region and api_url" in wrong
    for key in (KEY, sandbox.settings.user_interviews_api_key):
        assert key not in done.stdout + done.stderr


def test_a_config_that_no_run_can_start_with_is_told_setting_by_setting(tmp_path: Path) -> None:
    """All problems, a line each, and exit 1, as a run would say it."""
    done = run(tmp_path, {"api_key": f"{KEY}\n", "concurrency": 0})
    said = [line.rpartition(" | ")[2] for line in done.stderr.splitlines() if "ERROR" in line]
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split(" ")[1].rstrip(":") for line in said] == ["'concurrency'", "'api_key'"]
    assert KEY not in done.stderr


def test_variables_are_read_as_a_run_reads_them(sandbox: Sandbox, tmp_path: Path) -> None:
    """`--config ENV` beside the file: the key comes from a variable."""
    variables = {
        "TARGET_USERFLOW_API_KEY": sandbox.api_key,
        "TARGET_USERFLOW_API_URL": sandbox.url,
    }
    done = run(tmp_path, {}, "--config", "ENV", **variables)
    assert (done.returncode, done.stdout) == (0, f"Userflow ({sandbox.url}): ok\n")


# Each way to be wrong


def test_nothing_configured_is_one_line(tmp_path: Path) -> None:
    """It names the keys there are, and how variables are read."""
    (line,) = lines(tmp_path)
    assert line.startswith("No product is configured: set one of api_key (Userflow), ")
    assert "--config ENV" in line


def test_a_url_without_a_default_is_asked_for(tmp_path: Path) -> None:
    """Userpilot's regions are never guessed."""
    (line,) = lines(tmp_path, userpilot_api_key=KEY)
    assert line == "Userpilot: set userpilot_api_url too: there is no default"


@pytest.mark.parametrize(
    ("api", "destination", "hint"),
    [
        (
            userflow.PRODUCT,
            Destination(USERFLOW_URLS["us"], KEY),
            "set region to eu, and no api_url",
        ),
        (
            userflow.PRODUCT,
            Destination(USERFLOW_URLS["eu"], KEY),
            "set region to us, and no api_url",
        ),
        (userflow.PRODUCT, Destination("https://userflow.example.com", KEY), None),
        (
            userpilot.PRODUCT,
            Destination(userpilot.REGIONS[0], KEY),
            f"set userpilot_api_url to {userpilot.REGIONS[1]}",
        ),
        (userpilot.PRODUCT, Destination("https://userpilot.example.com", KEY), None),
        (
            user_interviews.PRODUCT,
            Destination("https://www.userinterviews.com", KEY),
            "set user_interviews_auth to apikey",
        ),
        (
            user_interviews.PRODUCT,
            Destination("https://www.userinterviews.com", KEY, auth="apikey"),
            "set user_interviews_auth to bearer",
        ),
    ],
)
def test_a_401_hints_at_the_other_region_or_header(
    api: Product, destination: Destination, hint: str | None
) -> None:
    """The key may be good and the place wrong; what is set by hand gets no such hint."""
    said = problem(api, 401, destination=destination) or ""
    assert ("If the key is right, " in said) == (hint is not None)
    assert hint is None or said.endswith(f"If the key is right, {hint}")
    assert KEY not in said


def test_a_closed_port_is_told(tmp_path: Path, nowhere: str) -> None:
    """No network, or a wrong port: the system's own words, and the setting."""
    (line,) = lines(tmp_path, api_key=KEY, api_url=nowhere)
    assert line.startswith(f"Userflow ({nowhere}): can't be reached: ")
    assert line.endswith("Connection refused. Check api_url, and this machine's network")


def test_a_name_that_nobody_knows_is_told(tmp_path: Path) -> None:
    """A typo in the host, or no DNS: the name stands in the line."""
    (line,) = lines(tmp_path, api_key=KEY, api_url="https://no-such-host.invalid")
    assert "can't be reached: Failed to resolve 'no-such-host.invalid'" in line
    assert "Check api_url" in line


def test_an_api_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    """`request_timeout`, and never more than five seconds."""
    assert check.TIMEOUT <= 5
    with listening() as listener:
        (line,) = lines(tmp_path, api_key=KEY, api_url=url_of(listener))
    assert "can't be reached: Read timed out" in line


def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path) -> None:
    """TLS's own reason, and where to name the certificates of one's own authority."""
    context = self_signed()

    def greet(client: socket.socket) -> None:
        try:
            context.wrap_socket(client, server_side=True)
        except OSError:  # it is told that nobody trusts it
            client.close()

    with listening(greet) as listener:
        (line,) = lines(tmp_path, api_key=KEY, api_url=url_of(listener, "https"))
    assert "TLS says: " in line
    assert "CERTIFICATE_VERIFY_FAILED" in line
    assert "REQUESTS_CA_BUNDLE" in line


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "refuses"])
def test_a_proxy_that_does_not_answer_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hangs: bool, nowhere: str
) -> None:
    """It is the proxy and not the API: its address is named, and the variables to look at."""
    with listening() as listener:
        proxy = url_of(listener) if hangs else nowhere
        monkeypatch.setenv("https_proxy", proxy.replace("//", "//me:zq7password@"))
        (line,) = lines(tmp_path, api_key=KEY)
    address = proxy.partition("//")[2]
    assert f"can't be reached through the proxy {address}: " in line
    assert "HTTPS_PROXY" in line
    assert "zq7" not in line


@pytest.mark.parametrize(
    "proxy",
    ["http://", "http://me:zq7@", "http://me:zq7#@example.com", "ftp://example.com", "host:99999"],
)
def test_a_proxy_that_is_none_is_told_without_quoting_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """What is wrong in it may be the password: the variables are named, and not their values."""
    monkeypatch.setenv("https_proxy", proxy)
    (line,) = lines(tmp_path, api_key=KEY)
    assert "its proxy has no http:// or https:// URL. Check HTTPS_PROXY" in line
    assert "api_url" not in line
    assert "zq7" not in line


def test_certificates_that_are_not_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither the network nor the API: the variables are named."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    (line,) = lines(tmp_path, api_key=KEY)
    assert line.endswith("nowhere.pem. Check REQUESTS_CA_BUNDLE and SSL_CERT_FILE")


def problem(
    api: Product,
    status: int,
    body: bytes = b"",
    *,
    destination: Destination | None = None,
    **headers: str,
) -> str | None:
    """What is said of an answer."""
    place = destination or Destination("https://api.example.com", KEY)
    return check.problem_of(api, place, Answer(status, headers, body), proxy=None, now=NOW)


ERROR = json.dumps({"error": {"code": "zq7", "message": "zq7"}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (403, ERROR, "may not do this. Check api_key"),
        (404, b"<html>", "answered HTTP 404: Check api_url. What answers there is not Userflow"),
        (407, b"", "a proxy wants a password of its own"),
        (400, ERROR, "answered HTTP 400 to a plain question. Check api_url"),
        (200, b"<html>zq7</html>", "whether a login page or proxy answers for it"),
        (200, ERROR, "answered HTTP 200 to a plain question"),
        (429, ERROR, "Try again in a minute"),
        (503, ERROR, "fails at the moment (HTTP 503). Try again later"),
    ],
)
def test_any_other_answer_is_told_with_what_to_do(status: int, body: bytes, says: str) -> None:
    """And nothing of its body, which may hold anything."""
    said = problem(userflow.PRODUCT, status, body) or ""
    assert says in said
    assert "zq7" not in said
    assert "\n" not in said


def test_a_redirect_says_where_it_leads() -> None:
    """To the host alone: the rest of the address may hold a secret."""
    location = "https://me:zq7@elsewhere.example.com:8443/login?token=zq7"
    said = problem(userflow.PRODUCT, 301, Location=location) or ""
    assert "a redirect, which is never followed. Check api_url" in said
    assert said.endswith("It leads to https://elsewhere.example.com:8443")


@pytest.mark.parametrize("api", [user_interviews.PRODUCT, userpilot.PRODUCT])
def test_a_read_that_is_not_documented_is_not_taken_for_a_fact(api: Product) -> None:
    """Its 404 may mean that there is no such read: that the key is unchecked is said."""
    said = problem(api, 404, ERROR) or ""
    assert "from secondary sources" in said
    assert "can't be checked without writing" in said
    assert f"{api.prefix}api_url" in said


@pytest.mark.parametrize("body", [b"", b"{}", b"ok"])
def test_what_userpilot_answers_to_a_good_key_is_not_prescribed(body: bytes) -> None:
    """Only the status is known; but a page of HTML is somebody else's."""
    assert problem(userpilot.PRODUCT, 200, body) is None
    assert problem(userpilot.PRODUCT, 200, b" <html>") is not None


# The disk


@pytest.mark.parametrize("name", ["dead_letter_dir", "ledger"])
def test_a_place_that_cannot_be_written_is_told(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    """Its parent is a file: the setting is named, and the API is ok all the same."""
    (tmp_path / "file").touch()
    config = {**sandbox.config, name: str(tmp_path / "file" / "inside" / "place")}
    *_, line = lines(tmp_path, **config)
    assert line == (
        f"{name}: {tmp_path / 'file'} is no directory. Set {name} to a place that can be written"
    )


def test_a_ledger_that_is_a_directory_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    """A ledger is a file, and made by the first run that needs it: its directories too."""
    *_, wrong = lines(tmp_path, **{**sandbox.config, "ledger": str(tmp_path)})
    *_, good = lines(tmp_path, **{**sandbox.config, "ledger": str(tmp_path / "a" / "b" / "c.db")})
    assert "is a directory. Set ledger" in wrong
    assert good.endswith(": ok")
    assert not (tmp_path / "a").exists()
