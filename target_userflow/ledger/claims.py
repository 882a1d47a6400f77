"""What runs that share a ledger say of themselves to each other."""

from __future__ import annotations

from typing import NamedTuple

LEASE = 15.0
"""Seconds that what a run says holds: some renewals may fail before it passes for dead."""
GONE = 5.0
"""Seconds that it holds if the server has no connection of the run: it would have a new one."""


class Claim(NamedTuple):
    """What a run says of itself; parts are shares of the limits, from 0 to 1."""

    wants: float
    """The part that it could use."""
    part: float
    """The part that it has."""
    refused_for: float = 0.0
    """Seconds for which an API that answered 429 wants to be left alone; 0 for none."""
