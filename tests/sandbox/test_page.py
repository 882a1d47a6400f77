"""The sandbox's page, as someone with a browser meets it: what it shows."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.page import ADA, ANOTHER, BEN, choose, copied, rows, run

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from support.sandbox_client import Client

    from target_userflow.sandbox import Sandbox


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
