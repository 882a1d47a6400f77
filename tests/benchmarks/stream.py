"""How well reading and delivering overlap: a tap with a pace, a real target, ratios of one run.

    uv run python tests/benchmarks/stream.py [--small]

Takes about three minutes. The tap stamps each record with the time at which it writes it, and the
stub notes when the record came; both run on this machine, so that their clocks agree.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from harness import directory, is_small, ours, stub, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness import Server

COLUMNS = {"id": {"type": "string"}, "stamp": {"type": "string"}}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "users",
    "schema": {"type": "object", "properties": COLUMNS},
    "key_properties": ["id"],
}


@dataclass
class Run:
    """What was seen of a run."""

    states: list[tuple[int, float]] = field(default_factory=list)
    """The number of the last record before a STATE, and when it was written: epoch seconds."""


def main(*, small: bool) -> None:
    """Print the table."""
    share = 0.02 if small else 1.0
    with directory() as place:
        even = _used(place, 0.05, records=int(6_000 * share), pace=200, concurrency=10)
        told = _used(place, 0.02, records=int(6_000 * share), pace=100, requests_per_minute=6_000)
        lags, states = _lags(place, records=int(600 * share) or 12)
        silent = _silent(place)
    table(
        ("tap and API", "measured", "goal"),
        ("200/s into 200/s, of the slower side", f"{even:.1%}", ">= 95%"),
        ("100/s, budget of 6,000 a minute, used", f"{told:.1%}", ">= 97%"),
        ("written to sent, 20/s, p50", f"{_share(lags, 0.5):.3f} s", "<= 0.1 s"),
        ("written to sent, 20/s, p99", f"{_share(lags, 0.99):.3f} s", "<= 0.5 s"),
        ("written to sent, silent after it", f"{silent:.3f} s", "<= 1 s"),
        ("settled to STATE written, p99", f"{_share(states, 0.99):.3f} s", "<= 1.5 s"),
    )


def _used(place: Path, latency: float, *, records: int, pace: float, **config: Any) -> float:
    """The share of the pace of the slower side that is used, from the first record to the end."""
    with stub(latency) as server:
        _ran(place, server, records, pace, **config)
        first = min(said for _, said, _ in server.arrivals)
        last = max(came for _, _, came in server.arrivals)
    return (records / pace) / (last + latency - first)


def _lags(place: Path, *, records: int) -> tuple[list[float], list[float]]:
    """Seconds from written to sent, and from settled to the STATE written, of each record."""
    latency = 0.02
    with stub(latency) as server:
        run = _ran(place, server, records, 20)
        arrivals = server.arrivals
    settled = {number: came + latency for number, _, came in arrivals}
    lags = [came - said for _, said, came in arrivals]
    waits = [
        max(0.0, min(at for last, at in run.states if last >= number) - end)
        for number, end in settled.items()
    ]
    return lags, waits


def _silent(place: Path) -> float:
    """Seconds until a record is sent that the tap leaves without another line or an end."""
    with stub(0.02) as server:
        _ran(place, server, 1, 1, silence=3.0)
        ((_, said, came),) = server.arrivals
    return came - said


def _ran(
    place: Path, server: Server, records: int, pace: float, *, silence: float = 0.0, **config: Any
) -> Run:
    """Run the target behind a tap that writes so many records a second, each with a STATE."""
    command = ours(place / "config.json", server, **config)
    run = Run()
    with subprocess.Popen(  # noqa: S603 - our own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as target:
        assert target.stdin
        assert target.stdout
        reader = threading.Thread(target=_read, args=(target.stdout, run))
        reader.start()
        _write(target.stdin, [SCHEMA])
        time.sleep(2)  # its start does not count
        began = time.time()
        for number in range(records):
            time.sleep(max(0.0, began + number / pace - time.time()))
            record = {"id": f"user-{number}", "stamp": f"{number} {time.time()}"}
            message = {"type": "RECORD", "stream": "users", "record": record}
            _write(target.stdin, [message, {"type": "STATE", "value": {"last": number}}])
        time.sleep(silence)
        target.stdin.close()
        reader.join()
    if target.returncode:
        raise SystemExit(f"the target ended with {target.returncode}")
    return run


def _write(pipe: IO[bytes], messages: Sequence[Any]) -> None:
    pipe.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
    pipe.flush()


def _read(pipe: IO[bytes], run: Run) -> None:
    for line in pipe:
        run.states.append((json.loads(line)["last"], time.time()))


def _share(values: list[float], share: float) -> float:
    """The value below which a share of all values are."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main(small=is_small())
