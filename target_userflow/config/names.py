"""Hints for misspelt names."""

from __future__ import annotations

from difflib import get_close_matches


def nearest(name: str, names: list[str]) -> str:
    """Return a hint at the most similar name, or at all names if none is similar."""
    similar = get_close_matches(name, names, n=1)
    return f"Did you mean '{similar[0]}'?" if similar else f"There are: {', '.join(sorted(names))}"
