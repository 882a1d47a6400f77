"""The sandbox's page, as someone with a browser meets it: keys, screens, and what moves."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from support.browser import barriers, opened
from support.page import ADA, ANOTHER, BEN, choose, rows
from support.sandbox_client import Client

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import expect

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from target_userflow.sandbox import Sandbox


def test_faults_are_switched_on_and_off_and_all_is_emptied(
    page: Page, client: Client, sandbox: Sandbox
) -> None:
    """From the page, without a command; the other faults stay as they are."""
    sandbox.configure(faults={"slow": 0.25})
    client.post("/users", ADA)
    expect(rows(page)).to_have_count(1)
    page.locator("#controls summary").click()
    expect(page.get_by_role("switch", name="slow 25%")).to_be_checked()
    page.get_by_role("switch", name="503").check()
    expect(page.locator("#conditions")).to_contain_text("503 10.0%, slow 25.0%")
    page.get_by_role("switch", name="slow").uncheck()
    expect(page.locator("#conditions")).to_have_text(re.compile("faults 503 10.0%$"))
    page.get_by_role("button", name="Reset").click()
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#conditions")).to_contain_text("no faults")
    assert sandbox.state()["users"] == {}


def test_an_open_detail_leaves_nothing_empty_to_scroll_to(page: Page, client: Client) -> None:
    """The page itself never scrolls, and the detail ends with its last section."""
    attributes = {f"a{number}": number for number in range(90)}
    client.post("/users", {"id": "u1", "attributes": attributes})
    rows(page).first.click()
    expect(page.get_by_role("complementary", name="u1")).to_contain_text("a89")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    below = """(() => {
        const pane = document.querySelector("aside");
        const last = pane.lastElementChild.getBoundingClientRect().bottom;
        return pane.scrollHeight - (last - pane.getBoundingClientRect().top + pane.scrollTop);
    })()"""
    assert page.evaluate(below) < 40


def test_a_move_is_shown_although_the_page_looks_again_meanwhile(
    page: Page, client: Client
) -> None:
    """A later look drops the answers to the earlier one, and shows the same place."""
    client.post("/users", ADA)
    expect(rows(page)).to_have_count(1)
    page.evaluate("""() => {
        const look = () => document.dispatchEvent(new Event("visibilitychange"));
        addEventListener("hashchange", () => setTimeout(look), { once: true });
        location.hash = "#requests";
    }""")
    expect(rows(page)).to_contain_text("POST /users")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_and_no_barrier_is_met(
    browser: Browser,
    client: Client,
    sandbox: Sandbox,
    width: int,
) -> None:
    """On a telephone and on a desk, in light and in dark: a list, what opens of it, the faults."""
    client.post("/users", {**ADA, "memberships": [{"group": {"id": "acme"}, "attributes": {}}]})
    event = {"name": "a_name_that_is_long", "attributes": {"an_attribute_of_a_long_name": "value"}}
    client.post("/events", {"user_id": "u1", **event})
    size = {"width": width, "height": 800}
    with opened(browser, f"{sandbox.url}/", viewport=size) as page:
        choose(page, "Requests", "All")
        assert barriers(page) == []
        page.locator("#controls summary").click()
        box = page.locator("#controls > div").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.keyboard.press("Escape")
        expect(page.locator("#controls > div")).to_be_hidden()
        page.goto(f"{sandbox.url}/#users?of=users&id=u1")
        detail = page.get_by_role("complementary", name="u1")
        expect(detail).to_contain_text("an_attribute_of_a_long_name")
        assert detail.evaluate("(one) => one.scrollWidth <= one.clientWidth")
        assert barriers(page) == []


def test_the_headings_are_in_order(page: Page, client: Client) -> None:
    """No level is left out, with a detail and without."""
    client.post("/users", ADA)
    rows(page).first.click()
    expect(page.get_by_role("complementary", name="u1")).to_be_visible()
    headings = "[...document.querySelectorAll('h1, h2, h3, h4')].map((h) => +h.tagName[1])"
    levels = page.evaluate(headings)
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_paused_page_holds_still(page: Page, client: Client) -> None:
    """Until it is told to follow again."""
    client.post("/users", ADA)
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    client.post("/users", BEN)
    with page.expect_response("**/list?**"):
        page.get_by_role("button", name="Paused").click()
    expect(rows(page)).to_have_count(2)


def test_the_keyboard_moves_opens_and_closes(page: Page, client: Client) -> None:
    """With j, k and the arrows, Enter and Esc; the focus stays where it was."""
    for user in (ADA, BEN, ANOTHER):
        client.post("/users", user)
    expect(rows(page)).to_have_count(3)
    for key in ("j", "ArrowDown", "j", "k"):
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="u2")).to_be_focused()
    page.keyboard.press("Enter")
    detail = page.get_by_role("complementary", name="u2")
    expect(detail).to_contain_text("ben@example.com")
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(page.get_by_role("link", name="u2")).to_be_focused()


def test_the_focus_stays_on_its_row_while_others_come(page: Page, client: Client) -> None:
    """A list that grows at its head takes nothing away from who reads it by keyboard."""
    choose(page, "Requests", "All")
    client.post("/users", ADA)
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("j")
    client.post("/users", BEN)
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(1).get_by_role("link")).to_be_focused()


def brightness(page: Page) -> int:
    """How bright the ground is, 0 to 765."""
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", color)[:3]))


@pytest.mark.parametrize(("scheme", "dark"), [("dark", True), ("light", False)])
def test_the_page_is_as_dark_as_the_reader_likes(
    browser: Browser,
    sandbox: Sandbox,
    scheme: str,
    dark: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Light letters on a dark ground, or the reverse."""
    with opened(browser, f"{sandbox.url}/", color_scheme=scheme) as page:
        assert (brightness(page) < 150) is dark


def test_a_narrow_page_has_all_of_it(
    browser: Browser,
    sandbox: Sandbox,
    client: Client,
) -> None:
    """Nothing is wider than a telephone; a thing that is opened covers its list until closed."""
    client.post("/users", {**ADA, "attributes": {"email": f"{'a' * 60}@example.com"}})
    small = {"width": 375, "height": 700}
    with opened(browser, f"{sandbox.url}/", viewport=small) as page:
        rows(page).first.click()
        detail = page.get_by_role("complementary", name="u1")
        expect(detail).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Close")).to_be_focused()
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        page.keyboard.press("Enter")
        expect(detail).to_be_hidden()
        expect(page.get_by_role("link", name="u1")).to_be_focused()


def test_a_page_whose_sandbox_ended_says_so(browser: Browser) -> None:
    """What it shows stays there to be read."""
    with browser.new_context() as context:
        page = context.new_page()
        with running() as sandbox:
            Client(sandbox).post("/users", ADA)
            page.goto(f"{sandbox.url}/")
            expect(rows(page)).to_have_count(1)
        expect(page.get_by_role("button", name="No connection")).to_be_visible()
        expect(rows(page)).to_have_count(1)


def test_every_key_that_was_chosen_stays_unseen(page: Page, sandbox: Sandbox) -> None:
    """The command for an empty sandbox has a blank in its place."""
    sandbox.configure(api_key="ak_chosen", user_interviews_api_key="ui_chosen")
    page.reload()
    expect(page.locator("#empty pre")).to_contain_text("<api_key>")
    assert "chosen" not in page.content()
