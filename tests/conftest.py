"""What the tests share: the sandbox over a real socket, and the target as a process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from support.ledgers import bench  # noqa: F401 - a fixture
from support.postgres import logging_postgres, own_postgres, postgres  # noqa: F401 - fixtures
from support.workers import (  # noqa: F401 - hooks
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

from target_userflow.sandbox import Sandbox, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFINITIONS = ["/attribute_definitions", "/event_definitions"]

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each process would compile all that it imports
os.environ["PYTHONWARNINGS"] = "ignore::FutureWarning"  # the SDK's, of a Python that has ended


class Plain(Sandbox):
    """The sandbox for tests that are not about the question before a stream's first write.

    The definitions stand in no journal, and no step of a script that names no path is used up by
    them; `test_attribute_types.py` is about them.
    """

    def requests(self) -> list[dict[str, Any]]:
        """What was asked, less the definitions."""
        return [one for one in super().requests() if one["path"] not in DEFINITIONS]

    def script(self, steps: Sequence[dict[str, Any]]) -> None:
        """Plan the answers to the next requests, less the definitions."""
        super().script(
            [step if "path" in step else {**step, "spares": DEFINITIONS} for step in steps]
        )


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    """One sandbox process for the whole session."""
    with running() as sandbox:
        yield Plain(sandbox.url, sandbox.settings)


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The shared sandbox, empty and as it starts."""
    shared_sandbox.reset()
    return shared_sandbox
