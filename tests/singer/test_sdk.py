"""The SDK: its standard suite for targets, and the defects that `singer/sdk.py` works around.

A test of a defect fails when the SDK has mended it: an override may go then.
"""

from __future__ import annotations

import io
import os
import re
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from singer_sdk.sinks import BatchSink
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner
from support.process import record, run_target, schema, singer, state
from support.taps import Stamped, plain_target, same_signals

import target_userflow
from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Target

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


# Defects, each with a target as the SDK makes it

USERS = schema("users", {"id": "integer", "n": "integer"})
USERS_CHANGED = schema("users", {"id": "integer", "n": "integer", "plan": "string"})


class PlainSink(BatchSink):
    """A sink as the SDK's template has it, with small batches."""

    delivered: ClassVar[list[int]] = []
    batch = 2

    @property
    def max_size(self) -> int:
        """The number of records that fill a batch."""
        return self.batch

    def process_batch(self, context: dict[str, Any]) -> None:
        """Deliver one record after the other."""
        for row in context.get("records", []):
            self.deliver(row["n"])

    def deliver(self, n: int) -> None:
        """Deliver a record."""
        self.delivered.append(n)


class SignalledSink(PlainSink):
    """A sink whose process gets a SIGTERM in the middle of its batch."""

    delivered: ClassVar[list[int]] = []
    batch = 10

    def deliver(self, n: int) -> None:
        """Deliver a record, unless it is the first."""
        if self.delivered:
            os.kill(os.getpid(), signal.SIGTERM)
        super().deliver(n)


def test_sdk_acknowledges_undelivered_records_on_sigterm(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two of three records are lost: STATE says that they are delivered, and the exit status 0.

    https://github.com/meltano/sdk/issues/3775
    """
    SignalledSink.delivered.clear()
    messages = [USERS]
    for n in range(1, 4):
        messages += [record("users", id=n, n=n), state(n)]
    with same_signals():
        target = plain_target(SignalledSink)
        target.max_parallelism = 1
        with pytest.raises(SystemExit) as end:
            target.listen(io.StringIO(singer(messages).decode()))
    assert SignalledSink.delivered == [1]
    assert capsys.readouterr().out == "3\n"
    assert end.value.code == 0


def test_sdk_lets_a_version_overtake_the_one_before_when_the_schema_changes() -> None:
    """The first version waits in a retired sink, and is delivered last: the user ends in it."""
    PlainSink.delivered.clear()
    changed = [
        USERS,
        record("users", id=7, n=1),
        USERS_CHANGED,
        record("users", id=7, n=2),
        record("users", id=7, n=3),
    ]
    with same_signals():
        plain_target(PlainSink).listen(io.StringIO(singer(changed).decode()))
    assert PlainSink.delivered == [2, 3, 1]


def a_record_each_second(seconds: int) -> Iterator[str]:
    """Lines of a tap that takes its time: SCHEMA, then each second a record and its STATE."""
    yield singer([USERS]).decode()
    for n in range(1, seconds + 1):
        yield singer([record("users", id=n, n=n)]).decode()
        yield singer([state(n)]).decode()


def test_sdk_writes_no_state_for_five_minutes_while_data_flows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every other record fills a batch that is delivered at once, and nobody is told."""
    passed = Counter[str]()
    out = Stamped(lambda: passed["seconds"])
    monkeypatch.setattr("sys.stdout", out)

    def lines(target: Target) -> Iterator[str]:
        for line in a_record_each_second(400):
            if "RECORD" in line:
                passed["seconds"] += 1
                target._last_full_drain_at -= 1  # noqa: SLF001 - a second passes in no time
            yield line

    with same_signals():
        target = plain_target(PlainSink)
        target.listen(lines(target))  # type: ignore[arg-type] # lines are all that is asked of it
    assert out.longest_gap > 290


def test_only_one_module_uses_private_names_of_the_sdk() -> None:
    """An upgrade of the SDK is looked at in one place."""
    package = Path(target_userflow.__file__).parent
    private = re.compile(r"import .*\b_\w|\._(?:sinks_|process_|handle_|drain|env_var|validate_)")
    users = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "singer_sdk" in path.read_text() and private.search(path.read_text())
    ]
    assert users == ["singer/sdk.py"]
