"""What runs that share a ledger say of themselves to each other."""

from __future__ import annotations

from typing import NamedTuple

LEASE = 15.0
"""Seconds that what a run says holds: some renewals may fail before it passes for dead."""
GONE = 5.0
"""Seconds that it holds if the server has no connection of the run: it would have a new one."""
BREAK = 5.0
"""Seconds without a word of the database, after which others may have had no word of it either."""
_LONGEST_BREAK = 300.0  # seconds: as long as runs wait for the database, by default


class Claim(NamedTuple):
    """What a run says of itself; parts are shares of the limits, from 0 to 1."""

    wants: float
    """The part that it could use."""
    part: float
    """The part that it has."""
    refused_for: float = 0.0
    """Seconds for which an API that answered 429 wants to be left alone; 0 for none."""


def is_alive(until: float, now: float, since: float, is_connected: bool) -> bool:  # noqa: FBT001 - a column
    """Return whether a run is alive; all times are seconds since the epoch.

    After a time without the database (a restart, a failover, a machine that slept) nobody could
    renew: everybody has the time to do so then.

    Args:
        until: When its lease ends; one that is longer than a lease was written ahead of a clock
            that has been set back, and says nothing.
        now: The time.
        since: Since when runs can renew.
        is_connected: Whether the server has its connection, as far as is known.
    """
    renewed = until - LEASE
    if renewed > now + BREAK:
        return False
    if renewed < since < until + _LONGEST_BREAK:
        return max(until, since + LEASE) > now
    return (until if is_connected else renewed + GONE) > now
