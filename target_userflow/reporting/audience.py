"""Who reads what a run prints: a person at a terminal, or a log that is kept."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG_LEVELS = ("LOGLEVEL", "TARGET_USERFLOW_LOGLEVEL")


@dataclass(frozen=True, slots=True)
class Audience:
    """What whoever reads standard error can see, and wants to."""

    is_person: bool
    """Whether it is a terminal that nobody keeps as a log: Meltano does, and a log config may."""
    is_live: bool = False
    """Whether lines may change in place."""
    has_color: bool = False
    wants_metrics: bool = True
    """Whether the SDK's METRIC lines are written."""


def audience(environ: Mapping[str, str], *, is_terminal: bool) -> Audience:
    """Return who reads standard error.

    Args:
        environ: The environment variables. `NO_COLOR` is that of https://no-color.org, which counts
            if it is not empty; `TERM=dumb` means a terminal without control codes.
        is_terminal: Whether standard error is a terminal.
    """
    is_kept = "SINGER_SDK_LOG_CONFIG" in environ or any(
        variable.startswith("MELTANO_") for variable in environ
    )
    if is_kept or not is_terminal:
        return Audience(is_person=False)
    is_live = environ.get("TERM", "dumb") != "dumb"
    return Audience(
        is_person=True,
        is_live=is_live,
        has_color=is_live and not environ.get("NO_COLOR"),
        wants_metrics=any(environ.get(variable) for variable in _LOG_LEVELS),
    )


def color_of_output(environ: Mapping[str, str]) -> bool | None:
    """Return whether standard output may have colours: False, or None if that is click's to say."""
    is_plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    return False if is_plain else None


def audience_here(environ: Mapping[str, str]) -> Audience:
    """Return who reads the standard error of this process; see `audience`."""
    return audience(environ, is_terminal=sys.stderr is not None and sys.stderr.isatty())
