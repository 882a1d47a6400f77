"""The table of streams: what it shows, and that it fits a terminal."""

from __future__ import annotations

from typing import Any

from target_userflow.accounts.account import OUTCOMES
from target_userflow.reporting.stream_table import COLUMNS, shortened, stream_table


def row(stream: str, **counts: int) -> dict[str, Any]:
    """A stream of the facts."""
    return {"stream": stream, **dict.fromkeys(COLUMNS, 0), **counts}


def test_the_table_is_aligned_and_leaves_out_what_never_happened() -> None:
    """Received, delivered and rejected always stand there, others when they say something."""
    rows = [
        row("users", received=1234, delivered=1234),
        row("public-events", received=9, delivered=7, rejected=2, in_doubt=1),
    ]
    assert stream_table(rows).splitlines() == [
        "stream         received  delivered  rejected  in doubt",
        "users             1,234      1,234         0         0",
        "public-events         9          7         2         1",
    ]


def test_the_table_shows_all_outcomes_in_the_order_of_the_sum() -> None:
    """Received = delivered + merged + unchanged + duplicate + skipped + rejected."""
    heading = stream_table([row("users", **dict.fromkeys(OUTCOMES, 1))], width=200)
    assert heading.splitlines()[0].split() == ["stream", "received", *OUTCOMES]


def test_a_long_name_is_cut_in_its_middle_and_every_count_stays() -> None:
    """Schemas share their beginning and tables their end, so that both are left."""
    name = "analytics_warehouse_production-marketing_contacts_of_all_the_regions_there_are"
    table = stream_table([row(name, received=1_000_000, delivered=999_999, rejected=1)])
    assert max(map(len, table.splitlines())) == 80
    assert table.splitlines()[1].startswith("analytics_warehouse_prod")
    assert "there_are  1,000,000    999,999         1" in table


def test_columns_that_do_not_fit_follow_below() -> None:
    """Nothing is cut off at the right, whatever has happened."""
    table = stream_table([row("users" * 10, **dict.fromkeys(COLUMNS, 7_000_000))])
    assert max(map(len, table.splitlines())) <= 80
    headings = [line for line in table.splitlines() if line.startswith("stream")]
    assert (
        " ".join(headings).replace("stream", "").split()
        == " ".join(COLUMNS).replace("_", " ").split()
    )


def test_a_text_that_fits_is_left_alone() -> None:
    """And one that does not has its beginning and its end."""
    assert shortened("users", 5) == "users"
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abcdefghij", 6) == "abc…ij"
