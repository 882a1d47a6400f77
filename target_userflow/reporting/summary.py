"""The summary of a run: as facts, which the report holds, and as text, which the log has."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.settings import USER_AGENT
from target_userflow.escaping import escaped, printable
from target_userflow.plan.advice import change_advice
from target_userflow.reporting.remedies import KEYS_STEP, next_step
from target_userflow.transport.request_stats import Span, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.services.run import Run

VERSION = 1
"""The version of the facts: it grows when a field goes or changes its meaning, else not."""
COMMAND = " " * 8
"""What a line of the text begins with that is a command to be copied."""
_MOST_REASONS = 20  # in the text; the report has all
_TROUBLES = (
    "always_changed",
    "error",
    "rejected",
    "differs",
    "in_doubt",
    "unsettled",
    "undeleted",
    "remarks",
)


def facts(
    run: Run, status: int, error: str | None, command: str = "target-userflow"
) -> dict[str, Any]:
    """Return the facts of a run, which JSON can hold; times are in seconds.

    Args:
        run: The run, at its end.
        status: The exit status.
        error: The line that says why the run failed; None if it did not.
        command: The command of the run, as `replay.command` returns it.
    """
    spans = run.request_stats.spans()
    return {
        "version": VERSION,
        "target": USER_AGENT,
        "run": run.id,
        "destinations": _destinations(run),
        "dry_run": run.settings.dry_run,
        "verified": run.verification and run.verification.verdicts.facts(),
        "plan": run.plan_facts,
        "started": run.started.isoformat(timespec="seconds"),
        "seconds": round(run.request_stats.seconds, 3),
        "exit_status": status,
        "max_rejects": run.settings.max_rejects,
        "error": error and escaped(error),
        "shard": run.settings.shard,
        "would_send": run.dry_run.facts() if run.dry_run and not run.verification else None,
        "streams": _streams(run),
        **_troubles(run),
        "waited": _waits(run),
        "waits": _wait_spans(run),
        "dead_letters": _dead_letters(run, command),
        "repeated": run.dead_letters.repeated,
        "requests": _measured(total(spans)),
        "timeline": [{"at": span.at, **_measured(span)} for span in spans],
    }


def text(facts: dict[str, Any]) -> str:
    """Return what needs attention, as lines; empty if nothing does.

    Args:
        facts: What `facts` returns.
    """
    return "\n".join(line for section in _SECTIONS for line in section(facts))


def needs_attention(facts: dict[str, Any]) -> bool:
    """Return whether the facts hold more than what was to be expected."""
    return any(facts[key] for key in _TROUBLES)


def _streams(run: Run) -> list[dict[str, Any]]:
    return [
        {"stream": printable(stream), "object": account.object, **account.row()}
        for stream, account in run.tally.accounts.items()
    ]


def _troubles(run: Run) -> dict[str, Any]:
    tally = run.tally
    return {
        "rejected": [
            {**_reason(*key), "count": count, "next_step": next_step(key[1])}
            for key, count in tally.reasons.rejected.most_common()
        ],
        "differs": _counts(run, "differs"),
        "in_doubt": _counts(run, "in_doubt"),
        "unsettled": _counts(run, "unsettled"),
        "undeleted": tally.undeleted,
        "skipped": [
            {**_reason(*key), "count": count} for key, count in tally.reasons.skipped.most_common()
        ],
        "remarks": _remarks(run),
        "always_changed": [*_always_changed(run)],
    }


def _counts(run: Run, name: str) -> dict[str, int]:
    """Return stream → a count of its account, where that is not 0."""
    counts = {stream: getattr(account, name) for stream, account in run.tally.accounts.items()}
    return {printable(stream): count for stream, count in counts.items() if count}


def _remarks(run: Run) -> list[dict[str, Any]]:
    return [
        {"stream": printable(stream), "remark": printable(remark), "count": count}
        for (stream, remark), count in run.tally.reasons.remarks.most_common()
    ]


def _always_changed(run: Run) -> Iterator[dict[str, Any]]:
    for stream in run.tally.accounts:
        changed = run.dedups.always_changed(stream)
        if changed:
            advice = escaped(change_advice(stream, changed))
            columns = [*map(escaped, changed.columns)]
            yield {"stream": printable(stream), "columns": columns, "advice": advice}


def _waits(run: Run) -> list[dict[str, Any]]:
    return [
        {"product": product, "for": cause, "seconds": round(seconds, 1)}
        for product, cause, seconds in run.products.waits()
    ]


def _wait_spans(run: Run) -> list[dict[str, Any]]:
    return [
        {"product": product, "for": cause, "at": round(start, 3), "seconds": round(end - start, 3)}
        for product, cause, start, end in run.products.wait_spans(run.request_stats.started)
    ]


def _reason(stream: str, reason: str) -> dict[str, str]:
    return {"stream": printable(stream), "reason": printable(reason)}


def _destinations(run: Run) -> list[dict[str, str]]:
    """Return the products that streams of the run are routed to, and the URL of each."""
    types = [OBJECT_TYPES.get(account.object) for account in run.tally.accounts.values()]
    products = {kind.product.name: kind.product.prefix for kind in types if kind}
    return [
        {"product": name, "url": run.settings.destinations[prefix].url}
        for name, prefix in products.items()
        if prefix in run.settings.destinations
    ]


def _dead_letters(run: Run, command: str) -> dict[str, str] | None:
    if run.dry_run or run.tally.rejected <= run.dead_letters.repeated:
        return None  # after a dry run there is nothing to replay
    if run.dead_letters.is_missing:
        return None
    path = str(run.dead_letters.path)
    replay = f"{command} dead-letters replay {shlex.quote(run.dead_letters.path.stem)}"
    return {"path": path, "replay": replay}


def _measured(span: Span) -> dict[str, Any]:
    return {
        "seconds": round(span.seconds, 3),
        "requests": span.requests,
        "limited": span.limited,
        "failed": span.failed,
        "refused": span.refused,
        "p50": _rounded(span.latency(0.5)),
        "p95": _rounded(span.latency(0.95)),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{seconds:.3g}")


def _rejected(facts: dict[str, Any]) -> Iterator[str]:
    if facts["dry_run"]:  # which lists them by stream
        return
    for reason in facts["rejected"][:_MOST_REASONS]:
        yield f"{reason['count']:,} rejected of {reason['stream']}: {reason['reason']}"
        yield f"    next: {reason['next_step']}"
    yield from _other_reasons(facts["rejected"])


def _differing(facts: dict[str, Any]) -> Iterator[str]:
    for stream, count in facts["differs"].items():
        yield f"{count:,} duplicates of {stream} differ from what was delivered under their keys"
        yield f"    next: {KEYS_STEP}"


def _in_doubt(facts: dict[str, Any]) -> Iterator[str]:
    for stream, count in facts["in_doubt"].items():
        yield f"{count:,} in doubt of {stream}: sent again after an answer was lost"
        yield "    next: look for doubles in what they write, as an API may have taken both"


def _unsettled(facts: dict[str, Any]) -> Iterator[str]:
    for stream, count in facts["unsettled"].items():
        yield f"{count:,} unsettled of {stream}: they come again on the next run"
    if facts["undeleted"]:
        yield f"{facts['undeleted']:,} deletions rejected: the next version tries them again"


def _skipped(facts: dict[str, Any]) -> Iterator[str]:
    for reason in facts["skipped"][:_MOST_REASONS]:
        yield f"{reason['count']:,} skipped of {reason['stream']}: {reason['reason']}"
    yield from _other_reasons(facts["skipped"])


def _remarked(facts: dict[str, Any]) -> Iterator[str]:
    for remark in facts["remarks"]:
        yield f"{remark['count']:,} times in {remark['stream']}: {remark['remark']}"


def _changed(facts: dict[str, Any]) -> Iterator[str]:
    if not facts["dry_run"]:  # whose plan says it
        for changed in facts["always_changed"]:
            yield f"{changed['stream']}: {changed['advice']}"


def _waited(facts: dict[str, Any]) -> Iterator[str]:
    for wait in facts["waited"]:
        yield f"{wait['product']}: waited {wait['seconds']:,.0f} s for {wait['for']}"


def _letters(facts: dict[str, Any]) -> Iterator[str]:
    if facts["repeated"]:
        yield (
            f"{facts['repeated']:,} of the rejected are in the dead letters of earlier runs: they "
            "are not written again, and max_rejects does not count them"
        )
    if facts["dead_letters"]:
        yield f"The rejected records are in {facts['dead_letters']['path']}"
        yield "Once their cause is mended, replay them with:"
        yield f"{COMMAND}{facts['dead_letters']['replay']}"


def _other_reasons(reasons: list[dict[str, Any]]) -> Iterator[str]:
    others = reasons[_MOST_REASONS:]
    if others:
        yield f"… and {sum(reason['count'] for reason in others):,} more for other reasons"


_SECTIONS = (
    _rejected,
    _differing,
    _in_doubt,
    _unsettled,
    _skipped,
    _remarked,
    _changed,
    _waited,
    _letters,
)
"""The sections of the text, in their order."""
