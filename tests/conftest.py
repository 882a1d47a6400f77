"""What the tests share: the sandbox over a real socket, and the target as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from postgres import logging_postgres, postgres  # noqa: F401 - fixtures

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox import Sandbox


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    """One sandbox process for the whole session."""
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The shared sandbox, empty and as it starts."""
    shared_sandbox.reset()
    return shared_sandbox
