"""The fixtures of the fault matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.invariants import Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

    Rows = Callable[..., Row]


@pytest.fixture
def rows(sandbox: Sandbox, tmp_path: Path) -> Rows:
    """Makes the row of a test, of its messages and its config."""

    def made(messages: list[Any], **config: Any) -> Row:
        return Row(sandbox, tmp_path, messages, config)

    return made
