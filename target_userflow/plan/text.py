"""The plan as text, as wide as a terminal: what needs a look comes first, in each of its parts."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from target_userflow.escaping import aligned
from target_userflow.plan.facts import EXISTS, LOOKS_LIKE, NEW, OTHER_TYPE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Facts = Mapping[str, Any]

NARROWEST, WIDEST = 60, 200
_INDENT = "  "
_RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
_GAP = 3  # blanks between the columns of a table
_LONGEST_NAME = 40
_SHORTEST_STREAM = 12
_MOST_CELLS = 40  # new attributes that are shown with an example
_MOST_KNOWN = 12  # the same of those that are there
_MOST_INNER = 3  # attributes of an object
_MOST_EVENTS = 20
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


def plan_text(facts: Facts, width: int) -> str:
    """Return the plan as lines.

    Args:
        facts: What `all_facts` returned.
        width: Characters of a line, at most.
    """
    return "\n".join(_lines(facts, min(max(width, NARROWEST), WIDEST)))


def _lines(facts: Facts, width: int) -> Iterator[str]:
    yield "Plan: nothing was written"
    yield ""
    yield from _overview(facts["streams"], width)
    yield ""
    yield from _verdict(facts["doubts"], width)
    for stream in facts["streams"]:
        yield ""
        yield from _stream(stream, width)
    if facts["doubts"]:
        yield ""
        yield f"{len(facts['doubts']):,} in doubt: see above"


def _overview(streams: Sequence[Facts], width: int) -> Iterator[str]:
    """Yield a row for each stream; its name has what the numbers leave."""
    rows = [["object", "records", "requests", "attributes", "new", "warnings", "doubts"]]
    for facts in streams:
        new = sum(attribute["state"] in {NEW, LOOKS_LIKE} for attribute in facts["attributes"])
        counts = (len(facts["attributes"]), new, len(facts["warnings"]), len(facts["doubts"]))
        requests = f"{facts['requests']['most']:,}" if facts["requests"] else "-"
        row = [facts["object"] or "-", f"{facts['records']:,}", requests]
        rows.append([*row, *(f"{count:,}" for count in counts)])
    numbers = aligned(rows)
    room = max(width - max(map(len, numbers)) - 2, _SHORTEST_STREAM)
    names = ["stream", *(_cut_middle(facts["stream"], room) for facts in streams)]
    wide = max(map(len, names))
    for name, line in zip(names, numbers, strict=True):
        yield _cut(f"{name.ljust(wide)}  {line}", width)


def _verdict(doubts: Sequence[str], width: int) -> Iterator[str]:
    if not doubts:
        yield "Nothing is in doubt"
        return
    yield f"{len(doubts):,} in doubt, and a run stops at each:"
    for line in doubts:
        yield from _paragraph(line, width, "!")


def _stream(facts: Facts, width: int) -> Iterator[str]:
    title = _cut(f"{_RULE * 2} {facts['stream']}  {head(facts)} ", width)
    yield title.ljust(width, _RULE)
    yield from _wrapped([*role_texts(facts["roles"])], width, "roles")
    yield from _ids(facts["ids"])
    yield from _wrapped([*_event_names(facts["event_names"])], width, "event names")
    for rejection in facts["rejected"]:
        yield from _paragraph(f"{rejection['count']:,} rejected: {rejection['reason']}", width, "!")
    for line in facts["warnings"]:
        yield from _paragraph(line, width, "~")
    yield from _left_out(facts["left_out"], width)
    by_state: defaultdict[str, list[Facts]] = defaultdict(list)
    for attribute in facts["attributes"]:
        by_state[attribute["state"]].append(attribute)
    for state, title in _HEADS.items():
        if by_state[state]:
            yield from _attributes(title, state, by_state[state], width)


def head(facts: Facts) -> str:
    """Return where a stream goes, and how many of its records were looked at."""
    if not facts["object"]:
        return "can't be planned"
    records = f"{facts['records']:,} {'record' if facts['records'] == 1 else 'records'}"
    if facts["records"] > facts["looked_at"]:
        records += f", {facts['looked_at']:,} looked at"
    return f"to {facts['object']} of {facts['product']}: {records}"


def role_texts(roles: Sequence[Facts]) -> Iterator[str]:
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


def _event_names(names: Sequence[Facts]) -> Iterator[str]:
    """Yield those that are new first; of a column full of values there is no end."""
    ranked = sorted(names, key=lambda name: name["state"] == EXISTS)
    for event in ranked[:_MOST_EVENTS]:
        yield f"{event['name']} ({event['state']}, {event['count']:,})"
    others = ranked[_MOST_EVENTS:]
    if others:
        new = sum(event["state"] == NEW for event in others)
        yield f"and {len(others):,} more, {new:,} of them new"


def _left_out(columns: Sequence[Facts], width: int) -> Iterator[str]:
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for item in columns:
        by_reason[item["why"]].append(item["column"])
    for why, names in by_reason.items():
        yield from _wrapped(names, width, f"left out ({why})")


# Attributes


def _attributes(title: str, state: str, attributes: Sequence[Facts], width: int) -> Iterator[str]:
    """Yield few below each other with examples, and many by their types; briefly if they exist."""
    count = len(attributes)
    is_there = state == EXISTS
    is_long = count > (_MOST_KNOWN if is_there else _MOST_CELLS)
    if not is_long or state in {OTHER_TYPE, LOOKS_LIKE}:
        yield f"{_INDENT}{title}: {count:,}"
        yield from _cells([*map(_cell, attributes)], width)
    else:
        yield f"{_INDENT}{title}: {count:,} (--plan=json has {'all' if is_there else 'examples'})"
        yield from _by_type(attributes, width, is_short=is_there)


def _by_type(attributes: Sequence[Facts], width: int, *, is_short: bool) -> Iterator[str]:
    """Yield the names of each type, the most frequent first; cut to a line, if `is_short`."""
    of_type: defaultdict[str, list[Facts]] = defaultdict(list)
    for attribute in attributes:
        of_type[_type(attribute)].append(attribute)
    types = sorted(of_type.items(), key=lambda item: -len(item[1]))
    counts = aligned([[kind, f"{len(of_kind):,}"] for kind, of_kind in types])
    for (_, of_kind), count in zip(types, counts, strict=True):
        names, label = [*_names(of_kind)], f"{_INDENT * 2}{count}  "
        if is_short:
            yield _cut(f"{label}{', '.join(names)}", width)
        else:
            yield from _flow(names, width, label, " " * len(label))


def _names(attributes: Sequence[Facts]) -> Iterator[str]:
    """Yield the names; of those that come from one object the first, and how many there are."""
    of_column: defaultdict[str, list[str]] = defaultdict(list)
    for attribute in attributes:
        of_column[attribute["column"]].append(_name(attribute))
    for column, names in of_column.items():
        first, others = names[:_MOST_INNER], names[_MOST_INNER:]
        yield from first
        if others:
            yield f"{len(others):,} more ← {column}"


def _type(attribute: Facts) -> str:
    if attribute["type"]:
        return str(attribute["type"])
    return f"{attribute['is']}, without a value" if "is" in attribute else "without a value"


def _name(attribute: Facts) -> str:
    name, column = attribute["name"], attribute["column"]
    return str(name) if name == column else f"{name} ← {column}"


def _cell(attribute: Facts) -> tuple[str, str, str]:
    """Return name, type and example of an attribute, each with what else is to be said of it."""
    kind, example = _type(attribute), attribute["example"] or ""
    if attribute["state"] == OTHER_TYPE:
        kind = f"{kind}, there {attribute['is']}"
    if attribute["state"] == LOOKS_LIKE:
        example = f"{example} like {attribute['like']}".strip()
    return _cut(_name(attribute), _LONGEST_NAME), kind, example


def _cells(cells: Sequence[tuple[str, str, str]], width: int) -> Iterator[str]:
    """Yield the cells below each other, in as many columns as the width has room for."""
    room = width - 2 * len(_INDENT)
    for columns in range(len(cells), 0, -1):
        rows = -(-len(cells) // columns)
        parts = [
            aligned(cells[at : at + rows], texts=(0, 1, 2)) for at in range(0, len(cells), rows)
        ]
        wide = [max(map(len, part)) for part in parts]
        if sum(wide) + _GAP * (len(wide) - 1) <= room or columns == 1:
            break
    for row in range(rows):
        texts = [part[row].ljust(w) for part, w in zip(parts, wide, strict=True) if row < len(part)]
        yield _cut(f"{_INDENT * 2}{(' ' * _GAP).join(texts).rstrip()}", width)


# Lines


def _wrapped(parts: Sequence[str], width: int, head: str) -> Iterator[str]:
    if parts:
        yield from _flow(parts, width, f"{_INDENT}{head}: ", _INDENT * 2)


def _flow(parts: Sequence[str], width: int, first: str, indent: str) -> Iterator[str]:
    """Yield parts behind each other, none of them broken if it fits on a line."""
    joined = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
    for line in _fill(joined, width, first, indent):
        yield line.replace("\N{NO-BREAK SPACE}", " ")


def _paragraph(text: str, width: int, mark: str) -> Iterator[str]:
    yield from _fill(f"{mark} {text}", width, _INDENT, _INDENT * 2)


def _fill(text: str, width: int, first: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _cut_middle(text: str, width: int) -> str:
    """Names of tables differ at their ends more often than at their beginnings."""
    end = (width - 1) // 2
    return text if len(text) <= width else f"{text[: width - 1 - end]}…{text[-end:]}"
