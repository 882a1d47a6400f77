"""The report as a page: what it opens with, what it draws, and that nothing of it is cut off."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from plan.tables import TABLES
from plan.test_tables import facts_of
from support.browser import barriers, browser, opened  # noqa: F401 - `browser` is a fixture
from support.clocks import VirtualClock

from target_userflow.config.problems import problems
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import Settings
from target_userflow.pace.wait_spans import WaitSpan, WaitSpans
from target_userflow.reporting import summary
from target_userflow.run_files.html_report import page
from target_userflow.services.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

WAIT = {"product": "Userflow", "for": "the API's rate limit", "at": 1.0, "seconds": 2.0}


def facts(**changes: Any) -> dict[str, Any]:
    """The facts of a run that delivered nine of ten records in ten seconds."""
    config = {"api_key": "ak_1", "dry_run": changes.pop("dry_run", False), "max_rejects": 1}
    assert not problems(config, CONFIG_SCHEMA)
    run = Run(Settings.of(config), VirtualClock())
    name = "warehouse_production-a_table_with_a_name_that_is_longer_than_any_telephone"
    run.tally.open(name, "users")
    for _ in range(10):
        run.tally.of(name).receive()
    for _ in range(9):
        run.tally.of(name).settle("delivered")
    run.tally.of(name).reject("`a_column_of_a_long_name`: HTTP 400 and more, " * 3)
    for second, status in enumerate([200, changes.pop("status", 200), 200]):
        run.request_stats.add(second + 0.5, 0.1, status)
    run.clock.sleep(10)
    return {**summary.facts(run, 0, None), **changes}


def words(**changes: Any) -> str:
    """The text of a page, in one line."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", page(facts(**changes)))).split())


def test_the_page_opens_with_how_it_went() -> None:
    """The verdict in words, where to, which share, and which run it was."""
    run = facts()
    text = words(run="20240301T000000Z-aaaaaaaa")
    opening = text[: text.index("Streams")]
    for part in (
        "OK: 10 records in 10 s; 1 of 10 records rejected, which the exit status allows",
        "Destination Userflow, https://api.userflow.com",
        "Records 9 of 10 records (90 %) are in the destination",
        "Run 20240301T000000Z-aaaaaaaa",
    ):
        assert part in opening
    assert re.fullmatch(r"20240301T000000Z-\w{8}", run["run"])
    assert "Part 3/8 of the keys" in words(shard="3/8")


def test_a_dry_run_is_called_one_and_holds_its_plan() -> None:
    """Nobody takes it for a run: it says so in the title, and what would be sent."""
    plan = {
        "streams": [
            {"stream": "users", "requests": [{"method": "POST", "path": "/users", "count": 9}]}
        ],
        "products": [{"product": "Userflow", "requests": 9, "pace": "9 requests, in a minute"}],
    }
    text = words(dry_run=True, would_send=plan)
    assert text.count("Dry run of target-userflow: what would be sent") == 2
    assert "users POST /users 9" in text
    assert "Userflow: 9 requests, in a minute" in text
    assert "9 of 10 records (90 %) would be in the destination" in text
    assert "What would be sent" not in words()


def test_a_plan_is_called_one_and_has_nothing_else() -> None:
    """Neither counts of what was not delivered, nor an empty table of requests."""
    plan = facts_of(*TABLES[:3])
    text = words(dry_run=True, would_send=None, plan={**plan, "doubts": []})
    assert text.count("Plan of target-userflow: what would become of each column") == 2
    assert "OK: 10 records looked at in 10 s, and nothing is in doubt" in text
    for absent in ("delivered", "What would be sent", "would be in the destination"):
        assert absent not in text
    text = words(dry_run=True, would_send=None, plan={**plan, "doubts": ["which column?"]})
    assert "In doubt: 10 records looked at in 10 s, and a run would stop at 1 doubt" in text


VERIFIED = {
    "streams": [
        {"stream": "users", "same": 7, "different": 2, "missing": 1, "by_attribute": {"plan": 2}}
    ],
    "extra": {"users": 3},
}


def test_a_comparison_is_called_one_and_has_what_differs() -> None:
    """Without the counts of a run, which writes."""
    text = words(dry_run=True, would_send=None, verified=VERIFIED, exit_status=1)
    assert text.count("Comparison by target-userflow: what Userflow has of the input") == 2
    assert "Failed: 10 records compared in 10 s, not all is the same" in text
    assert "stream same different missing different in users 7 2 1 plan 2" in text
    assert "3 users exist in Userflow and not in the input" in text
    for absent in ("delivered", "What would be sent"):
        assert absent not in text


SENT: dict[str, Any] = {"streams": [], "products": []}
KINDS: dict[str, dict[str, Any]] = {
    "run": {"waits": [WAIT], "status": 429, "dead_letters": {"path": "p", "replay": "r"}},
    "dry run": {"dry_run": True, "would_send": SENT, "plan": facts_of(*TABLES[:3])},
    "plan": {"dry_run": True, "plan": facts_of(*TABLES[:4]), "would_send": None},
    "comparison": {"dry_run": True, "verified": VERIFIED, "would_send": None},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_screen_reader_and_weak_eyes_find_no_barrier(
    browser: Browser,  # noqa: F811 - the fixture
    tmp_path: Path,
    kind: str,
) -> None:
    """Axe has nothing to say of the page on a telephone, in light and in dark."""
    path = tmp_path / "run.html"
    path.write_text(page(facts(**KINDS[kind])))
    with opened(browser, path.as_uri(), viewport={"width": 390, "height": 800}) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") == 390
        assert barriers(shown) == []


def test_a_plot_without_429s_is_left_out_and_waits_are_marked() -> None:
    """What did not happen takes no room; each wait says what for."""
    assert "429 per second" not in words()
    assert "429 per second" in words(status=429)
    assert "Requests waited for" not in words()
    text = words(waits=[WAIT])
    assert "2 s of waiting for the API's rate limit (Userflow)" in text
    assert "Requests waited for the API's rate limit (Userflow)" in text


def test_waits_that_nearly_meet_are_one_and_there_is_an_end_of_them() -> None:
    """A run of days has no more of them than a page can show."""
    spans = WaitSpans()
    spans.add(0, 0.6)
    spans.add(1.2, 2)
    spans.add(9, 9.5)
    assert spans.worth_showing() == [WaitSpan(0, 2)]
    for hour in range(10_000):
        spans.add(100 + hour * 60, 130 + hour * 60 + hour % 7)
    assert 0 < len(spans.worth_showing()) <= 401
    assert spans.worth_showing()[-1].end == 100 + 9_999 * 60 + 30 + 9_999 % 7


@pytest.mark.parametrize("width", [390, 1100])
def test_nothing_is_cut_off_on_a_telephone(
    browser: Browser,  # noqa: F811 - the fixture
    tmp_path: Path,
    width: int,
) -> None:
    """What is wider than the page scrolls in a box of its own, which the keyboard reaches."""
    path = tmp_path / "run.html"
    path.write_text(page(facts(waits=[WAIT], status=429)))
    with opened(browser, path.as_uri(), viewport={"width": width, "height": 800}) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") == width
        boxes = shown.locator(".wide")
        assert boxes.count() == 2
        for box in boxes.all():
            shown.keyboard.press("Tab")
            assert box.evaluate("one => one === document.activeElement")
            name = box.get_attribute("aria-label")
            assert name
            assert box.get_attribute("role") == "region"
        wide = boxes.last.evaluate("one => one.scrollWidth > one.clientWidth")
        assert wide is (width == 390)
        assert "linear-gradient" in boxes.last.evaluate("one => getComputedStyle(one).background")
