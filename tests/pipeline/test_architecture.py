"""What ARCHITECTURE.md and CONTRIBUTING.md name is there, so that nobody looks for it in vain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import target_userflow

ROOT = Path(__file__).parents[2]
PACKAGE = Path(target_userflow.__file__).parent  # elsewhere, where the built one is tested
PATH = re.compile(r"`([\w./-]+?(?:\.(?:py|yml|toml)|/))(?:::(\w+))?`")
LAYERS = re.compile(r"^layers = \[\n(.*?)^\]", re.DOTALL | re.MULTILINE)
FLOOR = re.compile(r"^\| (`\w+(?:\.py|/)`(?:, `\w+(?:\.py|/)`)*) \|", re.MULTILINE)

pytestmark = pytest.mark.skipif(
    not (ROOT / "ARCHITECTURE.md").exists(), reason="only in a checkout"
)


def places(path: str) -> list[Path]:
    """The files or folders that a document may mean; a bare name says less than a path."""
    found = [
        place for place in (PACKAGE / path, PACKAGE.parent / path, ROOT / path) if place.exists()
    ]
    return found or ([] if "/" in path else [*PACKAGE.rglob(path)])


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_each_file_and_test_that_is_named_is_there(document: str) -> None:
    """A file that moves, or a test that gets another name, is named anew."""
    named = PATH.findall((ROOT / document).read_text())
    assert len(named) > 10
    assert [path for path, _ in named if not places(path)] == []
    tests = [(places(path)[0].read_text(), test) for path, test in named if test]
    assert [test for text, test in tests if f"def {test}(" not in text] == []


def test_the_floors_are_those_that_import_linter_holds() -> None:
    """From the upper to the lower, each with all that stands on it."""
    (layers,) = LAYERS.findall((ROOT / "pyproject.toml").read_text())
    held = [set(re.findall(r"target_userflow\.(\w+)", line)) for line in layers.splitlines()]
    floors = FLOOR.findall((ROOT / "ARCHITECTURE.md").read_text())
    assert [set(re.findall(r"`(\w+)", floor)) for floor in floors] == held
