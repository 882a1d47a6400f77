"""What the documentation says is what the target does; run as a script, it writes the tables."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import target_userflow

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MARKS = re.compile(r"(<!-- settings:.*?-->\n).*?(<!-- end of settings -->)", re.DOTALL)
HUB = Path(target_userflow.__file__).parent / "hub.yml"
HUB_HEAD = """\
# The definition for Meltano Hub (_data/meltano/loaders/target-userflow/<variant>.yml there). It is
# written from meltano.yml and --about by `python tests/pipeline/test_docs.py`. What only the
# submission knows is left to it: variant, repo and logo_url.
"""
KINDS = {"integer": "integer", "boolean": "boolean", "number": "decimal", "object": "object"}


@cache
def settings() -> dict[str, dict[str, Any]]:
    """The settings as `--about` tells them."""
    command = [sys.executable, "-m", "target_userflow", "--about", "--format", "json"]
    about = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - our own
    found: dict[str, dict[str, Any]] = msgspec.json.decode(about)["settings"]["properties"]
    return found


def table() -> str:
    """The README's table of settings."""
    lines = ["| setting | default | |", "|---|---|---|"]
    for name, one in settings().items():
        default = msgspec.json.encode(one["default"]).decode() if "default" in one else ""
        description = " ".join(one.get("description", "").split())
        secret = " Secret." if one.get("secret") else ""
        lines.append(f"| `{name}` | {f'`{default}`' if default else ''} | {description}{secret} |")
    return re.sub(r"target-userflow/\d[^\"`]*", "target-userflow/<version>", "\n".join(lines))


def written() -> str:
    """The README with its table as it should be."""
    text = README.read_text()
    return MARKS.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", text)


def loader() -> dict[str, Any]:
    """The definition of the target in the project's own meltano.yml."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    loaders: list[dict[str, Any]] = project["plugins"]["loaders"]
    return next(one for one in loaders if one["name"] == "target-userflow")


def hub() -> str:
    """The definition for Meltano Hub as it should be."""
    own = loader()
    plugin = {
        "name": own["name"],
        "namespace": own["namespace"],
        "label": "Userflow",
        "description": "Userflow, User Interviews and Userpilot: users, groups, memberships, "
        "events and participants",
        "domain_url": "https://userflow.com",
        "pip_url": own["name"],
        "executable": own["executable"],
        "maintenance_status": "active",
        "keywords": ["api", "meltano_sdk", "reverse_etl"],
        **{name: own[name] for name in ("capabilities", "settings_group_validation", "commands")},
        "settings": [for_hub(one) for one in own["settings"]],
    }
    return HUB_HEAD + yaml.safe_dump(plugin, sort_keys=False, width=100)


def for_hub(setting: dict[str, Any]) -> dict[str, Any]:
    """One setting, with its kind and default."""
    default = settings()[setting["name"]].get("default")
    value = {} if default is None or setting["name"] == "user_agent" else {"value": default}
    return {"kind": "string", **setting, **value}


needs_the_checkout = pytest.mark.skipif(not README.exists(), reason="only in a checkout")


@needs_the_checkout
def test_the_readme_lists_every_setting_as_about_does() -> None:
    """The table is what `python tests/pipeline/test_docs.py` writes from `--about`."""
    assert README.read_text() == written()


@needs_the_checkout
def test_meltano_knows_every_setting_by_name_and_kind() -> None:
    """Nobody has to set an unknown setting by hand, and no secret is shown."""
    told = {
        one["name"]: (one.get("kind"), one.get("sensitive", False)) for one in loader()["settings"]
    }
    expected = {}
    for name, one in settings().items():
        kinds = [KINDS[kind] for kind in one["type"] if kind in KINDS]
        kind = "options" if "enum" in one else kinds[0] if kinds else None
        expected[name] = (kind, bool(one.get("secret")))
    assert told == expected


@needs_the_checkout
def test_meltano_hub_gets_what_meltano_yml_and_about_say() -> None:
    """Every setting with its kind, label, description and default, and secrets marked as such."""
    assert HUB.read_text() == hub()
    told = yaml.safe_load(HUB.read_text())["settings"]
    assert all({"name", "kind", "label", "description"} <= one.keys() for one in told)
    assert {one["name"] for one in told} == settings().keys()


def test_no_setting_is_shown_that_does_nothing() -> None:
    """The SDK's settings for SQL targets have no meaning here."""
    assert not settings().keys() & {"load_method", "add_record_metadata", "batch_config"}


if __name__ == "__main__":
    README.write_text(written())
    HUB.write_text(hub())
