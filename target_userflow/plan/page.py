"""The plan as a part of the report's page: no script, every value escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from target_userflow.plan.facts import LOOKS_LIKE, OTHER_TYPE
from target_userflow.plan.text import STATES, head, role_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HEADS = ("attribute", "column", "type", "example", "in the destination")


def plan_page(facts: Mapping[str, Any]) -> str:
    """Return the plan as HTML.

    Args:
        facts: What `all_facts` returned.
    """
    return "\n".join(_parts(facts))


def _parts(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["doubts"]:
        lines = "".join(f"<p>{escape(line)}</p>" for line in facts["doubts"])
        yield f'<div class="status bad"><strong>In doubt</strong>{lines}</div>'
    for stream in facts["streams"]:
        yield from _stream(stream)


def _stream(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"<section><h3>{escape(one['stream'])}</h3><p>{escape(head(one))}</p>"
    terms = [(name, ", ".join(parts)) for name, parts in _lists(one) if parts]
    yield f"<dl>{''.join(f'<dt>{name}</dt><dd>{escape(text)}</dd>' for name, text in terms)}</dl>"
    yield from (f'<p class="warn">{escape(line)}</p>' for line in one["warnings"])
    if one["attributes"]:
        heads = "".join(f'<th class="text">{text}</th>' for text in _HEADS)
        rows = "".join(map(_row, sorted(one["attributes"], key=_rank)))
        yield (
            f'<div class="wide" role="region" tabindex="0" '
            f'aria-label="Attributes of {escape(one["stream"])}">'
            f"<table><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>"
        )
    yield "</section>"


def _lists(one: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    yield "roles", [*role_texts(one["roles"])]
    ids = one["ids"]
    yield "ids", [f"{ids['exist']} of {ids['looked_up']} looked up exist"] if ids else []
    yield "event names", [f"{name['name']} ({name['state']})" for name in one["event_names"]]
    yield "left out", [f"{item['column']} ({item['why']})" for item in one["left_out"]]
    yield "rejected", [f"{item['count']:,}: {item['reason']}" for item in one["rejected"]]


def _rank(attribute: Mapping[str, Any]) -> int:
    return STATES.index(attribute["state"])


def _row(one: Mapping[str, Any]) -> str:
    state = one["state"]
    if state == LOOKS_LIKE:
        state = f"new, like {one['like']}"
    if state == OTHER_TYPE:
        state = f"a {one['is']}"
    cells = (one["name"], one["column"], one["type"] or "", one["example"] or "")
    texts = "".join(f'<td class="text">{escape(cell)}</td>' for cell in cells)
    kind = "text warn" if one["state"] in {LOOKS_LIKE, OTHER_TYPE} else "text"
    return f'<tr>{texts}<td class="{kind}">{escape(state)}</td></tr>'
