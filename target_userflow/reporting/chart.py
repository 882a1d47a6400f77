"""The timeline of a run as a picture: SVG without a script, in the colours of its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WIDTH, _LEFT, _RIGHT = 880, 56, 12
_HEIGHT, _GAP, _TOP, _BOTTOM = 110, 44, 26, 26
_INNER = _WIDTH - _LEFT - _RIGHT
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_TICKS = 8  # at most
_MINUTE, _HOUR = 60, 3600
_LATENCY = (
    'Latency in ms <tspan class="p50">\N{BLACK SQUARE} p50</tspan> '
    '<tspan class="p95">\N{BLACK SQUARE} p95</tspan>'
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the pictures that share the axis of time."""

    title: str
    top: float
    """The largest value that fits."""
    y: float
    """Where its upper edge is."""

    def at(self, value: float) -> float:
        """Where a value is."""
        return self.y + _HEIGHT - value / self.top * _HEIGHT


def chart(timeline: Sequence[dict[str, Any]]) -> str:
    """Requests per second, latency and 429s over the time of a run."""
    end = timeline[-1]["at"] + timeline[-1]["seconds"] or 1.0
    rates = [one["requests"] / (one["seconds"] or 1.0) for one in timeline]
    limited = [one["limited"] / (one["seconds"] or 1.0) for one in timeline]
    slowest = max((one["p95"] or 0.0) * 1000 for one in timeline)
    tops = (_nice(max(rates)), _nice(slowest), _nice(max(limited)))
    titles = ("Requests per second", _LATENCY, "429 per second")
    panels = [
        Panel(title, top, _TOP + place * (_HEIGHT + _GAP))
        for place, (title, top) in enumerate(zip(titles, tops, strict=True))
    ]
    parts = [
        *(part for panel in panels for part in _frame(panel)),
        _area("rate", panels[0], timeline, rates, end),
        _line("p95", panels[1], timeline, "p95", end),
        _line("p50", panels[1], timeline, "p50", end),
        _area("limited", panels[2], timeline, limited, end),
        *_axis(end, panels[-1].y + _HEIGHT),
        *_tips(timeline, end, panels[-1].y + _HEIGHT),
    ]
    height = panels[-1].y + _HEIGHT + _BOTTOM
    label = "Requests per second, latency and answers 429 over the time of the run"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _frame(panel: Panel) -> Iterator[str]:
    yield f'<text class="title" x="{_LEFT}" y="{panel.y - 8}">{panel.title}</text>'
    for share in (0, 0.5, 1):
        y = panel.at(panel.top * share)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="tick" x="{_LEFT - 8}" y="{y + 4}">{panel.top * share:,g}</text>'


def _area(
    name: str, panel: Panel, timeline: Sequence[dict[str, Any]], values: list[float], end: float
) -> str:
    """Steps, as each value holds for a span."""
    steps = "".join(
        f"V{panel.at(value):.1f}H{_x(one['at'] + one['seconds'], end):.1f}"
        for one, value in zip(timeline, values, strict=True)
    )
    return f'<path class="{name}" d="M{_LEFT} {panel.at(0)}{steps}V{panel.at(0)}Z"/>'


def _line(name: str, panel: Panel, timeline: Sequence[dict[str, Any]], key: str, end: float) -> str:
    """Steps where there is a value, and gaps where there is none."""
    steps, drawing = "", False
    for one in timeline:
        if one[key] is not None:
            y = panel.at(one[key] * 1000)
            start = f"V{y:.1f}" if drawing else f"M{_x(one['at'], end):.1f} {y:.1f}"
            steps += f"{start}H{_x(one['at'] + one['seconds'], end):.1f}"
        drawing = one[key] is not None
    return f'<path class="{name}" d="{steps}"/>' if steps else ""


def _axis(end: float, y: float) -> Iterator[str]:
    step = next((one for one in _STEPS if end / one <= _TICKS), end / _TICKS)
    for number in range(int(end / step) + 1):
        x = _x(number * step, end)
        yield f'<text class="time" x="{x:.1f}" y="{y + 18}">{duration(number * step)}</text>'


def _tips(timeline: Sequence[dict[str, Any]], end: float, bottom: float) -> Iterator[str]:
    """What a pointer over a span tells."""
    for one in timeline:
        x, width = _x(one["at"], end), one["seconds"] / end * _INNER
        yield (
            f'<rect class="tip" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" '
            f'height="{bottom - _TOP}"><title>{_told(one)}</title></rect>'
        )


def _told(one: dict[str, Any]) -> str:
    latency = ""
    if one["p50"] is not None:
        latency = f", p50 {one['p50'] * 1000:,.0f} ms, p95 {one['p95'] * 1000:,.0f} ms"
    refused = f", {one['refused']:,} refused" if one["refused"] else ""
    return (
        f"{duration(one['at'])}: {one['requests'] / (one['seconds'] or 1.0):,.1f} requests/s"
        f"{latency}, {one['limited']:,} answered 429, {one['failed']:,} failed{refused}"
    )


def duration(seconds: float) -> str:
    """A time as people write it: 5 s, 1:05, 2:00:00."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    hours, rest = divmod(round(seconds), _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _x(at: float, end: float) -> float:
    return _LEFT + at / end * _INNER


def _nice(value: float) -> float:
    """The next round number: 1, 2 or 5 and zeros."""
    if value <= 0:
        return 1.0
    ten = 10.0 ** (len(f"{value:.0f}") - 1 if value >= 1 else -1)
    return next(factor * ten for factor in (1, 2, 5, 10, 100) if factor * ten >= value)
