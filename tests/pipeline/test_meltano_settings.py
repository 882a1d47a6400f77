"""Every setting gets through Meltano as what it is: from YAML, `.env` and the environment."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.meltano import ROOT, Project, meltano_of

from target_userflow.config.problems import problems
from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SCHEMA: dict[str, Any] = deepcopy(TargetUserflow.config_jsonschema)
TargetUserflow.append_builtin_config(SCHEMA)
SETTINGS: dict[str, Any] = SCHEMA["properties"]
PRINTER = f"""#!{sys.executable}
import sys
from pathlib import Path

print(Path(sys.argv[sys.argv.index("--config") + 1]).read_text())
"""
"""Stands in the target's place: prints the config file that Meltano hands over."""

pytestmark = pytest.mark.skipif(not (ROOT / "meltano.yml").exists(), reason="only in a checkout")


def other_than_default(name: str, setting: Mapping[str, Any]) -> Any:
    """A legal value of a setting that nobody would get without setting it."""
    default, types = setting.get("default"), {*setting["type"]} - {"null"}
    if "enum" in setting:
        return next(one for one in setting["enum"] if one != default)
    if "boolean" in types:
        return not default
    if "integer" in types:
        return 7 if default != 7 else 8
    if "number" in types:
        return 0.25
    if "object" in types:
        return {"users": {"nulls": "omit"}} if name == "streams" else {"users": {"a": "b"}}
    return "https://example.com" if name.endswith("_url") else "other"


VALUES = {name: other_than_default(name, one) for name, one in SETTINGS.items()}
VALUES |= {"shard": "3/8", "metrics_path": "other.prom"}


def as_text(value: Any) -> str:
    """A value as environment variables hold it."""
    return value if isinstance(value, str) else json.dumps(value)


def variables() -> dict[str, str]:
    """All settings as environment variables."""
    return {f"TARGET_USERFLOW_{name.upper()}": as_text(one) for name, one in VALUES.items()}


def in_yaml(home: Path) -> dict[str, str]:
    """Put them under the loader's `config:`."""
    path = home / "meltano.yml"
    project = yaml.safe_load(path.read_text())
    project["plugins"]["loaders"][0]["config"] = VALUES
    path.write_text(yaml.safe_dump(project))
    return {}


def in_dotenv(home: Path) -> dict[str, str]:
    """Put them into the project's `.env`."""
    lines = [f"{name}='{text}'\n" for name, text in variables().items()]
    (home / ".env").write_text("".join(lines))
    return {}


def in_environment(home: Path) -> dict[str, str]:  # noqa: ARG001 - nothing is written for it
    """Set them as variables of the process."""
    return variables()


@pytest.fixture(scope="module")
def meltano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Meltano's program."""
    return meltano_of(tmp_path_factory)


@pytest.mark.parametrize("way", [in_yaml, in_dotenv, in_environment])
def test_every_setting_gets_through_meltano_as_what_it_is(
    meltano: Path, tmp_path: Path, way: Callable[[Path], dict[str, str]]
) -> None:
    """The target reads what Meltano hands over as the value that was set, and has no complaint."""
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (loader,) = definition["plugins"]["loaders"]
    del loader["pip_url"]
    (tmp_path / "printer").write_text(PRINTER)
    (tmp_path / "printer").chmod(0o700)
    definition["plugins"] = {"loaders": [{**loader, "executable": "./printer"}]}
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(definition))
    environment = way(tmp_path)
    printed = Project(meltano, tmp_path)("invoke", "target-userflow", **environment)
    config = json.loads(printed)
    assert problems(config, SCHEMA) == []
    assert {name: repr(value) for name, value in config.items()} == {
        name: repr(value) for name, value in VALUES.items()
    }
