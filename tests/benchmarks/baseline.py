"""What this target is compared with: targets that the SDK makes of next to nothing.

- `python tests/benchmarks/baseline.py plain`: a `RecordSink` with a `requests.Session`, as the
  SDK's template for targets has it. `URL` says where to.
- `python tests/benchmarks/baseline.py nothing`: the SDK with its defaults and a sink that does
  nothing.

Both take what any target takes: `--version`, and Singer on standard input.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, ClassVar

import requests
from singer_sdk import Target
from singer_sdk.sinks import RecordSink


class PlainSink(RecordSink):
    """One `POST` after the other."""

    def setup(self) -> None:
        """Open the one session."""
        self._session = requests.Session()
        self._session.headers.update(
            {"Authorization": "Bearer key", "Userflow-Version": "2020-01-03"}
        )

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        """Send a user."""
        user = {"id": record.pop("id"), "attributes": record}
        self._session.post(
            f"{os.environ['URL']}/users",
            data=json.dumps(user, default=str),
            headers={"Content-Type": "application/json"},
            timeout=30,
        ).raise_for_status()


class IdleSink(RecordSink):
    """Does nothing, so that all that is left is the SDK."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do nothing."""


class _Baseline(Target):
    config_jsonschema: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}}


class TargetPlain(_Baseline):
    """The target that one would write in an hour."""

    name = "target-plain"
    default_sink_class = PlainSink


class TargetNothing(_Baseline):
    """The target that one could not do without."""

    name = "target-nothing"
    default_sink_class = IdleSink


if __name__ == "__main__":
    {"plain": TargetPlain, "nothing": TargetNothing}[sys.argv.pop(1)].cli()
