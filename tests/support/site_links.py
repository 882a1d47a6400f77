"""Finds links of the built site that lead nowhere; as a script, `site_links.py FOLDER`."""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The targets of a page's links, and the places in it that links may lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as the base class has it
        for name, value in attrs:
            if name in {"href", "src"}:
                self.links.add(value or "")
            if name in {"id", "name"}:
                self.places.add(value or "")


@cache
def _page(path: Path) -> _Page:
    return _Page(path.read_text())


def broken_links(site: Path) -> list[str]:
    """The links within a folder of pages that lead to no file, or to no place in it."""
    pages = [path for path in sorted(site.rglob("*.html")) if path.name != "404.html"]
    return [
        f"{path.relative_to(site)}: {link}"
        for path in pages
        for link in sorted(_page(path).links)
        if not _leads_somewhere(path, link)
    ]


def _leads_somewhere(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:  # elsewhere, which is not looked at
        return parts.scheme in {"https", "http", "mailto", "data"}
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if there.is_dir():
        there /= "index.html"
    if there.suffix != ".html":
        return there.is_file()
    return there.is_file() and unquote(parts.fragment) in _page(there).places


if __name__ == "__main__":
    sys.exit("\n".join(broken_links(Path(sys.argv[1]).resolve())) or None)
