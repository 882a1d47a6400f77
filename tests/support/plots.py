"""Bar charts of the tables in the page on speed, as SVG that reads in light and in dark."""

from __future__ import annotations

import re
from html import escape

TABLE = re.compile(
    r"^\| (?P<title>[^|\n]+) \|[^\n]*\|\n\|[-|]+\|\n(?P<rows>(?:\|[^\n]*\|\n)+)\n"
    r"!\[[^\]]*\]\((?P<path>assets/[\w-]+\.svg)\)",
    re.MULTILINE,
)
"""A table of two columns, names and numbers, with its plot below."""
ROW = re.compile(r"^\| (.+?) \| ([\d,.]+) \|$", re.MULTILINE)
WIDTH, BAR, LABEL, NUMBER = 640, 34, 220, 80


def plots(page: str) -> dict[str, str]:
    """By path, the plots that a page shows, of the tables above them."""
    return {
        table["path"]: bars(
            table["title"],
            [(name, float(number.replace(",", ""))) for name, number in ROW.findall(table["rows"])],
        )
        for table in TABLE.finditer(page)
    }


def bars(title: str, rows: list[tuple[str, float]]) -> str:
    """A horizontal bar for each row, as long as its number says."""
    largest = max(number for _, number in rows)
    scale = (WIDTH - LABEL - NUMBER) / largest
    drawn = "".join(_bar(index, name, number, scale) for index, (name, number) in enumerate(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {len(rows) * BAR}" '
        f'role="img" font-family="sans-serif" font-size="14" fill="#7a7f8c">'
        f"<title>{escape(title)}</title>{drawn}</svg>\n"
    )


def _bar(index: int, name: str, number: float, scale: float) -> str:
    top, length = index * BAR, number * scale
    return (
        f'<text x="{LABEL - 10}" y="{top + 21}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LABEL}" y="{top + 6}" width="{length:.1f}" height="22" rx="3" fill="#5468d4"/>'
        f'<text x="{LABEL + length + 8:.1f}" y="{top + 21}">{number:,.10g}</text>'
    )
