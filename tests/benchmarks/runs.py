"""Several runs with one account and one PostgreSQL ledger: budget, events, shards.

    uv run python tests/benchmarks/runs.py [--small] [--only budget|events|shards]

Four runs share a budget that the sandbox enforces (2 minutes); two runs deliver the same events and
are killed in turns (3); eight shards read one table of which nothing has changed (5).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from harness import TARGET, directory, ours, run, stub, table, users

from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.config.settings import Destination, StreamOptions
from target_userflow.ledger.ledger import Ledger, digest, fingerprint
from target_userflow.ledger.store import Store
from target_userflow.mapping.columns import Stream
from target_userflow.sandbox import Sandbox, running

sys.path.append(str(Path(__file__).parents[1]))
from support.postgres import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.postgres import Database

MINUTE = 60.0
BUDGET = 6000
RUNS = 4
SHARDS = 8
CONCURRENCY = 4  # of the runs that are killed
TOO_MANY = 429
CHUNK = 10_000  # rows that are written to the ledger at a time


def url_of(database: Database) -> str:
    """The setting `ledger`."""
    return database.url.replace("://", "+psycopg://")


def renewals(database: Database) -> int:
    """How often runs have renewed their rows: three statements each."""
    query = "select n_tup_ins + n_tup_upd from pg_stat_user_tables where relname = 'ledger_runs'"
    with psycopg.connect(database.url) as connection:
        connection.execute("select pg_stat_clear_snapshot()")
        (count,) = connection.execute(query).fetchone() or (0,)
    return int(count)


@contextmanager
def target(
    place: Path, config: dict[str, Any], **streams: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A run in a directory of its own."""
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps(config))
    command = [*TARGET, "--config", "config.json"]
    with (place / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdout=subprocess.DEVNULL, stderr=log, cwd=place, **streams
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


# The budget


def share_a_budget(place: Path, database: Database, seconds: float) -> None:
    """Let four runs deliver all that they can, and print what each of them got."""
    warm_up = 15.0 if seconds >= MINUTE else 8.0
    with running(rate_limit=BUDGET, latency_ms=50) as sandbox:
        config = {**sandbox.config, "ledger": url_of(database), "requests_per_minute": BUDGET}
        with ThreadPoolExecutor(RUNS) as runs:
            for number in range(RUNS):
                runs.submit(_deliver, place / f"run-{number}", config, number, warm_up + seconds)
            _wait_for_all(sandbox)
            time.sleep(warm_up / 2)
            before, began = renewals(database), time.monotonic()
            time.sleep(seconds)
            per_second = (renewals(database) - before) / (time.monotonic() - began)
        requests = [one for one in sandbox.requests() if one["method"] == "POST"]
    first_of = {one["body"]["id"].split("-")[0]: one["at"] for one in reversed(requests)}
    begin = max(first_of.values()) + warm_up / 2
    measured = [one for one in requests if begin <= one["at"] < begin + seconds]
    refused = sum(one["status"] == TOO_MANY for one in requests)
    got = Counter(one["body"]["id"].split("-")[0] for one in measured)
    allowed = BUDGET * seconds / MINUTE
    table(
        (f"{RUNS} runs, {BUDGET:,} a minute", "used", "least", "most", "429s", "statements/s, run"),
        (
            f"{seconds:.0f} seconds",
            f"{got.total() / allowed:.1%}",
            f"{min(got.values()) / allowed:.1%}",
            f"{max(got.values()) / allowed:.1%}",
            refused,
            f"{3 * per_second / RUNS:.1f}",
        ),
    )


def _wait_for_all(sandbox: Sandbox) -> None:
    while len({one["body"]["id"].split("-")[0] for one in _posts(sandbox)}) < RUNS:
        time.sleep(0.2)


def _posts(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [one for one in sandbox.requests() if one["method"] == "POST"]


def _deliver(place: Path, config: dict[str, Any], number: int, seconds: float) -> None:
    schema = {"properties": {"id": {"type": "string"}, "n": {"type": "integer"}}}
    message = {"type": "SCHEMA", "stream": "users", "schema": schema, "key_properties": ["id"]}
    with target(place, config, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        end = threading.Timer(seconds + 20, process.terminate)
        end.start()
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(json.dumps(message).encode() + b"\n")
            for n in range(1_000_000):
                record = {"id": f"{number}-{n}", "n": n}
                line = {"type": "RECORD", "stream": "users", "record": record}
                stdin.write(json.dumps(line).encode() + b"\n")
        process.wait()
        end.cancel()


# The same events


def deliver_the_same_events(place: Path, database: Database, events: int, kills: int) -> None:
    """Kill two runs of one stream in turns, start each again, and print what arrived."""
    tap = _events(place / "events.singer", events)
    with running(latency_ms=50) as sandbox:
        pace = {"requests_per_minute": 1200 if kills > 1 else 600, "concurrency": CONCURRENCY}
        config = {**sandbox.config, "ledger": url_of(database), **pace}
        for number in range(2):
            (place / f"same-{number}").mkdir()
            (place / f"same-{number}" / "config.json").write_text(json.dumps(config))
        done = _kill_in_turns(place, tap, sandbox, kills, events // (kills + 1))
        arrived = Counter(one["attributes"]["n"] for one in sandbox.state()["events"])
    table(
        ("2 runs, the same events", "kills", "lost", "doubled", "in flight at most"),
        (
            f"{events:,} events",
            done,
            events - len(arrived),
            arrived.total() - len(arrived),
            done * CONCURRENCY,
        ),
    )


def _kill_in_turns(place: Path, tap: Path, sandbox: Sandbox, kills: int, every: int) -> int:
    started = [_start(place / f"same-{number}", tap) for number in range(2)]
    done = 0
    while done < kills and len(sandbox.state()["events"]) < (done + 1) * every * 1.05:
        time.sleep(0.1)
        if len(sandbox.state()["events"]) < (done + 1) * every:
            continue
        victim = done % 2
        started[victim].kill()
        started[victim].wait()
        started[victim] = _start(place / f"same-{victim}", tap)
        done += 1
    for process in started:
        if process.wait():
            raise SystemExit((place / "same-0" / "log").read_text())
    return done


def _start(home: Path, tap: Path) -> subprocess.Popen[bytes]:
    command = [*TARGET, "--config", "config.json"]
    with tap.open("rb") as lines, (home / "log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=lines, stdout=subprocess.DEVNULL, stderr=log, cwd=home
        )


def _events(path: Path, count: int) -> Path:
    names = {"id": "integer", "user_id": "string", "name": "string", "n": "integer"}
    schema = {"properties": {name: {"type": kind} for name, kind in names.items()}}
    message = {"type": "SCHEMA", "stream": "events", "schema": schema, "key_properties": ["id"]}
    with path.open("w") as file:
        file.write(json.dumps(message) + "\n")
        for n in range(count):
            record = {"id": n, "user_id": f"u{n % 100}", "name": "used", "n": n}
            line = {"type": "RECORD", "stream": "events", "record": record}
            file.write(json.dumps(line) + "\n")
    return path


# Shards


def read_in_shards(place: Path, database: Database, rows: int, parts: int) -> None:
    """Print what a row costs a run that delivers all rows, and one that delivers a part."""
    data, none = users(place / "users", rows), users(place / "none", 0)
    with stub(0) as server:
        config = {"ledger": url_of(database), "skip_unchanged": True, "concurrency": 10}
        whole = ours(place / "whole.json", server, **config)
        note_delivered(data, url_of(database), Destination(server.url, "key"))
        written = server.written
        start = run(whole, none)
        alone = run(whole, data).beyond(start)
        shards = [
            ours(place / f"{n}.json", server, **config, shard=f"{n}/{parts}")
            for n in range(1, parts + 1)
        ]
        with ThreadPoolExecutor(parts) as threads:
            costs = [*threads.map(lambda command: run(command, data).beyond(start), shards)]
        again = server.written - written
    mean = sum(cost.cpu for cost in costs) / parts
    table(
        (f"{rows:,} unchanged rows", "CPU µs/row read", "of one run", "sent again"),
        ("one run", f"{alone.cpu / rows * 1e6:.0f}", "1.00x", ""),
        (
            f"each of {parts} shards",
            f"{mean / rows * 1e6:.0f}",
            f"{mean / alone.cpu:.2f}x",
            again,
        ),
    )


def note_delivered(data: Path, url: str, destination: Destination) -> None:
    """Have a ledger know a table, as if a run had delivered it: that alone would take minutes.

    That no row is sent again shows that it is as a run writes it.
    """
    decode = msgspec.json.Decoder(float_hook=Decimal).decode
    kind = OBJECT_TYPES["users"]
    today = datetime.now(timezone.utc).toordinal()
    store = Store(url)
    ledger = Ledger(store, destination, kind.product.prefix)
    with data.open("rb") as lines:
        head = decode(next(lines))
        properties, keys = head["schema"]["properties"], head["key_properties"]
        request_of = mapper(kind, Stream(kind.name, properties, keys, StreamOptions()))
        while chunk := [request_of(decode(line)["record"]) for line in islice(lines, CHUNK)]:
            rows = {
                digest(kind.name, *one.object_id): (fingerprint(one.payload), today)
                for one in chunk
            }
            ledger.write(rows)
    store.close()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="only show that it runs")
    parser.add_argument("--only", choices=("budget", "events", "shards"), help="one of the three")
    asked = parser.parse_args()
    seconds, events, kills, rows, parts = MINUTE, 2_000, 20, 1_000_000, SHARDS
    if asked.small:
        seconds, events, kills, rows, parts = 5, 60, 1, 500, 2
    with serving() as server, directory() as place:
        if asked.only in {None, "budget"}:
            share_a_budget(place, server.create("budget"), seconds)
        if asked.only in {None, "events"}:
            deliver_the_same_events(place, server.create("events"), events, kills)
        if asked.only in {None, "shards"}:
            read_in_shards(place, server.create("shards"), rows, parts)


if __name__ == "__main__":
    main()
