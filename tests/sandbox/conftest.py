"""The fixtures of the sandbox's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.browser import browser, opened  # noqa: F401 - a fixture
from support.sandbox_client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from target_userflow.sandbox import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox)
    yield client
    client.http.close()


@pytest.fixture
def page(browser: Browser, sandbox: Sandbox) -> Iterator[Page]:  # noqa: F811 - the fixture
    """The page, on a wide and light screen."""
    with opened(browser, f"{sandbox.url}/", viewport={"width": 1280, "height": 800}) as page:
        yield page
