"""What there is to say at the end of a run: as facts, which a report holds, and as text."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from target_userflow.config.settings import USER_AGENT
from target_userflow.delivery.tally import printable
from target_userflow.escaping import escaped
from target_userflow.reporting.remedies import KEYS_STEP, next_step
from target_userflow.transport.request_stats import Span, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.services import Run

VERSION = 1
"""Of the facts: grows when a field goes or changes its meaning, not when one is added."""
_MOST = 20  # reasons told in the text; the report has all
_WRONG = ("error", "rejected", "differs", "in_doubt", "unsettled", "undeleted", "remarks")


def facts(run: Run, status: int, error: str | None) -> dict[str, Any]:
    """All of a run, as JSON can hold it; times in seconds.

    Args:
        run: The run, at its end.
        status: The exit status.
        error: The line that says why it failed, if it did.
    """
    spans = run.request_stats.spans()
    return {
        "version": VERSION,
        "target": USER_AGENT,
        "dry_run": run.settings.dry_run,
        "started": run.started.isoformat(timespec="seconds"),
        "seconds": round(run.request_stats.seconds, 3),
        "exit_status": status,
        "error": error and escaped(error),
        "streams": _streams(run),
        **_troubles(run),
        "waited": [
            {"product": product, "for": what, "seconds": round(seconds, 1)}
            for product, what, seconds in run.waits()
        ],
        "dead_letters": _letters(run),
        "repeated": run.dead_letters.repeated,
        "requests": _measured(total(spans)),
        "timeline": [{"at": span.at, **_measured(span)} for span in spans],
    }


def text(found: dict[str, Any]) -> str:
    """What needs attention, a paragraph for each kind of it; empty if nothing does."""
    return "\n".join(_paragraphs(found))


def is_wrong(found: dict[str, Any]) -> bool:
    """Whether there is more to tell than what was to be expected."""
    return any(found[key] for key in _WRONG)


def _streams(run: Run) -> list[dict[str, Any]]:
    return [
        {"stream": printable(stream), "object": account.object, **account.row()}
        for stream, account in run.tally.accounts.items()
    ]


def _troubles(run: Run) -> dict[str, Any]:
    tally = run.tally
    accounts = tally.accounts.items()
    return {
        "rejected": [
            {**_reason(*key), "count": count, "next_step": next_step(key[1])}
            for key, count in tally.reasons.most_common()
        ],
        "differs": {printable(name): one.differs for name, one in accounts if one.differs},
        "in_doubt": {printable(name): one.in_doubt for name, one in accounts if one.in_doubt},
        "unsettled": {printable(name): one.unsettled for name, one in accounts if one.unsettled},
        "undeleted": tally.undeleted,
        "skipped": [{**_reason(*key), "count": count} for key, count in tally.skips.most_common()],
        "remarks": [
            {"stream": printable(stream), "remark": printable(remark), "count": count}
            for (stream, remark), count in tally.remarks.most_common()
        ],
    }


def _reason(stream: str, reason: str) -> dict[str, str]:
    return {"stream": printable(stream), "reason": printable(reason)}


def _letters(run: Run) -> dict[str, str] | None:
    if run.dry_run or run.tally.rejected <= run.dead_letters.repeated:
        return None  # after a dry run there is nothing to replay
    if run.dead_letters.is_missing:
        return None
    path = str(run.dead_letters.path)
    replay = f"target-userflow --config <the same> < {shlex.quote(path)}"
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


def _paragraphs(found: dict[str, Any]) -> Iterator[str]:
    if not found["dry_run"]:  # which says it stream by stream
        yield from _rejected(found["rejected"])
    yield from _differing(found["differs"])
    for stream, count in found["in_doubt"].items():
        yield f"{count:,} in doubt of {stream}: sent again after an answer was lost"
        yield "    next: look for doubles in what they write, as an API may have taken both"
    for stream, count in found["unsettled"].items():
        yield f"{count:,} unsettled of {stream}: they come again on the next run"
    if found["undeleted"]:
        yield f"{found['undeleted']:,} deletions rejected: the next version tries them again"
    for one in found["skipped"][:_MOST]:
        yield f"{one['count']:,} skipped of {one['stream']}: {one['reason']}"
    yield from _and_more(found["skipped"])
    for one in found["remarks"]:
        yield f"{one['count']:,} times in {one['stream']}: {one['remark']}"
    for one in found["waited"]:
        yield f"{one['product']}: waited {one['seconds']:,.0f} s for {one['for']}"
    if found["repeated"]:
        yield (
            f"{found['repeated']:,} of the rejected are in the dead letters of earlier runs: they "
            "are not written again, and max_rejects does not count them"
        )
    if found["dead_letters"]:
        yield f"The rejected records are in {found['dead_letters']['path']}"
        yield "Once their cause is mended, replay them with:"
        yield f"    {found['dead_letters']['replay']}"


def _rejected(rejected: list[dict[str, Any]]) -> Iterator[str]:
    for one in rejected[:_MOST]:
        yield f"{one['count']:,} rejected of {one['stream']}: {one['reason']}"
        yield f"    next: {one['next_step']}"
    yield from _and_more(rejected)


def _differing(counts: dict[str, int]) -> Iterator[str]:
    for stream, count in counts.items():
        yield f"{count:,} duplicates of {stream} differ from what was delivered under their keys"
        yield f"    next: {KEYS_STEP}"


def _and_more(ones: list[dict[str, Any]]) -> Iterator[str]:
    if ones[_MOST:]:
        yield f"… and {sum(one['count'] for one in ones[_MOST:]):,} more for other reasons"
