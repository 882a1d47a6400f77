"""The metrics that runs leave: Prometheus reads them, and counters go on from run to run."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.process import record, run_target, schema

from target_userflow.run_files.metrics_file import text

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string"})
ROW = {
    "stream": 'a "quoted"\nname',
    "object": "users",
    **dict.fromkeys(("merged", "unchanged", "duplicate", "skipped", "unsettled"), 0),
    "delivered": 5,
    "rejected": 1,
}
FACTS: dict[str, Any] = {
    "streams": [ROW],
    "requests": {
        "requests": 9,
        "limited": 2,
        "failed": 1,
        "refused": 0,
        "p50": 0.1,
        "p95": None,
    },
    "waited": [{"product": "Userflow", "for": "the API's rate limit", "seconds": 3.5}],
    "exit_status": 0,
    "started": "2024-03-01T00:00:00+00:00",
    "seconds": 78.5,
}
END = 1709251278.5
DOCS = Path(__file__).parents[2] / "docs/metrics.md"


def read(metrics: bytes | str) -> dict[tuple[str, ...], float]:
    """Name and values of labels → value, of each sample; the pipeline is left out."""
    content = metrics.decode() if isinstance(metrics, bytes) else metrics
    return {
        (
            sample.name.removeprefix("target_userflow_"),
            *sorted(_others(sample.labels)),
        ): sample.value
        for metric in text_string_to_metric_families(content)
        for sample in metric.samples
    }


def _others(labels: dict[str, str]) -> list[str]:
    assert labels.pop("pipeline") == "crm"
    return [*labels.values()]


def test_a_run_is_counted() -> None:
    """Records by outcome, requests by result, waits, and how and when it ended."""
    found = read(text(FACTS, "crm"))
    name = 'a "quoted"\nname'
    assert found["records_total", name, "delivered", "users"] == 5
    assert found["records_total", name, "rejected", "users"] == 1
    assert found["requests_total", "answered"] == 6
    assert found["requests_total", "limited"] == 2
    assert found["waits_seconds_total", "Userflow", "the API's rate limit"] == 3.5
    assert found["runs_total", "ok"] == 1
    assert found["last_run_timestamp_seconds",] == END
    assert found["last_success_timestamp_seconds",] == END
    assert found["last_run_duration_seconds",] == 78.5
    assert found["last_run_latency_seconds", "0.5"] == 0.1
    assert ("last_run_latency_seconds", "0.95") not in found


def test_counters_go_on_and_the_last_success_stays() -> None:
    """As Prometheus wants them: the next run adds, a failure does not hide when all was well."""
    failed = {**FACTS, "exit_status": 1, "started": "2024-03-02T00:00:00+00:00"}
    found = read(text(failed, "crm", text(FACTS, "crm").decode()))
    assert found["requests_total", "answered"] == 12
    assert (found["runs_total", "ok"], found["runs_total", "failed"]) == (1, 1)
    assert found["last_success_timestamp_seconds",] == END
    assert found["last_run_timestamp_seconds",] == END + 86_400
    assert found["last_run_exit_status",] == 1


@pytest.mark.parametrize("before", ["", "half a {line", "node_load1 0.5\n", "\0"])
def test_what_can_not_be_read_begins_anew(before: str) -> None:
    """A counter that is reset is nothing new to Prometheus."""
    assert read(text(FACTS, "crm", before)) == read(text(FACTS, "crm"))


def test_each_run_adds_to_the_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its collector, another user, may read it; it holds no id; a dry run leaves it as it is."""
    path = tmp_path / "metrics" / "crm.prom"
    config = {**sandbox.config, "metrics_path": str(path)}
    messages = [USERS, record("users", id="person-1", plan="pro")]
    for changes in ({}, {}, {"dry_run": True}):
        result = run_target(tmp_path, {**config, **changes}, messages)
        assert result.status == 0, result.log
        assert (f"Metrics: {path}" in result.log) is not bool(changes)
    found = read(path.read_text())
    assert found["records_total", "delivered", "users", "users"] == 2
    assert found["runs_total", "ok"] == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "person-1" not in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == ["crm.prom"]


ONLY_IN_A_CHECKOUT = pytest.mark.skipif(not DOCS.exists(), reason="only in a checkout")
ALL = {**FACTS, "requests": {**FACTS["requests"], "p95": 0.2}}


def dashboard() -> dict[str, Any]:
    """The dashboard that docs/metrics.md has people import."""
    (block,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


@ONLY_IN_A_CHECKOUT
def test_the_panel_and_the_alerts_ask_for_metrics_that_there_are() -> None:
    """Each name in docs/metrics.md is one of a run."""
    written = text(ALL, "crm").decode()
    names = {*re.findall(r"target_userflow_\w+", DOCS.read_text())}
    assert names
    assert {name for name in names if f"\n{name}{{" not in written} == set()


@ONLY_IN_A_CHECKOUT
def test_each_panel_is_one_that_grafana_draws() -> None:
    """With a kind, a place that no other takes, a data source, and a query of labels there are."""
    board = dashboard()
    assert {"title", "schemaVersion", "time", "templating"} <= board.keys()
    variables = {one["name"] for one in board["templating"]["list"]}
    samples = {
        sample.name: {*sample.labels}
        for metric in text_string_to_metric_families(text(ALL, "crm").decode())
        for sample in metric.samples
    }
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
        x, y, width, height = (panel["gridPos"][name] for name in "xywh")
        cells = {(x + right, y + down) for right in range(width) for down in range(height)}
        assert not cells & taken
        assert x + width <= 24
        taken |= cells
        for target in panel["targets"]:
            assert target["refId"]
            labels = samples[re.findall(r"target_userflow_\w+", target["expr"])[0]]
            named = re.findall(r"(\w+)=~?\"", target["expr"])
            named += re.findall(r"\w+", "".join(re.findall(r"by \((.*?)\)", target["expr"])))
            named += re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))
            assert {*named} <= labels
            assert {*re.findall(r"\$([a-z]\w*)", target["expr"])} <= variables
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
