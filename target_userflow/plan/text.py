"""The plan as text, as wide as a terminal."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from target_userflow.escaping import aligned
from target_userflow.plan.facts import EXISTS, LOOKS_LIKE, NEW, OTHER_TYPE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NARROWEST, WIDEST = 60, 200
_INDENT = "  "
_GAP = 3  # blanks between the columns of a table
_LONGEST_NAME = 32
_HEADS = {
    OTHER_TYPE: "Of another type than there",
    LOOKS_LIKE: "New, and like another",
    NEW: "New, and there for good once they are sent",
    UNKNOWN: "Sent (what is there is not known)",
    EXISTS: "There already",
}
"""The states of attributes, in the order of what needs a look."""
STATES = [*_HEADS]
_ROLE_REASONS = {"name": "by name", "key": "by key", "fields": "by fields"}


def plan_text(facts: Mapping[str, Any], width: int) -> str:
    """Return the plan as lines.

    Args:
        facts: What `all_facts` returned.
        width: Characters of a line, at most.
    """
    return "\n".join(_lines(facts, min(max(width, NARROWEST), WIDEST)))


def _lines(facts: Mapping[str, Any], width: int) -> Iterator[str]:
    yield "Plan: nothing was written"
    yield ""
    yield from _overview(facts["streams"], width)
    for stream in facts["streams"]:
        yield ""
        yield from _stream(stream, width)
    yield ""
    yield from _verdict(facts["doubts"], width)


def _overview(streams: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    """Yield a row for each stream."""
    heads = ["stream", "object", "records", "requests", "attributes", "new", "warnings", "doubts"]
    rows = [heads]
    longest = max(width - 72, 12)
    for facts in streams:
        new = sum(attribute["state"] in {NEW, LOOKS_LIKE} for attribute in facts["attributes"])
        counts = (len(facts["attributes"]), new, len(facts["warnings"]), len(facts["doubts"]))
        requests = f"{facts['requests']['most']:,}" if facts["requests"] else "-"
        stream = _cut(facts["stream"], longest)
        row = [stream, facts["object"] or "-", f"{facts['records']:,}", requests]
        rows.append([*row, *(f"{count:,}" for count in counts)])
    yield from (_cut(line, width) for line in aligned(rows, texts=(0, 1)))


def _stream(facts: Mapping[str, Any], width: int) -> Iterator[str]:
    yield _cut(f"{facts['stream']}  {head(facts)}", width)
    yield from _wrapped([*role_texts(facts["roles"])], width, "roles")
    yield from _ids(facts["ids"])
    yield from _wrapped([*_event_names(facts["event_names"])], width, "event names")
    by_state: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for attribute in facts["attributes"]:
        by_state[attribute["state"]].append(attribute)
    for state, title in _HEADS.items():
        if by_state[state]:
            yield f"{_INDENT}{title}: {len(by_state[state]):,}"
            yield from _cells([*map(_cell, by_state[state])], width)
    left_out = [f"{item['column']} ({item['why']})" for item in facts["left_out"]]
    yield from _wrapped(left_out, width, "left out")
    for rejection in facts["rejected"]:
        yield from _paragraph(f"{rejection['count']:,} rejected: {rejection['reason']}", width, "!")
    for line in facts["warnings"]:
        yield from _paragraph(line, width, "~")


def head(facts: Mapping[str, Any]) -> str:
    """Return where a stream goes, and how many of its records were looked at."""
    if not facts["object"]:
        return "can't be planned"
    records = f"{facts['records']:,} records"
    if facts["records"] > facts["looked_at"]:
        records += f", {facts['looked_at']:,} looked at"
    return f"to {facts['object']} of {facts['product']}: {records}"


def role_texts(roles: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each role with its column, and why."""
    for role in roles:
        if role["by"] == "arrival":
            yield f"{role['role']} ← that of arrival"
        elif role["by"] == "event_name":
            yield f"{role['role']} ← always '{role['constant']}'"
        else:
            before = f", before {', '.join(role['before'])}" if role["before"] else ""
            yield f"{role['role']} ← {role['column']} ({_ROLE_REASONS[role['by']]}{before})"


def _ids(ids: Mapping[str, int] | None) -> Iterator[str]:
    if ids:
        yield f"{_INDENT}ids: {ids['exist']} of {ids['looked_up']} looked up exist"


def _event_names(names: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for event in names:
        yield f"{event['name']} ({event['state']}, {event['count']:,})"


def _cell(attribute: Mapping[str, Any]) -> tuple[str, str, str]:
    """Name, type and example of an attribute, each with what else is to be said of it."""
    name = (
        attribute["name"]
        if attribute["column"] == attribute["name"]
        else f"{attribute['name']} ← {attribute['column']}"
    )
    kind = attribute["type"] or "?"
    if attribute["state"] == OTHER_TYPE:
        kind = f"{kind}, there {attribute['is']}"
    example = attribute["example"] or ""
    if attribute["state"] == LOOKS_LIKE:
        example = f"{example} like {attribute['like']}".strip()
    return _cut(name, _LONGEST_NAME), kind, example


def _cells(cells: Sequence[tuple[str, str, str]], width: int) -> Iterator[str]:
    """Yield the cells below each other, in as many columns as the width has room for."""
    lines = aligned(cells, texts=(0, 1, 2))
    wide = max(map(len, lines))
    room = width - 2 * len(_INDENT)
    columns = max((room + _GAP) // (wide + _GAP), 1)
    rows = -(-len(lines) // columns)
    for row in range(rows):
        line = (" " * _GAP).join(cell.ljust(wide) for cell in lines[row::rows])
        yield _cut(f"{_INDENT * 2}{line.rstrip()}", width)


def _verdict(doubts: Sequence[str], width: int) -> Iterator[str]:
    if not doubts:
        yield "Nothing is in doubt"
        return
    yield f"{len(doubts):,} in doubt, and a run stops at each:"
    for line in doubts:
        yield from _paragraph(line, width, "!")


def _wrapped(parts: Sequence[str], width: int, head: str) -> Iterator[str]:
    """Yield parts behind each other, none of them broken if it fits on a line."""
    if parts:
        joined = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
        for line in _fill(f"{head}: {joined}", width, _INDENT):
            yield line.replace("\N{NO-BREAK SPACE}", " ")


def _paragraph(text: str, width: int, mark: str) -> Iterator[str]:
    yield from _fill(f"{mark} {text}", width, _INDENT)


def _fill(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent * 2,
        break_on_hyphens=False,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
