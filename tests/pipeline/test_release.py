"""What is published: packages that PyPI takes, and a definition that Meltano adds."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.meltano import MELTANO, ROOT, Project, meltano_of, run

if TYPE_CHECKING:
    from pathlib import Path

    from support.meltano import Command

HUB = ROOT / "hub/_data/meltano/loaders/target-userflow/original.yml"

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only in a clone")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as the release builds it, with the repository's address."""
    copy = tmp_path_factory.mktemp("release")
    for name in run(["git", "ls-files"], ROOT).stdout.split():
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    address = run([copy / ".ci/address", "https://github.com/owner/name"], copy)
    assert address.returncode == 0, address.stderr
    built = run([sys.executable, "-m", "build", "--installer", "uv"], copy)
    assert built.returncode == 0, built.stderr
    return copy


def test_pypi_takes_both_packages(published: Path) -> None:
    """The README can be shown, and nothing about the metadata is only a warning."""
    packages: Command = [*sorted((published / "dist").iterdir())]
    assert len(packages) == 2
    done = run([sys.executable, "-m", "twine", "check", "--strict", *packages], published)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_has_the_repositorys_address_and_no_definition_of_the_hub(
    published: Path,
) -> None:
    """The links of the README are whole, as PyPI shows it apart from the repository."""
    (wheel,) = (published / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("/METADATA"))
        text = archive.read(metadata).decode()
    assert not [name for name in names if name.endswith(".yml")]
    assert "Project-URL: Issues, https://github.com/owner/name/issues" in text
    assert "(https://github.com/owner/name/blob/main/docs/faq.md)" in text
    assert "](docs/" not in text


def test_the_version_is_the_newest_of_the_changelog() -> None:
    """A release is not built under the number of the one before."""
    heading = r"^## \[(.*)\]"
    newest, *_ = re.findall(heading, (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "(.*)"$', project, re.MULTILINE)
    assert newest in {"Unreleased", version}


@pytest.mark.parametrize(
    ("meltano", "form"), [(MELTANO, ["--plugin-type", "loader"]), ("meltano==3.9.5", ["loader"])]
)
def test_meltano_adds_the_definition_of_the_hub_to_an_empty_project(
    meltano: str, form: list[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`meltano add loader target-userflow --from-ref …`, with every setting and command."""
    empty: dict[str, Any] = {"version": 1, "project_id": "empty", "environments": [{"name": "dev"}]}
    empty["send_anonymous_usage_stats"] = False
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(empty))
    project = Project(meltano_of(tmp_path_factory, meltano), tmp_path)
    project("add", *form, "target-userflow", "--no-install", "--from-ref", str(HUB))
    (loader,) = yaml.safe_load((tmp_path / "meltano.yml").read_text())["plugins"]["loaders"]
    definition = yaml.safe_load(HUB.read_text())
    assert loader["pip_url"] == definition["pip_url"] == "target-userflow"
    assert loader["settings"] == definition["settings"]
    assert loader["commands"] == definition["commands"]
