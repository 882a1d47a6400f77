"""The last words of a run: the table of its streams, what needs attention, and one line on all."""

from __future__ import annotations

import logging
import textwrap
from typing import TYPE_CHECKING, Any

import click

from target_userflow.escaping import Block, escaped_lines
from target_userflow.reporting import summary
from target_userflow.reporting.stream_table import WIDTH, stream_table
from target_userflow.reporting.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.reporting.audience import Audience

_ATTENTION = "Needs attention"
_NOTES = "Notes"
_INDENT = "    "


class Conclusion:
    """What is printed at the end of a run."""

    def __init__(self, facts: dict[str, Any], plan: str = "") -> None:
        """Conclude a run.

        Args:
            facts: What `summary.facts` returns.
            plan: The text of a dry run; empty for another run.
        """
        self._plan = plan
        self._table = stream_table(facts["streams"]) if facts["streams"] else ""
        self._text = summary.text(facts)
        self._needs_attention = summary.needs_attention(facts)
        self._is_good = not facts["exit_status"]
        self._verdict = verdict(facts)

    def log(self, logger: logging.Logger) -> None:
        """Write it to a log: each part is one entry, in lines of any length."""
        if self._table:
            logger.info("Summary\n%s", Block(self._table))
        if self._text:
            logger.log(self._level, "%s\n%s", self._heading, Block(self._text))
        if self._plan:
            logger.info("%s", Block(self._plan))
        logger.info("%s", self._verdict)

    def show(self, audience: Audience, logger: logging.Logger) -> None:
        """Print it on a terminal, below what was logged, if the logger lets its level pass.

        Args:
            audience: Who looks at the terminal.
            logger: The logger of the run.
        """
        if logger.isEnabledFor(self._level):
            text = "\n\n".join(self._parts())
            click.echo(f"\n{text}", err=True, color=audience.has_color)

    @property
    def _level(self) -> int:
        return logging.WARNING if self._needs_attention else logging.INFO

    @property
    def _heading(self) -> str:
        return _ATTENTION if self._needs_attention else _NOTES

    def _parts(self) -> Iterator[str]:
        if self._table:
            yield escaped_lines(self._table)
        if self._text:
            color = "yellow" if self._needs_attention else None
            yield f"{click.style(self._heading, fg=color, bold=True)}\n{_wrapped(self._text)}"
        if self._plan:
            yield escaped_lines(self._plan)  # its commands are to be copied, whatever their length
        color = "green" if self._is_good else "red"
        yield click.style(_wrapped(self._verdict), fg=color, bold=True)


def _wrapped(text: str) -> str:
    return "\n".join(
        wrapped for line in escaped_lines(text).split("\n") for wrapped in _wrapped_line(line)
    )


def _wrapped_line(line: str) -> list[str]:
    """Return a line within the width of a terminal; a command, which is to be copied, as it is."""
    if line.startswith(summary.COMMAND):
        return [line]
    return textwrap.wrap(
        line,
        WIDTH,
        subsequent_indent=_INDENT if not line.startswith(_INDENT) else f"{_INDENT}      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
