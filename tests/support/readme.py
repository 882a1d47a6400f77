"""The README and docs/ as tests read them: commands, blocks of code, configs of recipes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_PROGRAM = re.compile(r"([A-Z_]+=\S+ )*(curl|meltano|pip|python|tap-\w+|target-userflow\S*|uv) .")


def documents() -> list[Path]:
    """The README and the pages of the site."""
    return [README, *sorted(DOCS.rglob("*.md"))]


def everything() -> str:
    """The text of all documents."""
    return "\n\n".join(page.read_text() for page in documents() if page.exists())


def blocks(language: str, text: str | None = None) -> list[str]:
    """The blocks of code in one language, of all documents or of one text."""
    found = _BLOCK.findall(everything() if text is None else text)
    return [dedent(code) for tag, code in found if tag == language]


def block(language: str, words: str) -> str:
    """The first block that holds some words."""
    return next(code for code in blocks(language) if words in code)


def recipes() -> dict[str, str]:
    """The recipes by the names of their pages."""
    pages = sorted((DOCS / "recipes").glob("*.md"))
    return {page.stem: page.read_text() for page in pages if page.stem != "index"}


def config(page: str, number: int = 0) -> dict[str, Any]:
    """One of the configs of a recipe, in the order of the page."""
    found: dict[str, Any] = yaml.safe_load(blocks("yaml", recipes()[page])[number])
    return found


def loaders(project: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The loaders of (a part of) a Meltano project, those of its environments too."""
    plugins = [one["config"]["plugins"] for one in project.get("environments", [])]
    return [
        one for part in (project.get("plugins", {}), *plugins) for one in part.get("loaders", [])
    ]


def commands(text: str) -> Iterator[str]:
    """The commands of a block, each whole, over however many lines it goes."""
    command = ""
    for line in text.splitlines():
        command = f"{command}\n{line}" if command else line
        if _is_whole(command):
            yield command
            command = ""
    assert not command, f"never ends: {command}"


def inline_commands() -> list[str]:
    """The commands that stand in the running text."""
    prose = _BLOCK.sub("", everything())
    quoted = (" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose))
    return [one for one in quoted if _PROGRAM.match(one)]


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:  # a quotation goes on
        return False
    return not command.endswith(("|", "&&", "\\"))
