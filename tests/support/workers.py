"""How many workers run the tests, and which of them runs a test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer

_WHOLE = ("copy_environment", "pipeline", "recipes", "release")
"""Modules of tests/pipeline/ that install programs, or run Meltano, for all of their tests."""


class WholeModules(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Deals single tests out to the workers, but the tests of some modules to one of them."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        is_whole = module.endswith(tuple(f"/pipeline/test_{name}.py" for name in _WHOLE))
        return module if is_whole else nodeid


def pytest_xdist_auto_num_workers() -> int:
    """Have `-n auto` run two workers a core: a test mostly waits, for a process or an answer."""
    return 2 * (os.cpu_count() or 1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WholeModules:
    """Have `-n` deal out tests this way."""
    return WholeModules(config, log)
