"""Draws the timeline of a run: an SVG without a script, in the colours of its page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from target_userflow.reporting.verdict import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WIDTH, _LEFT, _RIGHT = 880, 56, 12
_HEIGHT, _GAP, _TOP, _BOTTOM = 110, 44, 26, 26
_LANE_GAP, _LANE = 12, 9  # of the lane that shows waits
_INNER = _WIDTH - _LEFT - _RIGHT
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_TICKS = 8  # at most
_LIMITED = "429 per second"
_LATENCY = (
    'Latency in ms <tspan class="p50">\N{BLACK SQUARE} p50</tspan> '
    '<tspan class="p95">\N{BLACK SQUARE} p95</tspan>'
)


Span = dict[str, Any]
"""A span of the timeline, as `summary.facts` returns it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the graphs that share the time axis."""

    title: str
    top: float
    """The largest value on the y axis."""
    y: float
    """The place of its upper edge in the picture."""

    def at(self, value: float) -> float:
        """Return the place of a value in the picture."""
        return self.y + _HEIGHT - value / self.top * _HEIGHT


def chart(timeline: Sequence[Span], waits: Sequence[Span] = ()) -> str:
    """Draw requests per second, latency and, if there were any, 429s over the time of a run.

    Args:
        timeline: The spans of the run, at least one.
        waits: The spans in which requests waited; a lane below shows them.

    Returns:
        An SVG element.
    """
    end = timeline[-1]["at"] + timeline[-1]["seconds"] or 1.0
    panels = _panels(timeline)
    bottom = panels[-1].y + _HEIGHT
    axis = bottom + _LANE_GAP + _LANE if waits else bottom
    parts = [
        *_graphs(panels, timeline, end),
        *_waits(waits, end, bottom),
        *_axis(end, axis),
        *_tooltips(timeline, end, bottom),
    ]
    label = "Over the time of the run: " + ", ".join(re.sub("<.*?>", "", p.title) for p in panels)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {axis + _BOTTOM}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _panels(timeline: Sequence[Span]) -> list[Panel]:
    tops = {
        "Requests per second": max(_rates(timeline, "requests")),
        _LATENCY: max((span["p95"] or 0.0) * 1000 for span in timeline),
        _LIMITED: max(_rates(timeline, "limited")),
    }
    return [
        Panel(title, _round_up(top), _TOP + place * (_HEIGHT + _GAP))
        for place, (title, top) in enumerate(tops.items())
        if top or title != _LIMITED
    ]


def _graphs(panels: Sequence[Panel], timeline: Sequence[Span], end: float) -> Iterator[str]:
    for panel in panels:
        yield from _frame(panel)
    requests, latency, *limited = panels
    yield _area("rate", requests, timeline, _rates(timeline, "requests"), end)
    yield _line("p95", latency, timeline, "p95", end)
    yield _line("p50", latency, timeline, "p50", end)
    for panel in limited:
        yield _area("limited", panel, timeline, _rates(timeline, "limited"), end)


def _waits(waits: Sequence[Span], end: float, bottom: float) -> Iterator[str]:
    """Draw the times in which requests waited, in a lane below the graphs."""
    if waits:
        y = bottom + _LANE_GAP + _LANE - 1
        yield f'<text class="tick" x="{_LEFT - 8}" y="{y}">waits</text>'
    for wait in waits:
        x, width = _x(wait["at"], end), max(1.0, wait["seconds"] / end * _INNER)
        text = f"{duration(wait['seconds'])} of waiting for {wait['for']} ({wait['product']})"
        yield (
            f'<rect class="wait" x="{x:.1f}" y="{bottom + _LANE_GAP}" width="{width:.1f}" '
            f'height="{_LANE}"><title>{escape(text)}</title></rect>'
        )


def _rates(timeline: Sequence[Span], count: str) -> list[float]:
    """Return a count per second for each span."""
    return [_rate(span, count) for span in timeline]


def _rate(span: Span, count: str) -> float:
    rate: float = span[count] / (span["seconds"] or 1.0)
    return rate


def _frame(panel: Panel) -> Iterator[str]:
    yield f'<text class="title" x="{_LEFT}" y="{panel.y - 8}">{panel.title}</text>'
    for share in (0, 0.5, 1):
        y = panel.at(panel.top * share)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="tick" x="{_LEFT - 8}" y="{y + 4}">{panel.top * share:,g}</text>'


def _area(
    name: str, panel: Panel, timeline: Sequence[Span], values: list[float], end: float
) -> str:
    """Draw steps: each value holds for a span."""
    steps = "".join(
        f"V{panel.at(value):.1f}H{_x(span['at'] + span['seconds'], end):.1f}"
        for span, value in zip(timeline, values, strict=True)
    )
    return f'<path class="{name}" d="M{_LEFT} {panel.at(0)}{steps}V{panel.at(0)}Z"/>'


def _line(name: str, panel: Panel, timeline: Sequence[Span], key: str, end: float) -> str:
    """Draw steps where there is a value, and gaps where there is none."""
    steps, is_drawing = "", False
    for span in timeline:
        if span[key] is not None:
            y = panel.at(span[key] * 1000)
            start = f"V{y:.1f}" if is_drawing else f"M{_x(span['at'], end):.1f} {y:.1f}"
            steps += f"{start}H{_x(span['at'] + span['seconds'], end):.1f}"
        is_drawing = span[key] is not None
    return f'<path class="{name}" d="{steps}"/>' if steps else ""


def _axis(end: float, y: float) -> Iterator[str]:
    step = next((step for step in _STEPS if end / step <= _TICKS), end / _TICKS)
    for number in range(int(end / step) + 1):
        x = _x(number * step, end)
        yield f'<text class="time" x="{x:.1f}" y="{y + 18}">{duration(number * step)}</text>'


def _tooltips(timeline: Sequence[Span], end: float, bottom: float) -> Iterator[str]:
    """Draw what a pointer over a span shows."""
    for span in timeline:
        x, width = _x(span["at"], end), span["seconds"] / end * _INNER
        yield (
            f'<rect class="tip" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" '
            f'height="{bottom - _TOP}"><title>{_tooltip(span)}</title></rect>'
        )


def _tooltip(span: Span) -> str:
    latency = ""
    if span["p50"] is not None:
        latency = f", p50 {span['p50'] * 1000:,.0f} ms, p95 {span['p95'] * 1000:,.0f} ms"
    refused = f", {span['refused']:,} refused" if span["refused"] else ""
    return (
        f"{duration(span['at'])}: {_rate(span, 'requests'):,.1f} requests/s"
        f"{latency}, {span['limited']:,} answered 429, {span['failed']:,} failed{refused}"
    )


def _x(at: float, end: float) -> float:
    return _LEFT + at / end * _INNER


def _round_up(value: float) -> float:
    """Return the next round number: 1, 2 or 5 and zeros."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (len(f"{value:.0f}") - 1 if value >= 1 else -1)
    return next(factor * power for factor in (1, 2, 5, 10, 100) if factor * power >= value)
