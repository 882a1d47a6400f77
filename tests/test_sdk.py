"""The SDK's standard suite, and the defects of the SDK that our overrides answer.

Each test named `test_sdk_…` fails when the SDK mends the defect: then our override can go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner

from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

STREAMS = {
    # these two have nothing that could be an id
    "test_object_schema_*": {"object": "ignore"},
    "ForecastingTypeToCategory": {"object": "ignore"},
    "*": {"object": "users"},
}
StandardSuite = get_target_test_class(TargetUserflow, config={"api_key": "ak_unused"})


class TestStandardSuite(StandardSuite):  # type: ignore[valid-type,misc] # a class made by the SDK
    """The SDK's standard suite for targets, with the sandbox as the destination."""

    @pytest.fixture
    def runner(self, sandbox: Sandbox, tmp_path: Path) -> TargetTestRunner:
        """A runner whose target writes to the sandbox."""
        config = {**sandbox.config, "streams": STREAMS, "dead_letter_dir": str(tmp_path)}
        return TargetTestRunner(TargetUserflow, config=config)
