"""The machine's own Chromium, without a screen and without a word to the network."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

PATIENCE = 60_000
"""Milliseconds until something has to be seen; a busy machine is looked at less often."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
_NO_SANDBOX = ("--no-sandbox",) if os.geteuid() == 0 else ()  # root can't have one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*QUIET, *_NO_SANDBOX])
        yield started
        started.close()


def barriers(page: Page) -> list[str]:
    """What axe finds on a page, in light and in dark, that keeps somebody from using it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    page.emulate_media(color_scheme="dark")
    found += axe.run(page, options={"runOnly": ["color-contrast"]}).response["violations"]
    return [f"{one['help']}: {node['target']}" for one in found for node in one["nodes"]]


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet; nothing may fail or leave for elsewhere."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        yield page
        assert not complaints
        assert asked
        assert all(one.startswith(url) for one in asked)
