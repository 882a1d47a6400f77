"""The sandbox's page, as someone with a browser uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


ADA = {"id": "u1", "attributes": {"name": "Ada Abel", "email": "ada@example.com", "seats": 5}}
BEN = {"id": "u2", "attributes": {"name": "Ben Berg", "email": "ben@example.com"}}
ANOTHER = {"id": "x9", "attributes": {}}
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def rows(page: Page) -> Locator:
    """What the list has."""
    return page.locator("#rows tbody tr")


def choose(page: Page, api: str, label: str) -> None:
    """Go to a list."""
    from playwright.sync_api import expect  # noqa: PLC0415 - which not everybody has

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
