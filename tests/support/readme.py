"""The README as tests read it: its commands, its blocks of code, the configs of its recipes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_FOLD = re.compile(r"<summary>Recipe: (.*?)</summary>(.*?)</details>", re.DOTALL)
_PROGRAM = re.compile(r"([A-Z_]+=\S+ )*(curl|meltano|pip|python|tap-\w+|target-userflow\S*|uv) .")


def blocks(language: str, text: str | None = None) -> list[str]:
    """The blocks of code in one language, of the README or of a part of it."""
    found = _BLOCK.findall(README.read_text() if text is None else text)
    return [dedent(code) for tag, code in found if tag == language]


def block(language: str, words: str) -> str:
    """The one block that holds some words."""
    (found,) = (one for one in blocks(language) if words in one)
    return found


def recipes() -> dict[str, str]:
    """The recipes by their titles."""
    return dict(_FOLD.findall(README.read_text()))


def config(title: str, number: int = 0) -> dict[str, Any]:
    """The one config of a recipe, or that of a number."""
    found: dict[str, Any] = yaml.safe_load(blocks("yaml", recipes()[title])[number])
    return found


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
    prose = _BLOCK.sub("", README.read_text())
    quoted = (" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose))
    return [one for one in quoted if _PROGRAM.match(one)]


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:  # a quotation goes on
        return False
    return not command.endswith(("|", "&&", "\\"))
