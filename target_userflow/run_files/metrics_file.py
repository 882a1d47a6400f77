"""The metrics of all runs of a pipeline, in the text format of Prometheus.

A run is over before anybody could ask it: it leaves a file, which the textfile collector of
node_exporter reads. Counters go on from what the file says of the runs before.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from target_userflow.accounts.account import OUTCOMES
from target_userflow.run_files.run_file import RunFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

_PREFIX = "target_userflow_"
_LABELS = {
    "records": ("stream", "object", "outcome"),
    "requests": ("result",),
    "waits_seconds": ("product", "cause"),
    "runs": ("result",),
}
_TEXTS = {
    "records": "Records that were read, by what became of them.",
    "requests": "Requests that were sent.",
    "waits_seconds": "Seconds in which requests waited, by what for.",
    "runs": "Runs, by whether they exited with 0.",
    "last_run_timestamp_seconds": "When the last run ended.",
    "last_success_timestamp_seconds": "When the last run that exited with 0 ended.",
    "last_run_exit_status": "The exit status of the last run.",
    "last_run_duration_seconds": "How long the last run took.",
    "last_run_latency_seconds": "The latency of the last run's requests.",
}
_LAST_SUCCESS = "last_success_timestamp_seconds"

Sample = tuple[str, tuple[str, ...]]
"""The name of a metric without prefix, and the values of its labels."""


class MetricsFile(RunFile):
    """The file that `metrics_path` names; its name without the ending is the pipeline's."""

    title = "Metrics"
    setting = "metrics_path"
    mode = 0o644  # its collector is another user; there are no ids and no values in it

    def content(self, facts: Mapping[str, Any]) -> bytes:
        """Return the metrics of the file and of a run."""
        return text(facts, self.path.stem, self._before())

    def _before(self) -> str:
        """Return what the file holds; nothing if it is not there or no text."""
        try:
            return self.path.read_text()
        except (OSError, ValueError):
            return ""


def text(facts: Mapping[str, Any], pipeline: str, before: str = "") -> bytes:
    """Return the metrics after a run.

    Args:
        facts: What `summary.facts` returns.
        pipeline: The value of the label `pipeline` of each metric.
        before: The metrics before the run; what can't be read counts as none.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(facts, pipeline, before))
    return generate_latest(registry)


class _Metrics:
    """Collects the metrics of a run, and of those before it."""

    def __init__(self, facts: Mapping[str, Any], pipeline: str, before: str) -> None:
        self._pipeline = pipeline
        counts, gauges = _read(before)
        self._counts = counts
        self._counts.update(dict(_counts(facts)))  # a 0 as well: `increase` needs a beginning
        self._gauges = {
            **{key: value for key, value in gauges.items() if key[0] == _LAST_SUCCESS},
            **dict(_gauges(facts)),
        }

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its samples."""
        for name, labels in _LABELS.items():
            counter = CounterMetricFamily(
                f"{_PREFIX}{name}", _TEXTS[name], labels=["pipeline", *labels]
            )
            for (key, values), count in sorted(self._counts.items()):
                if key == name:
                    counter.add_metric([self._pipeline, *values], count)
            yield counter
        yield from (self._gauge(name) for name in _TEXTS if name not in _LABELS)

    def _gauge(self, name: str) -> GaugeMetricFamily:
        labels = ["pipeline", "quantile"] if name == "last_run_latency_seconds" else ["pipeline"]
        gauge = GaugeMetricFamily(f"{_PREFIX}{name}", _TEXTS[name], labels=labels)
        for (key, values), value in self._gauges.items():
            if key == name:
                gauge.add_metric([self._pipeline, *values], value)
        return gauge


def _counts(facts: Mapping[str, Any]) -> Iterator[tuple[Sample, float]]:
    for row in facts["streams"]:
        for outcome in (*OUTCOMES, "unsettled"):
            yield ("records", (row["stream"], row["object"], outcome)), row[outcome]
    requests = dict(facts["requests"])
    others = {name: requests[name] for name in ("limited", "failed", "refused")}
    yield ("requests", ("answered",)), requests["requests"] - sum(others.values())
    for name, count in others.items():
        yield ("requests", (name,)), count
    for wait in facts["waited"]:
        yield ("waits_seconds", (wait["product"], wait["for"])), wait["seconds"]
    yield ("runs", ("failed" if facts["exit_status"] else "ok",)), 1


def _gauges(facts: Mapping[str, Any]) -> Iterator[tuple[Sample, float]]:
    end = datetime.fromisoformat(facts["started"]).timestamp() + facts["seconds"]
    yield ("last_run_timestamp_seconds", ()), end
    yield ("last_run_exit_status", ()), facts["exit_status"]
    yield ("last_run_duration_seconds", ()), facts["seconds"]
    if not facts["exit_status"]:
        yield (_LAST_SUCCESS, ()), end
    for quantile, name in (("0.5", "p50"), ("0.95", "p95")):
        if facts["requests"][name] is not None:
            yield ("last_run_latency_seconds", (quantile,)), facts["requests"][name]


def _read(before: str) -> tuple[Counter[Sample], dict[Sample, float]]:
    """Return the counters and the gauges of the runs before; a text of others has none."""
    counts: Counter[Sample] = Counter()
    gauges: dict[Sample, float] = {}
    try:
        for metric in text_string_to_metric_families(before):
            name = metric.name.removeprefix(_PREFIX)
            for sample in metric.samples:
                labels = tuple(sample.labels.get(label, "") for label in _LABELS.get(name, ()))
                (counts if name in _LABELS else gauges)[name, labels] = sample.value  # type: ignore[assignment] # seconds have fractions
    except ValueError:  # half a file, or another one: counters begin anew, as Prometheus expects
        counts.clear()
        gauges.clear()
    return counts, gauges
