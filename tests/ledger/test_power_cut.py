"""What a power cut leaves of the ledger: what was synced before a request left, and no less."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.process import config_file, record, schema, singer

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

WITNESS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *what) {
    int log = open(getenv("WITNESS"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (write(log, what, 1) < 0) abort();
    close(log);
}
int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    int result = real(fd);
    note("s");
    return result;
}
int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    int result = real(fd);
    note("s");
    return result;
}
ssize_t send(int fd, const void *data, size_t size, int flags) {
    ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    if (size > 5 && !memcmp(data, "POST ", 5)) note("p");
    return real(fd, data, size, flags);
}
"""
"""Stands between the target and the C library, and notes each sync as s and each POST as p."""


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """The library, where there is a compiler for it."""
    compiler = shutil.which("cc")
    if not compiler or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler on Linux")
    (tmp_path / "witness.c").write_text(WITNESS)
    library = tmp_path / "witness.so"
    source = tmp_path / "witness.c"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)  # noqa: S603 - our own
    return library


def seen(witness: Path, config: dict[str, Any], messages: list[Any]) -> str:
    """Syncs and POSTs of a run, in their order, the last ones only up to the last POST."""
    directory = witness.parent
    log = directory / "seen"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "target_userflow", "--config", config_file(directory, config)]
    subprocess.run(  # noqa: S603 - our own
        [str(part) for part in command],
        input=singer(messages),
        check=True,
        capture_output=True,
        env={**os.environ, "LD_PRELOAD": str(witness), "WITNESS": str(log)},
    )
    return log.read_text()


def test_no_event_leaves_before_the_disk_has_a_note_of_it(sandbox: Sandbox, witness: Path) -> None:
    """After a power cut no event is doubled that is not counted as in doubt."""
    events = [record("events", id=n, user_id="ada", name="used") for n in range(10)]
    announced = schema("events", {"id": "integer", "user_id": "string", "name": "string"})
    noted = seen(witness, {**sandbox.config, "concurrency": 1}, [announced, *events])
    assert noted.count("p") == len(events)
    assert all(before.endswith("s") for before in noted.split("p")[:-1])


def test_a_version_is_forgotten_on_the_disk_before_another_leaves(
    sandbox: Sandbox, witness: Path
) -> None:
    """Else a power cut would bring it back, and the one before would pass for unchanged."""
    announced = schema("users", {"id": "string", "plan": "string"})
    config = {**sandbox.config, "skip_unchanged": True, "batch_size_rows": 1}
    for plan in "AB":
        users = [record("users", id=key, plan=plan) for key in ("ada", "bob", "eve")]
        noted = seen(witness, config, [announced, *users])
    assert noted.count("p") == len(users)
    assert all(before.endswith("s") for before in noted.split("p")[:-1])
