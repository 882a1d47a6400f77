"""What is deleted in PostgreSQL is deleted in Userflow: the real tap-postgres, by log and by table.

The log needs wal2json, which not every PostgreSQL has: see `postgres.logging_postgres`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.process import TARGET, config_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.postgres import Database

    from target_userflow.sandbox import Sandbox

TAP = "meltanolabs-tap-postgres==0.10.0"
BY_LOG = {
    "log_based_single_connection": True,
    "auto_bootstrap_log_based": True,
    "replication_idle_exit_seconds": 1,
}
TABLES = """
    create table users (id text primary key, plan text not null);
    create table groups (id text primary key, name text not null);
    create table memberships (
        user_id text references users on delete cascade,
        group_id text references groups on delete cascade,
        role text not null,
        primary key (user_id, group_id)
    );
    insert into users select 'u' || n, 'free' from generate_series(1, 20) n;
    insert into groups values ('g1', 'Acme'), ('g2', 'Bolt');
    insert into memberships values
        ('u1', 'g1', 'admin'), ('u2', 'g1', 'admin'), ('u3', 'g1', 'admin'), ('u3', 'g2', 'admin');
"""
CHANGES = """
    delete from users where id = 'u1';
    delete from memberships where user_id = 'u3' and group_id = 'g1';
    delete from groups where id = 'g2';
    delete from users where id = 'u4';
    insert into users values ('u4', 'pro');
    insert into users values ('u21', 'new');
    delete from users where id = 'u21';
"""


@pytest.fixture(scope="module")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of tap-postgres, in an environment of its own."""
    uv = shutil.which("uv") or pytest.skip("uv is not installed")
    home = tmp_path_factory.mktemp("tap")
    made = run([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
    done = run([uv, "pip", "install", "--quiet", "--python", str(home), TAP])
    if made.returncode or done.returncode:
        pytest.skip(f"{TAP} can't be installed: {done.stderr[-500:]}")
    return home / "bin" / "tap-postgres"


@dataclass
class Pipeline:
    """`tap-postgres | target-userflow`, with the state of the run before."""

    tap: Path
    database: Database
    sandbox: Sandbox
    home: Path
    method: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __call__(self, status: int = 0, **config: Any) -> str:
        """Run both to the end, and tell what the target said."""
        settings = {**asdict(self.database), "filter_schemas": ["public"], **self.settings}
        source = [str(self.tap), "--config", self._written("tap", settings)]
        source += ["--catalog", self._written("catalog", self._catalog(source))]
        if (self.home / "state.json").exists():
            source += ["--state", str(self.home / "state.json")]
        extracted = run(source)
        assert extracted.returncode == 0, extracted.stderr
        config = {**self.sandbox.config, "hard_delete": True, **config}
        target = [*TARGET, "--config", str(config_file(self.home, config))]
        loaded = run(target, input=extracted.stdout)
        assert loaded.returncode == status, loaded.stderr
        if loaded.stdout:
            (self.home / "state.json").write_text(loaded.stdout.splitlines()[-1])
        return loaded.stderr

    def _catalog(self, source: list[str]) -> dict[str, Any]:
        """All streams, to be read by the method."""
        chosen: dict[str, Any] = {"selected": True, "replication-method": self.method}
        if self.method == "LOG_BASED":
            chosen["replication-key"] = "_sdc_lsn"
        catalog: dict[str, Any] = json.loads(run([*source, "--discover"]).stdout)
        for stream in catalog["streams"]:
            stream["replication_method"] = self.method
            stream["replication_key"] = chosen.get("replication-key")
            for entry in stream["metadata"]:
                entry["metadata"] |= {"selected": True} if entry["breadcrumb"] else chosen
        return catalog

    def _written(self, name: str, value: Any) -> str:
        path = self.home / f"{name}.json"
        path.write_text(json.dumps(value))
        return str(path)


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        command, capture_output=True, check=False, text=True, timeout=300, **options
    )


def test_what_a_log_says_is_deleted_is_deleted(
    tap: Path, logging_postgres: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Users, groups and memberships whose rows are gone, and those alone; one that came back stays.

    The log holds nothing of a deleted row but its key.
    """
    database = logging_postgres.create("deletes")
    database.execute(TABLES)
    database.execute("select pg_create_logical_replication_slot('tappostgres', 'wal2json')")
    pipeline = Pipeline(tap, database, sandbox, tmp_path, "LOG_BASED", BY_LOG)
    pipeline()
    before = sandbox.state()
    assert (len(before["users"]), set(before["groups"])) == (20, {"g1", "g2"})
    database.execute(CHANGES)
    log = pipeline()
    after = sandbox.state()
    assert before["users"].keys() - after["users"].keys() == {"u1"}, log
    assert after["users"]["u4"]["attributes"] == {"plan": "pro"}
    assert list(after["groups"]) == ["g1"]
    memberships = {name: set(one["memberships"]) for name, one in after["users"].items()}
    assert {name: ones for name, ones in memberships.items() if ones} == {"u2": {"g1"}}
    database.execute("delete from users where id = 'u2'")
    pipeline()
    assert "u2" not in sandbox.state()["users"], "the next run reads on from the STATE of this one"


def test_what_a_whole_table_no_longer_holds_is_deleted(
    tap: Path, postgres: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A table that is read as a whole, with versions; and then one that was emptied by mistake."""
    database = postgres.create("versions")
    database.execute(TABLES)
    settings = {"emit_activate_version_messages": True}
    pipeline = Pipeline(tap, database, sandbox, tmp_path, "FULL_TABLE", settings)
    pipeline(max_delete_ratio=0.5)
    database.execute(CHANGES)
    pipeline(max_delete_ratio=0.75)
    found = sandbox.state()
    assert (len(found["users"]), list(found["groups"])) == (19, ["g1"])
    assert {name for name, one in found["users"].items() if one["memberships"]} == {"u2"}
    database.execute("delete from users where id <> 'u2'")
    log = pipeline(status=1)
    assert "would delete 18 of 19 users" in log
    assert sandbox.state()["users"].keys() == found["users"].keys()
