"""The report as an HTML page: no script, no request to elsewhere, every value escaped."""

from __future__ import annotations

from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from target_userflow.reporting.verdict import arrived, duration, kind, verdict
from target_userflow.run_files import html_sections as sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TEMPLATE = Path(__file__).with_name("report.html")
_TITLES = {
    "run": "Run of target-userflow",
    "dry run": "Dry run of target-userflow: what would be sent",
    "plan": "Plan of target-userflow: what would become of each column",
    "comparison": "Comparison by target-userflow: what Userflow has of the input",
}
_SECTIONS = {
    "run": (
        sections.streams,
        sections.rejected,
        sections.attention,
        sections.skipped,
        sections.letters,
        sections.requests,
    ),
    "dry run": (
        sections.would_send,
        sections.streams,
        sections.rejected,
        sections.attention,
        sections.skipped,
        sections.plan,
        sections.requests,
    ),
    "plan": (sections.plan, sections.requests),
    "comparison": (
        sections.verified,
        sections.rejected,
        sections.skipped,
        sections.requests,
    ),
}
"""By what a run was, what its page holds."""


def page(facts: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        facts: What `summary.facts` returns.
    """
    is_a = kind(facts)
    return Template(_TEMPLATE.read_text()).substitute(
        title=_TITLES[is_a],
        status=_status(facts),
        about="\n".join(_about(facts)),
        body="\n".join(part for section in _SECTIONS[is_a] for part in section(facts)),
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
        "Records": arrived(facts) if kind(facts) in {"run", "dry run"} else "",
        "Part": f"{facts['shard']} of the keys" if facts["shard"] else "",
        "Started": took,
        "Run": facts["run"],
        "Version": facts["target"],
    }
    for name, value in parts.items():
        if value:
            yield f"<dt>{name}</dt><dd>{escape(value)}</dd>"
