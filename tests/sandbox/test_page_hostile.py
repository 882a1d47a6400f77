"""The sandbox's page shows hostile values as text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from support.page import HOSTILE, rows
from support.sandbox_client import Client

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Error, expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from target_userflow.sandbox import Sandbox


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
    browser: Browser,
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
    browser: Browser,
    sandbox: Sandbox,
) -> None:
    """Where its code came to do so after all, the browser would refuse it."""
    with browser.new_context() as context:
        (page := context.new_page()).goto(f"{sandbox.url}/")
        with pytest.raises(Error, match="TrustedHTML"):
            page.evaluate("document.body.innerHTML = '<b>bold</b>'")
