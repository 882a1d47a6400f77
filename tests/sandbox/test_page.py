"""The sandbox's page, as someone with a browser meets it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from sandbox.test_userflow import Client
from support.browser import barriers, browser, opened  # noqa: F401 - a fixture

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Error, expect

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from target_userflow.sandbox import Sandbox

ADA = {"id": "u1", "attributes": {"name": "Ada Abel", "email": "ada@example.com", "seats": 5}}
BEN = {"id": "u2", "attributes": {"name": "Ben Berg", "email": "ben@example.com"}}
ANOTHER = {"id": "x9", "attributes": {}}
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """Writes to the sandbox that the page shows."""
    client = Client(sandbox)
    yield client
    client.http.close()


@pytest.fixture
def page(browser: Browser, sandbox: Sandbox) -> Iterator[Page]:  # noqa: F811 - the fixture
    """The page, on a wide and light screen."""
    with opened(browser, f"{sandbox.url}/", viewport={"width": 1280, "height": 800}) as page:
        yield page


def rows(page: Page) -> Locator:
    """What the list has."""
    return page.locator("#rows tbody tr")


def choose(page: Page, api: str, label: str) -> None:
    """Go to a list."""
    link = page.get_by_label(api, exact=True).get_by_role("link", name=label)
    link.click()
    expect(link).to_have_attribute("aria-current", "page")


def copied(page: Page) -> str:
    """The command that an empty list offers."""
    text = page.locator("#empty pre").text_content()
    assert text
    return text


def run(command: str, directory: Path) -> None:
    """Run what the page says in a shell, with what is installed beside this Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(  # noqa: S603 - our own commands
        ["/bin/bash", "-o", "pipefail", "-c", command],
        cwd=directory,
        env={**os.environ, "PATH": path},
        check=True,
        capture_output=True,
        timeout=120,
    )


def test_an_empty_page_says_how_to_fill_it_and_fills_without_a_reload(
    page: Page, tmp_path: Path
) -> None:
    """Its command runs the real target, and what that brought is there a moment later."""
    expect(rows(page)).to_have_count(0)
    run(copied(page), tmp_path)
    expect(page.get_by_label("Userflow", exact=True)).to_contain_text("Users200")
    expect(rows(page)).to_have_count(50)
    choose(page, "Userflow", "Groups")
    expect(rows(page)).to_have_count(40)
    choose(page, "User Interviews", "Participants")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#range")).to_have_text("51\u2013100 of 150")
    choose(page, "Userflow", "Events")
    expect(page.locator("#range")).to_have_text("1\u201350 of 600")


def test_the_command_for_userpilot_fills_its_lists(page: Page, tmp_path: Path) -> None:
    """Of the sample only a few lines are sent here: Userpilot's limit makes all of it long."""
    choose(page, "Userpilot", "Companies")
    few = r"grep -E 'SCHEMA|\"id\": \"?u?[1-3]\"?,'"
    run(copied(page).replace("sample |", f"sample | {few} |"), tmp_path)
    for label in ("Companies", "Users", "Events"):
        choose(page, "Userpilot", label)
        expect(rows(page)).to_have_count(3)


def test_a_user_is_shown_with_types_memberships_and_events(page: Page, client: Client) -> None:
    """A value of another type than its attribute's says both; a link leads to the group."""
    group = {"id": "acme", "attributes": {"name": "Acme"}}
    memberships = [{"group": group, "attributes": {"role": "owner"}}]
    client.post("/users", {**ADA, "memberships": memberships})
    client.post("/users", {"id": "u1", "attributes": {"seats": "five", "tags": ["beta", "trial"]}})
    client.post("/events", {"user_id": "u1", "name": "signed_in", "attributes": {"ms": 12.50}})
    rows(page).first.click()
    detail = page.get_by_role("complementary", name="u1")
    expect(detail.get_by_role("row", name="email")).to_contain_text("stringada@example.com")
    expect(detail.get_by_role("row", name="seats")).to_contain_text("defined as numberfive")
    expect(detail.get_by_role("listitem")).to_have_text(["beta", "trial"])
    expect(detail.get_by_role("row", name="signed_in")).to_contain_text("ms 12.5")
    detail.get_by_role("link", name="acme").click()
    group_detail = page.get_by_role("complementary", name="acme")
    expect(group_detail.get_by_role("row", name="u1")).to_contain_text("Ada Abelrole owner")


def test_a_search_finds_users_by_id_email_or_name(page: Page, client: Client) -> None:
    """In any case of the letters; Esc brings all of them back, and then leaves the search."""
    for user in (ADA, BEN, ANOTHER):
        client.post("/users", user)
    expect(rows(page)).to_have_count(3)
    for sought in ("u2", "BEN@example", "ben berg"):
        page.keyboard.press("/")
        page.keyboard.type(sought)
        expect(rows(page)).to_have_count(1)
        expect(rows(page)).to_contain_text("ben@example.com")
        expect(page.get_by_role("status")).to_have_text("1 found")
        page.keyboard.press("Escape")
        expect(rows(page)).to_have_count(3)
        page.keyboard.press("Escape")


def test_a_search_that_finds_nothing_says_what_to_do(page: Page, client: Client) -> None:
    """Not the command for an empty sandbox."""
    client.post("/users", ADA)
    page.get_by_role("searchbox").fill("nobody")
    expect(page.locator("#empty")).to_have_text(
        "Nothing has “nobody” in it. Esc clears the search."
    )


def test_a_refused_request_shows_the_rule_that_it_broke(page: Page, client: Client) -> None:
    """With its status, its latency and its body as it was sent; the page needs no reload."""
    choose(page, "Requests", "Refused")
    expect(page.locator("#empty")).to_contain_text("_sandbox/config")
    client.send("POST", "/events", {"name": "signed_in", "attributes": {"big": 10**20}})
    expect(rows(page)).to_contain_text("400")
    expect(rows(page)).to_contain_text("at least one of user_id and group_id must be given")
    rows(page).first.click()
    detail = page.get_by_role("complementary")
    expect(detail.get_by_role("row", name="Latency")).to_contain_text(re.compile(r"\d\.\d ms"))
    expect(detail.locator("pre")).to_contain_text('"big": 100000000000000000000')


def test_requests_are_told_with_what_came_of_them(
    page: Page, client: Client, sandbox: Sandbox
) -> None:
    """A wrong key, a fault, an event of a stranger, and what was written."""
    client.post("/users", ADA)
    client.send("GET", "/users", Authorization="Bearer wrong")
    client.post("/events", {"name": "signed_in", "user_id": "nobody"})
    sandbox.script([{"fault": "503"}])
    client.send("GET", "/users")
    choose(page, "Requests", "All")
    outcomes = ["answers 503", "the user did not exist yet", "no valid API key", "written"]
    expect(page.locator("#rows td.rest")).to_contain_text(outcomes)


def test_a_request_shows_its_answer_its_user_and_the_command_that_repeats_it(
    page: Page, client: Client, sandbox: Sandbox
) -> None:
    """In its row the user's id and the time of day; the command does again what was done."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    client.post("/users", ADA)
    choose(page, "Requests", "All")
    expect(rows(page)).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))
    expect(rows(page).locator("td").last).to_have_text("u1")
    rows(page).first.click()
    detail = page.get_by_role("complementary")
    expect(detail.locator("samp")).to_contain_text('"object": "user"')
    detail.get_by_role("button", name="Copy as curl").click()
    expect(detail.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    client.send("DELETE", "/users/u1")
    subprocess.run(["/bin/sh", "-c", f"{command} --fail -sS"], check=True, capture_output=True)  # noqa: S603 - the page's own
    assert sandbox.state()["users"]["u1"]["attributes"] == ADA["attributes"]
    detail.get_by_role("link", name="u1").click()
    expect(page.get_by_role("complementary", name="u1")).to_contain_text("ada@example.com")


def test_requests_are_filtered_by_status(page: Page, client: Client) -> None:
    """The filter is part of the address, and only requests have it."""
    expect(page.get_by_label("Status")).to_be_hidden()
    client.post("/users", ADA)
    client.send("GET", "/users/nobody")
    choose(page, "Requests", "All")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Status").focus()
    page.keyboard.press("ArrowDown")  # 2xx
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Status")).to_have_value("4")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("404")
    page.reload()
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Status").select_option("5xx")
    expect(page.locator("#empty")).to_have_text("No request has this status.")


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
    browser: Browser,  # noqa: F811 - the fixture
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


def test_hostile_values_are_shown_as_text(page: Page, client: Client) -> None:
    """In a list, in a detail, in the search and in a request's body."""
    attributes = {"name": HOSTILE, "email": HOSTILE, "tags": [HOSTILE]}
    client.post("/users", {"id": HOSTILE, "attributes": attributes})
    client.send("POST", "/users", {"id": "u", "attributes": {HOSTILE: 1}})
    expect(rows(page)).to_contain_text([HOSTILE])
    rows(page).first.click()
    expect(page.get_by_role("listitem")).to_have_text(HOSTILE)
    page.get_by_role("link", name="Requests that name it").click()
    page.get_by_role("searchbox").fill(HOSTILE)
    expect(page.get_by_role("status")).to_have_text("2 found")
    expect(page.locator("#rows td.rest").first).to_contain_text(HOSTILE)
    rows(page).nth(1).click()
    expect(page.locator("aside pre")).to_contain_text(HOSTILE)
    expect(page.locator("img, body script")).to_have_count(0)


HOSTILE_TEXTS = [
    "javascript:alert(3)",
    (
        f"{HOSTILE}\"><svg onload=alert(4)>';alert(5)//{{{{alert(6)}}}}${{alert(7)}}\u202egpj.exe"
        "</script><iframe src=//evil.example>"
    ),
]
"""Text that is code to who takes it for a URL, for markup, an attribute or a template."""
USERPILOT = {"Authorization": "Token up_sandbox", "X-API-Version": "2020-09-22"}
PARTICIPANTS = {
    "Authorization": "Bearer ui_sandbox",
    "Accept": "application/vnd.user-interviews.v2+json",
    "Content-Type": "application/vnd.user-interviews.v2+json",
}


def write_hostile(sandbox: Sandbox, value: str) -> None:
    """Have a hostile value wherever the three APIs take one, and where they refuse it."""
    client = Client(sandbox)
    try:
        client.headers = {**client.headers, "User-Agent": value.encode("ascii", "replace").decode()}
        attributes = {"name": value, "email": value, "tags": [value]}
        membership = {"group": {"id": value, "attributes": attributes}, "attributes": attributes}
        client.post("/users", {"id": value, "attributes": attributes, "memberships": [membership]})
        client.post("/events", {"name": "e", "user_id": value, "attributes": {"a": value}})
        client.send("POST", "/events", {"name": value, "user_id": value})
        client.send("GET", f"/users/{quote(value, safe='')}?limit={quote(value)}")
        client.headers = {**client.headers, **PARTICIPANTS}
        batch = [{"email": "eve@example.com", "first_name": value}, {"email": value}]
        for fields in batch:
            body = {"data": [{"type": "participant", "attributes": fields}]}
            client.send("PATCH", "/api/participants/batches", body)
        client.headers = {**client.headers, **USERPILOT, "Content-Type": "application/json"}
        company = {"id": value, "name": value}
        person = {"user_id": value, "metadata": attributes, "company": company}
        client.send("POST", "/v1/identify", person)
        client.send("POST", "/v1/companies/identify", {"company_id": value, "metadata": attributes})
        event = {"user_id": value, "event_name": value, "metadata": attributes}
        client.send("POST", "/v1/track", event)
    finally:
        client.http.close()


@pytest.mark.parametrize("value", HOSTILE_TEXTS)
def test_a_hostile_value_is_text_in_every_list_and_in_all_that_opens(
    page: Page, sandbox: Sandbox, value: str
) -> None:
    """Of all APIs, and of every request: nothing of it runs, loads or becomes an element.

    That nothing runs, complains or leaves for elsewhere is what the page fixture asserts.
    """
    write_hostile(sandbox, value)
    links = page.locator("nav a")
    expect(links.first).to_be_visible()
    opened_rows = 0
    for place in range(links.count()):
        links.nth(place).click()
        expect(links.nth(place)).to_have_attribute("aria-current", "page")
        expect(page.locator("#rows tbody tr, #empty:visible").first).to_be_visible()
        for number in range(rows(page).count()):
            rows(page).nth(number).click()
            expect(page.locator("aside")).to_be_visible()
            expect(page.locator("img, iframe, svg[onload], body script")).to_have_count(0)
            expect(page.locator("a[href^=javascript]")).to_have_count(0)
            opened_rows += 1
            page.keyboard.press("Escape")
            expect(page.locator("aside")).to_be_hidden()
    assert opened_rows >= 15


def test_a_hostile_link_to_the_page_shows_nothing_of_itself_as_markup(
    browser: Browser,  # noqa: F811 - the fixture
    sandbox: Sandbox,
) -> None:
    """What stands behind `#` and `?` is somebody else's, too."""
    for value in HOSTILE_TEXTS:
        for tail in (
            f"#{quote(value)}",
            f"#users?search={quote(value)}",
            f"#users?of=users&id={quote(value)}",
        ):
            with browser.new_context() as context:
                page = context.new_page()
                messages: list[str] = []
                page.on("dialog", lambda dialog: messages.append(dialog.message))  # noqa: B023 - used in this turn
                page.goto(f"{sandbox.url}/{tail}")
                expect(page.locator("nav a").first).to_be_visible()
                expect(page.locator("img, iframe, svg[onload], body script")).to_have_count(0)
                assert messages == []


def test_the_page_takes_no_text_for_markup(
    browser: Browser,  # noqa: F811 - the fixture
    sandbox: Sandbox,
) -> None:
    """Where its code came to do so after all, the browser would refuse it."""
    with browser.new_context() as context:
        (page := context.new_page()).goto(f"{sandbox.url}/")
        with pytest.raises(Error, match="TrustedHTML"):
            page.evaluate("document.body.innerHTML = '<b>bold</b>'")


def brightness(page: Page) -> int:
    """How bright the ground is, 0 to 765."""
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", color)[:3]))


@pytest.mark.parametrize(("scheme", "dark"), [("dark", True), ("light", False)])
def test_the_page_is_as_dark_as_the_reader_likes(
    browser: Browser,  # noqa: F811 - the fixture
    sandbox: Sandbox,
    scheme: str,
    dark: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Light letters on a dark ground, or the reverse."""
    with opened(browser, f"{sandbox.url}/", color_scheme=scheme) as page:
        assert (brightness(page) < 150) is dark


def test_a_narrow_page_has_all_of_it(
    browser: Browser,  # noqa: F811 - the fixture
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


def test_a_page_whose_sandbox_ended_says_so(browser: Browser) -> None:  # noqa: F811 - the fixture
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
