"""The SDK's standard suite for targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner
from support.process import record, run_target, schema

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

pytestmark = pytest.mark.smoke


class TestStandardSuite(StandardSuite):  # type: ignore[valid-type,misc] # a class made by the SDK
    """The SDK's standard suite for targets, with the sandbox as the destination."""

    @pytest.fixture
    def runner(self, sandbox: Sandbox, tmp_path: Path) -> TargetTestRunner:
        """A runner whose target writes to the sandbox."""
        config = {**sandbox.config, "streams": STREAMS, "dead_letter_dir": str(tmp_path)}
        return TargetTestRunner(TargetUserflow, config=config)

    def test_target_invalid_schema(self, sandbox: Sandbox, tmp_path: Path) -> None:
        """A SCHEMA without `properties`, where the suite expects an error, is legal here."""
        empty = {"type": "SCHEMA", "stream": "users", "schema": {"type": "object"}}
        result = run_target(
            tmp_path, sandbox.config, [empty, record("users", id="ada", plan="pro")]
        )
        assert result.status == 0
        assert sandbox.state()["users"]["ada"]["attributes"] == {"plan": "pro"}

    def test_target_record_missing_key_property(  # the suite expects the run to end here
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        """A record without its key becomes a dead letter, and the run goes on."""
        messages = [
            schema("users", {"id": "integer", "plan": "string"}),
            record("users", plan="pro"),
            record("users", id=2, plan="pro"),
        ]
        result = run_target(tmp_path, sandbox.config, messages)
        assert list(sandbox.state()["users"]) == ["2"]
        (letters,) = (tmp_path / "dead-letters").iterdir()
        assert "'id' is missing" in letters.read_text()
        assert result.status == 1
