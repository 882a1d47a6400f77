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
SETTINGS_PAGE = ROOT / "docs/settings.md"
SPEED = ROOT / "docs/speed.md"
MARKS = re.compile(r"(<!-- settings:.*?-->\n).*?(<!-- end of settings -->)", re.DOTALL)
MELTANO = ROOT / "meltano.yml"
SETTINGS = re.compile(r"(    settings: # written .*?\n).*?(    # end of settings\n)", re.DOTALL)
HUB = ROOT / "hub/_data/meltano/loaders/target-userflow/original.yml"
HUB_HEAD = """\
# The definition for Meltano Hub, where the Hub's repository has it: copy _data into that. It is
# written from --about and meltano.yml by `python tests/pipeline/test_docs.py`. What only the
# submission knows is left to it: repo, logo_url, and a variant of another name than the first.
"""
HUB_KINDS = {"integer", "boolean", "object", "array", "options", "string"}
"""Of the kinds that the Hub's `base_setting.schema.json` allows, those that are in use."""


@cache
def about() -> dict[str, Any]:
    """What `--about` tells."""
    command = [sys.executable, "-m", "target_userflow", "--about", "--format", "json"]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found


def settings() -> dict[str, dict[str, Any]]:
    """The settings as `--about` tells them."""
    found: dict[str, dict[str, Any]] = about()["settings"]["properties"]
    return found


def table() -> str:
    """The table of settings."""
    lines = ["| setting | default | |", "|---|---|---|"]
    for name, one in settings().items():
        default = msgspec.json.encode(one["default"]).decode() if "default" in one else ""
        description = " ".join(one.get("description", "").split())
        secret = " Secret." if one.get("secret") else ""
        lines.append(f"| `{name}` | {f'`{default}`' if default else ''} | {description}{secret} |")
    return re.sub(r"target-userflow/\d[^\"`]*", "target-userflow/<version>", "\n".join(lines))


def written() -> str:
    """The page of settings with its table as it should be."""
    text = SETTINGS_PAGE.read_text()
    return MARKS.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", text)


def kind(setting: dict[str, Any]) -> str:
    """What Meltano makes of a text: `decimal` it can't hand over, so that a number stays one.

    Meltano writes the config as JSON, which knows no `Decimal`; the target reads the text.
    """
    if "enum" in setting:
        return "options"
    types = {*setting["type"]} - {"null"}
    return types.pop() if len(types) == 1 and types < HUB_KINDS else "string"


def for_meltano(name: str, setting: dict[str, Any]) -> dict[str, Any]:
    """One setting as Meltano and its Hub define it."""
    choices = [{"label": one, "value": one} for one in setting.get("enum", ())]
    return {
        "name": name,
        "kind": kind(setting),
        **({"options": choices} if choices else {}),
        **({"sensitive": True} if setting.get("secret") else {}),
        "label": setting["title"],
        "description": " ".join(setting["description"].split()),
    }


def meltano() -> str:
    """The project's meltano.yml with the target's settings as they should be."""
    found = [for_meltano(*one) for one in settings().items()]
    text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=96)
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return SETTINGS.sub(lambda match: f"{match[1]}{lines}{match[2]}", MELTANO.read_text())


def loader() -> dict[str, Any]:
    """The definition of the target in the project's own meltano.yml."""
    loaders: list[dict[str, Any]] = yaml.safe_load(meltano())["plugins"]["loaders"]
    return next(one for one in loaders if one["name"] == "target-userflow")


def hub() -> str:
    """The definition for Meltano Hub as it should be."""
    own = loader()
    plugin = {
        "name": own["name"],
        "variant": HUB.stem,
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
    """One setting with its default."""
    default = settings()[setting["name"]].get("default")
    is_told = default is not None and setting["name"] != "user_agent"
    return {**setting, **({"value": default} if is_told else {})}


needs_the_checkout = pytest.mark.skipif(not SETTINGS_PAGE.exists(), reason="only in a checkout")


@needs_the_checkout
def test_the_site_lists_every_setting_as_about_does() -> None:
    """The table is what `python tests/pipeline/test_docs.py` writes from `--about`."""
    assert SETTINGS_PAGE.read_text() == written()


@needs_the_checkout
def test_meltano_knows_every_setting_as_about_does() -> None:
    """Name, kind, label, description and choices of each; nobody has to set one by hand."""
    assert MELTANO.read_text() == meltano()
    assert [one["name"] for one in loader()["settings"]] == [*settings()]
    assert {one["name"] for one in loader()["settings"] if one.get("sensitive")} == {
        name for name, one in settings().items() if one.get("secret")
    }


@needs_the_checkout
def test_meltano_hub_gets_what_meltano_yml_and_about_say() -> None:
    """Every setting with its kind, label, description and default, of kinds that the Hub knows."""
    assert HUB.read_text() == hub()
    told = yaml.safe_load(HUB.read_text())["settings"]
    assert [one["name"] for one in told] == [*settings()]
    assert {one["kind"] for one in told} <= HUB_KINDS
    assert all(one["label"] and one["description"] for one in told)


@needs_the_checkout
def test_meltano_knows_what_the_target_can_do() -> None:
    """The capabilities, which `--about` lists too."""
    assert loader()["capabilities"] == about()["capabilities"]


@needs_the_checkout
def test_the_definition_to_copy_needs_no_checkout() -> None:
    """What `pip_url` says can be installed from anywhere, and so nothing of it is in the wheel."""
    assert loader()["pip_url"] == "target-userflow"
    assert not [*Path(target_userflow.__file__).parent.rglob("*.yml")]


def test_no_setting_is_shown_that_does_nothing() -> None:
    """The SDK's settings for SQL targets have no meaning here."""
    assert not settings().keys() & {"load_method", "add_record_metadata", "batch_config"}


def plots() -> dict[Path, str]:
    """The plots of the page on speed, as they should be."""
    from support.plots import plots as drawn  # noqa: PLC0415 - a script finds it only now

    return {SPEED.parent / path: drawing for path, drawing in drawn(SPEED.read_text()).items()}


@needs_the_checkout
def test_the_plots_show_the_numbers_of_their_tables() -> None:
    """Each is what `python tests/pipeline/test_docs.py` draws of the table above it."""
    drawn = plots()
    assert len(drawn) == SPEED.read_text().count(".svg)")
    assert {path: path.read_text() for path in drawn} == drawn


def test_a_link_of_the_site_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    """`.ci/run` has all pages looked at, after they are built."""
    from support.site_links import broken_links  # noqa: PLC0415 - likewise

    (tmp_path / "there").mkdir()
    (tmp_path / "there/index.html").write_text('<h2 id="part">Part</h2><a href="../one.html">')
    links = ("there", "there/#part", "#here", "https://example.com", "two.html", "there/#no", "#no")
    text = "".join(f'<a href="{link}">' for link in links)
    (tmp_path / "one.html").write_text(f'<h1 id="here">{text}<img src="no.svg">')
    lost = [one.partition(" ")[2] for one in broken_links(tmp_path)]
    assert lost == ["#no", "no.svg", "there/#no", "two.html"]


if __name__ == "__main__":
    sys.path.append(str(ROOT / "tests"))
    for path, drawing in plots().items():
        path.write_text(drawing)
    SETTINGS_PAGE.write_text(written())
    MELTANO.write_text(meltano())
    HUB.write_text(hub())
