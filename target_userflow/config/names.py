"""Hints at the name that was meant by a misspelt one."""

from __future__ import annotations

from difflib import get_close_matches


def nearest(name: str, names: list[str]) -> str:
    """A hint at the name that was probably meant, or at those there are."""
    close = get_close_matches(name, names, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(sorted(names))}"
