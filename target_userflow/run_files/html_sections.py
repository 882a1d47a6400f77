"""The sections of the report's page; each yields HTML, or nothing if there is nothing to say."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING, Any

from target_userflow.plan.page import plan_page
from target_userflow.reporting.remedies import KEYS_STEP
from target_userflow.reporting.stream_table import ALWAYS, COLUMNS
from target_userflow.run_files.chart import chart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_COLUMNS = (*COLUMNS, "requests")
_ALWAYS = {*ALWAYS, "requests"}
_VERDICTS = ("same", "different", "missing")
_WARNING = {"rejected", "differs", "unsettled", "in_doubt", "different", "missing"}
"""Counts that are worth a look where they are not 0."""


def would_send(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a dry run would send, and how long that takes."""
    sent = facts["would_send"]
    rows = "".join(
        f'<tr><td>{escape(one["stream"])}</td><td class="text">{escape(request["method"])} '
        f"{escape(request['path'])}</td><td>{request['count']:,}</td></tr>"
        for one in sent["streams"]
        for request in one["requests"]
    )
    paces = [f"{one['product']}: {one['pace']}" for one in sent["products"]]
    yield (
        "<h2>What would be sent</h2>\n<p>Nothing was written to an API, the ledger or STATE. What "
        "is called delivered or deleted would be, unless an API rejects it.</p>\n"
        + _box(
            "What would be sent",
            '<table><thead><tr><th>stream</th><th class="text">request</th><th>count</th></tr>'
            f"</thead>\n<tbody>{rows}</tbody></table>",
        )
        + _lines(paces)
    )


def plan(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the plan, column by column."""
    if facts["plan"]:
        yield f"<h2>The plan, column by column</h2>\n{plan_page(facts['plan'])}"


def _box(label: str, content: str) -> str:
    """Return a box that scrolls sideways, by touch and by key, if its content is too wide."""
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}">{content}</div>'


def streams(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of what became of the records of each stream."""
    counts = facts["streams"]
    columns = _columns(counts)
    heads = "".join(f"<th>{column.replace('_', ' ')}</th>" for column in columns)
    rows = "".join(_row(row, columns) for row in counts)
    sums = {column: sum(row[column] for row in counts) for column in columns}
    yield (
        "<h2>Streams</h2>\n"
        + _box(
            "Streams",
            f'<table><thead><tr><th>stream</th><th class="text">object</th>{heads}</tr></thead>\n'
            f"<tbody>{rows}</tbody>\n<tfoot><tr><td>all</td><td></td>{_cells(sums, columns)}</tr>"
            "</tfoot></table>",
        )
    )


def _columns(streams: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that are always shown, and those that are not 0 everywhere."""
    return [name for name in _COLUMNS if name in _ALWAYS or any(row[name] for row in streams)]


def _row(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    return (
        f'<tr><td>{escape(row["stream"])}</td><td class="text">{escape(row["object"])}</td>'
        f"{_cells(row, columns)}</tr>"
    )


def _cells(row: Mapping[str, int], columns: Sequence[str]) -> str:
    return "".join(_cell(column, row[column]) for column in columns)


def _cell(column: str, count: int) -> str:
    is_warning = column in _WARNING and count
    return f'<td class="warn">{count:,}</td>' if is_warning else f"<td>{count:,}</td>"


def verified(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a comparison with Userflow found."""
    found = facts["verified"]
    heads = "".join(f"<th>{name}</th>" for name in _VERDICTS)
    rows = "".join(map(_verdicts, found["streams"]))
    table = (
        f'<table><thead><tr><th>stream</th>{heads}<th class="text">different in</th></tr></thead>'
        f"\n<tbody>{rows}</tbody></table>"
    )
    extra = [
        f"{count:,} {kind} exist in Userflow and not in the input"
        for kind, count in found["extra"].items()
    ]
    yield f"<h2>Compared with Userflow</h2>\n{_box('Compared with Userflow', table)}{_lines(extra)}"


def _verdicts(row: Mapping[str, Any]) -> str:
    counts = "".join(_cell(name, row[name]) for name in _VERDICTS)
    return (
        f"<tr><td>{escape(row['stream'])}</td>{counts}"
        f'<td class="text">{escape(_by_attribute(row["by_attribute"]))}</td></tr>'
    )


def _by_attribute(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def rejected(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was rejected, by reason."""
    by_reason: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for rejection in facts["rejected"]:
        by_reason[rejection["reason"]].append(rejection)
    if by_reason:
        articles = "\n".join(_article(*rejections) for rejections in by_reason.items())
        yield f"<section><h2>Rejected, by reason</h2>\n{articles}</section>"


def _article(reason: str, rejections: Sequence[Mapping[str, Any]]) -> str:
    counts = ", ".join(
        f"{rejection['count']:,} of {escape(rejection['stream'])}" for rejection in rejections
    )
    step = escape(rejections[0]["next_step"])
    return (
        f"<article><h3>{escape(reason)}</h3>\n<p>{counts}</p>\n"
        f'<p class="quiet">Next: {step}</p></article>'
    )


def attention(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what else somebody should look at."""
    lines = [*_doubtful(facts), *_waited(facts)]
    if lines:
        yield "<h2>Needs attention</h2>\n" + _lines(lines)


def _doubtful(facts: Mapping[str, Any]) -> Iterator[str]:
    for stream, count in facts["differs"].items():
        yield f"{count:,} duplicates of {stream} differ from what was delivered: {KEYS_STEP}"
    for stream, count in facts["in_doubt"].items():
        yield f"{count:,} of {stream} in doubt: sent again after an answer was lost"
    for stream, count in facts["unsettled"].items():
        yield f"{count:,} of {stream} unsettled: they come again on the next run"
    if facts["undeleted"]:
        yield f"{facts['undeleted']:,} deletions rejected"


def _waited(facts: Mapping[str, Any]) -> Iterator[str]:
    for wait in facts["waited"]:
        yield f"Waited {wait['seconds']:,.0f} s for {wait['for']} ({wait['product']})"
    for remark in facts["remarks"]:
        yield f"{remark['count']:,} times in {remark['stream']}: {remark['remark']}"


def skipped(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was skipped, by stream and reason."""
    skipped = facts["skipped"]
    lines = [f"{skip['count']:,} of {skip['stream']}: {skip['reason']}" for skip in skipped]
    if lines:
        yield "<h2>Skipped</h2>\n" + _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines)


def letters(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the dead letters are, and how to replay them."""
    letters = facts["dead_letters"]
    if letters:
        yield (
            f"<h2>Dead letters</h2>\n<p>The rejected records are in "
            f"<code>{escape(letters['path'])}</code>. Once their cause is mended, replay them:</p>"
            f"\n<pre>{escape(letters['replay'])}</pre>"
        )


def requests(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the requests over the time of the run."""
    stats = facts["requests"]
    if not stats["requests"]:
        return
    refused = f", {stats['refused']:,} refused" if stats["refused"] else ""
    yield (
        f"<h2>Requests</h2>\n<p>{stats['requests']:,} "
        f"{'request' if stats['requests'] == 1 else 'requests'}, "
        f"{stats['limited']:,} answered 429, {stats['failed']:,} failed{refused}; latency "
        f"{stats['p50'] * 1000:,.0f} ms (p50), {stats['p95'] * 1000:,.0f} ms (p95)</p>\n"
        + _box("Requests over time", chart(facts["timeline"], facts["waits"]))
        + _legend(facts["waits"])
    )


def _legend(waits: Sequence[Mapping[str, Any]]) -> str:
    causes = sorted({f"{wait['for']} ({wait['product']})" for wait in waits})
    if not causes:
        return ""
    return (
        '<p class="quiet"><span class="wait"></span> Requests waited for '
        f"{escape(', '.join(causes))}</p>"
    )
