"""What the command says of itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.process import TARGET


def said(*arguments: str) -> str:
    """What is printed for some arguments."""
    done = subprocess.run([*TARGET, *arguments], capture_output=True, check=True, text=True)  # noqa: S603 - our own module
    return done.stdout


def test_about_as_text_has_descriptions_defaults_and_variables() -> None:
    """Nobody needs another page to set a setting; it fits a terminal."""
    text = said("--about")
    assert max(map(len, text.splitlines())) <= 80
    (_, _, region) = text.partition("  region  (us or eu)\n")
    assert region.splitlines()[:3] == [
        "      Where the Userflow environment is: `us` or `eu`.",
        '      Default: "us"',
        "      Variable: TARGET_USERFLOW_REGION",
    ]
    assert "  api_key  (string, secret)" in text


def test_help_has_an_example() -> None:
    """Of a pipe, and of a config."""
    text = said("--help")
    assert "tap-csv --config tap.json | target-userflow --config config.json" in text
    assert '{"api_key": "ak_...", "streams": {"customers": {"object": "users"}}}' in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_shell_can_complete_the_commands() -> None:
    """Click writes the script, and the words that fit what was typed."""
    environ = {**os.environ, "_TARGET_USERFLOW_COMPLETE": "bash_source"}
    script = Path(sys.executable).with_name("target-userflow")
    done = subprocess.run([script], capture_output=True, check=False, env=environ, text=True)  # noqa: S603 - our own command
    assert "_TARGET_USERFLOW_COMPLETE=bash_complete" in done.stdout
    typed = {"COMP_WORDS": "target-userflow dead-letters ", "COMP_CWORD": "2"}
    environ |= {"_TARGET_USERFLOW_COMPLETE": "bash_complete", **typed}
    done = subprocess.run([script], capture_output=True, check=False, env=environ, text=True)  # noqa: S603 - likewise
    assert done.stdout.split() == ["plain,list", "plain,replay", "plain,show"]
