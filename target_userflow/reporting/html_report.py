"""A run's facts as one page: no script, nothing from elsewhere, every value escaped."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from target_userflow.delivery.tally import OUTCOMES
from target_userflow.reporting.chart import chart, duration
from target_userflow.reporting.remedies import KEYS_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TEMPLATE = Path(__file__).with_name("report.html")
_COLUMNS = ("received", *OUTCOMES, "differs", "unsettled", "in_doubt", "deleted", "requests")
_ALWAYS = {"received", "delivered", "rejected", "requests"}
_WARNING = {"rejected", "differs", "unsettled", "in_doubt"}


def page(found: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        found: What `summary.facts` tells.
    """
    sections = (_table, _rejected, _attention, _skipped, _letters, _timeline)
    return Template(_TEMPLATE.read_text()).substitute(
        title="Run of target-userflow",
        when=escape(_when(found)),
        status=_status(found),
        body="\n".join(part for section in sections for part in section(found)),
    )


def _when(found: Mapping[str, Any]) -> str:
    started = datetime.fromisoformat(found["started"])
    took = f"{started:%Y-%m-%d %H:%M:%S} UTC, took {duration(found['seconds'])}, {found['target']}"
    return f"{took}. A dry run: nothing was written" if found["dry_run"] else took


def _status(found: Mapping[str, Any]) -> str:
    status, rejected = found["exit_status"], sum(one["count"] for one in found["rejected"])
    said = found["error"] or (f"{rejected:,} records rejected" if rejected else "")
    kind = "bad" if status else "good"
    return (
        f'<div class="status {kind}"><strong>Exit status {status}</strong>'
        f"{f'<p>{escape(said)}</p>' if said else ''}</div>"
    )


def _table(found: Mapping[str, Any]) -> Iterator[str]:
    streams = found["streams"]
    shown = [one for one in _COLUMNS if one in _ALWAYS or any(row[one] for row in streams)]
    heads = "".join(f"<th>{one.replace('_', ' ')}</th>" for one in shown)
    rows = "".join(
        f'<tr><td>{escape(row["stream"])}</td><td class="text">{escape(row["object"])}</td>'
        f"{_counts(row, shown)}</tr>"
        for row in streams
    )
    sums = {one: sum(row[one] for row in streams) for one in shown}
    yield (
        f'<h2>Streams</h2>\n<div class="wide"><table><thead><tr><th>stream</th>'
        f'<th class="text">object</th>{heads}</tr></thead>\n<tbody>{rows}</tbody>\n'
        f"<tfoot><tr><td>all</td><td></td>{_counts(sums, shown)}</tr></tfoot></table></div>"
    )


def _counts(row: Mapping[str, int], shown: Sequence[str]) -> str:
    return "".join(
        f'<td class="warn">{row[one]:,}</td>'
        if one in _WARNING and row[one]
        else f"<td>{row[one]:,}</td>"
        for one in shown
    )


def _rejected(found: Mapping[str, Any]) -> Iterator[str]:
    by_reason: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in found["rejected"]:
        by_reason[one["reason"]].append(one)
    if by_reason:
        articles = "\n".join(_article(reason, ones) for reason, ones in by_reason.items())
        yield f"<section><h2>Rejected, by reason</h2>\n{articles}</section>"


def _article(reason: str, ones: Sequence[Mapping[str, Any]]) -> str:
    counts = ", ".join(f"{one['count']:,} of {escape(one['stream'])}" for one in ones)
    step = escape(ones[0]["next_step"])
    return (
        f"<article><h3>{escape(reason)}</h3>\n<p>{counts}</p>\n"
        f'<p class="quiet">Next: {step}</p></article>'
    )


def _attention(found: Mapping[str, Any]) -> Iterator[str]:
    lines = [
        *(
            f"{count:,} duplicates of {stream} differ from what was delivered: {KEYS_STEP}"
            for stream, count in found["differs"].items()
        ),
        *(
            f"{count:,} of {stream} in doubt: sent again after an answer was lost"
            for stream, count in found["in_doubt"].items()
        ),
        *(
            f"{count:,} of {stream} unsettled: they come again on the next run"
            for stream, count in found["unsettled"].items()
        ),
        *([f"{found['undeleted']:,} deletions rejected"] if found["undeleted"] else []),
        *(
            f"Waited {one['seconds']:,.0f} s for {one['for']} ({one['product']})"
            for one in found["waited"]
        ),
    ]
    lines += [
        f"{one['count']:,} times in {one['stream']}: {one['remark']}" for one in found["remarks"]
    ]
    if lines:
        yield "<h2>To be looked at</h2>\n" + _lines(lines)


def _skipped(found: Mapping[str, Any]) -> Iterator[str]:
    lines = [f"{one['count']:,} of {one['stream']}: {one['reason']}" for one in found["skipped"]]
    if lines:
        yield "<h2>Skipped</h2>\n" + _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines)


def _letters(found: Mapping[str, Any]) -> Iterator[str]:
    letters = found["dead_letters"]
    if letters:
        yield (
            f"<h2>Dead letters</h2>\n<p>The rejected records are in "
            f"<code>{escape(letters['path'])}</code>. Once their cause is mended, replay them:</p>"
            f"\n<pre>{escape(letters['replay'])}</pre>"
        )


def _timeline(found: Mapping[str, Any]) -> Iterator[str]:
    requests = found["requests"]
    if not requests["requests"]:
        return
    refused = f", {requests['refused']:,} refused" if requests["refused"] else ""
    yield (
        f"<h2>Requests</h2>\n<p>{requests['requests']:,} requests, "
        f"{requests['limited']:,} answered 429, {requests['failed']:,} failed{refused}; latency "
        f"{requests['p50'] * 1000:,.0f} ms (p50), {requests['p95'] * 1000:,.0f} ms (p95)</p>\n"
        f'<div class="wide">{chart(found["timeline"])}</div>'
    )
