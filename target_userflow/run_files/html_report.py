"""The report as an HTML page: no script, no request to elsewhere, every value escaped."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from target_userflow.plan.page import plan_page
from target_userflow.reporting.remedies import KEYS_STEP
from target_userflow.reporting.stream_table import ALWAYS, COLUMNS
from target_userflow.reporting.verdict import arrived, duration, verdict
from target_userflow.run_files.chart import chart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TEMPLATE = Path(__file__).with_name("report.html")
_COLUMNS = (*COLUMNS, "requests")
_ALWAYS = {*ALWAYS, "requests"}
_RUN = "Run of target-userflow"
_DRY_RUN = "Dry run of target-userflow: what would be sent"
_WARNING = {"rejected", "differs", "unsettled", "in_doubt"}


def page(facts: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        facts: What `summary.facts` returns.
    """
    sections = (
        _would_send,
        _table,
        _verified,
        _rejected,
        _attention,
        _skipped,
        _letters,
        _plan,
        _timeline,
    )
    return Template(_TEMPLATE.read_text()).substitute(
        title=_DRY_RUN if facts["dry_run"] else _RUN,
        status=_status(facts),
        about="\n".join(_about(facts)),
        body="\n".join(part for section in sections for part in section(facts)),
    )


def _status(facts: Mapping[str, Any]) -> str:
    status = facts["exit_status"]
    return (
        f'<div class="status {"bad" if status else "good"}"><strong>{escape(verdict(facts))}'
        f"</strong><p>Exit status {status}</p></div>"
    )


def _about(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what somebody asks first of a run: where to, how much, when, and which one."""
    started = datetime.fromisoformat(facts["started"])
    took = f"{started:%Y-%m-%d %H:%M:%S} UTC, took {duration(facts['seconds'])}"
    destinations = [f"{one['product']}, {one['url']}" for one in facts["destinations"]]
    parts = {
        "Destination": "; ".join(destinations) or "none: no stream came",
        "Records": "" if facts["verified"] else arrived(facts),
        "Part": f"{facts['shard']} of the keys" if facts["shard"] else "",
        "Started": took,
        "Run": facts["run"],
        "Version": facts["target"],
    }
    for name, value in parts.items():
        if value:
            yield f"<dt>{name}</dt><dd>{escape(value)}</dd>"


def _would_send(facts: Mapping[str, Any]) -> Iterator[str]:
    plan = facts["would_send"]
    if not plan:
        return
    rows = "".join(
        f'<tr><td>{escape(one["stream"])}</td><td class="text">{escape(request["method"])} '
        f"{escape(request['path'])}</td><td>{request['count']:,}</td></tr>"
        for one in plan["streams"]
        for request in one["requests"]
    )
    paces = [f"{one['product']}: {one['pace']}" for one in plan["products"]]
    yield (
        "<h2>What would be sent</h2>\n<p>Nothing was written to an API, the ledger or STATE. What "
        "is said to be delivered or deleted would be, unless an API rejects it.</p>\n"
        + _box(
            "What would be sent",
            '<table><thead><tr><th>stream</th><th class="text">request</th><th>count</th></tr>'
            f"</thead>\n<tbody>{rows}</tbody></table>",
        )
        + _lines(paces)
    )


def _plan(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["plan"]:
        yield f"<h2>The plan, column by column</h2>\n{plan_page(facts['plan'])}"


def _box(label: str, content: str) -> str:
    """Return a box that scrolls sideways, by touch and by key, if its content is too wide."""
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}">{content}</div>'


def _table(facts: Mapping[str, Any]) -> Iterator[str]:
    streams = facts["streams"]
    columns = _columns(streams)
    heads = "".join(f"<th>{column.replace('_', ' ')}</th>" for column in columns)
    rows = "".join(_row(row, columns) for row in streams)
    sums = {column: sum(row[column] for row in streams) for column in columns}
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


def _verified(facts: Mapping[str, Any]) -> Iterator[str]:
    verified = facts.get("verified")
    if not verified:
        return
    verdicts = "same", "different", "missing"
    rows = "".join(
        f"<tr><td>{escape(row['stream'])}</td>"
        f"{''.join(f'<td>{row[name]:,}</td>' for name in verdicts)}"
        f'<td class="text">{escape(_by_attribute(row["by_attribute"]))}</td></tr>'
        for row in verified["streams"]
    )
    extra = "".join(
        f"<p>{count:,} {escape(kind)} exist in Userflow and not in the input</p>"
        for kind, count in verified["extra"].items()
    )
    heads = "".join(f"<th>{name}</th>" for name in verdicts)
    yield (
        f'<h2>Compared with Userflow</h2>\n<div class="wide"><table><thead><tr><th>stream</th>'
        f'{heads}<th class="text">different in</th></tr></thead>\n<tbody>{rows}</tbody></table>'
        f"</div>{extra}"
    )


def _by_attribute(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _rejected(facts: Mapping[str, Any]) -> Iterator[str]:
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


def _attention(facts: Mapping[str, Any]) -> Iterator[str]:
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


def _skipped(facts: Mapping[str, Any]) -> Iterator[str]:
    skipped = facts["skipped"]
    lines = [f"{skip['count']:,} of {skip['stream']}: {skip['reason']}" for skip in skipped]
    if lines:
        yield "<h2>Skipped</h2>\n" + _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines)


def _letters(facts: Mapping[str, Any]) -> Iterator[str]:
    letters = facts["dead_letters"]
    if letters:
        yield (
            f"<h2>Dead letters</h2>\n<p>The rejected records are in "
            f"<code>{escape(letters['path'])}</code>. Once their cause is mended, replay them:</p>"
            f"\n<pre>{escape(letters['replay'])}</pre>"
        )


def _timeline(facts: Mapping[str, Any]) -> Iterator[str]:
    requests = facts["requests"]
    if not requests["requests"]:
        return
    refused = f", {requests['refused']:,} refused" if requests["refused"] else ""
    yield (
        f"<h2>Requests</h2>\n<p>{requests['requests']:,} "
        f"{'request' if requests['requests'] == 1 else 'requests'}, "
        f"{requests['limited']:,} answered 429, {requests['failed']:,} failed{refused}; latency "
        f"{requests['p50'] * 1000:,.0f} ms (p50), {requests['p95'] * 1000:,.0f} ms (p95)</p>\n"
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
