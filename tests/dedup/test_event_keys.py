"""Which events are one: the tap's name of their stream, their keys, the namespace, their bodies."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.ledgers import Bench, Day
from support.process import record, schema, state

from target_userflow.ledger.ledger import digest

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox

FORMER = Path(__file__).with_name("ledger-1.0.0.sql")
COLUMNS: dict[str, Any] = {"id": "integer", "user_id": "string", "name": "string", "n": "integer"}


def announced(stream: str) -> dict[str, Any]:
    return schema(stream, COLUMNS)


def row(stream: str, key: Any, n: int) -> dict[str, Any]:
    return record(stream, id=key, user_id="ada", name="used", n=n)


def rows(stream: str, *numbers: int, n: int = 0) -> list[dict[str, Any]]:
    """So many rows, whose n is that of their key or so much more."""
    return [announced(stream), *(row(stream, number, number + n) for number in numbers)]


def numbers(bench: Bench) -> list[int]:
    return sorted(payload["n"] for payload in bench.sent)


# Streams


def test_two_streams_under_one_alias_have_keys_of_their_own(bench: Bench) -> None:
    """Orders and refunds are both events, and both have a row 1: each arrives, and once."""
    maps = {name: {"__alias__": "events"} for name in ("orders", "refunds")}
    for _ in range(2):
        counted = bench.run(*rows("orders", 1, 2), *rows("refunds", 1, 2, n=10), stream_maps=maps)
    assert numbers(bench) == [1, 2, 11, 12]
    assert counted.counts == {"events": {"received": 4, "duplicate": 4}}


def test_an_alias_that_changes_doubles_nothing(bench: Bench) -> None:
    """A stream is what the tap calls it."""
    for alias in ("app-events", "web-events"):
        bench.run(*rows("orders", 1), stream_maps={"orders": {"__alias__": alias}})
    assert numbers(bench) == [1]


def test_a_stream_that_is_split_into_two_kinds_of_events_sends_both(bench: Bench) -> None:
    """Of one row of the tap there are two events, which have its key."""
    options = {name: {"object": "events", "event_name": name} for name in ("orders", "paid")}
    maps = {"paid": {"__source__": "orders", "n": "n + 100"}}
    for _ in range(2):
        bench.run(*rows("orders", 1), streams=options, stream_maps=maps)
    assert numbers(bench) == [1, 101]


def test_taps_with_equally_named_streams_are_told_apart_by_their_namespace(bench: Bench) -> None:
    """The second tap's rows have the keys of the first one's, and arrive."""
    for _ in range(2):
        bench.run(*rows("events", 1, 2, 3))
        bench.run(*rows("events", 1, 2, 3, n=10), ledger_namespace="shop")
    assert numbers(bench) == [1, 2, 3, 11, 12, 13]


# Values of keys


@pytest.mark.parametrize("again", [b"1", b"1.0", b"1.00", b"1e0", b'"1"', b'"1.0"'])
def test_spellings_of_one_number_are_one_key(bench: Bench, again: bytes) -> None:
    """As they are one id: a tap that changes how it writes numbers doubles no event."""
    announced = schema("events", {**COLUMNS, "id": {"type": ["number", "string"]}})
    for key in (b"1", again):
        line = b'{"type": "RECORD", "stream": "events", "record": {"id": %b, "user_id": "ada", '
        line += b'"name": "used", "n": 1}}\n'
        counted = bench.run(announced, line % key)
    assert counted.counts == {"events": {"received": 1, "duplicate": 1}}
    assert numbers(bench) == [1]


def test_texts_of_a_text_column_are_keys_as_they_are(bench: Bench) -> None:
    """A version 1.0 is not a version 1."""
    announced = schema("events", {**COLUMNS, "id": "string"})
    bench.run(announced, row("events", "1", 1), row("events", "1.0", 2), row("events", "01", 3))
    assert numbers(bench) == [1, 2, 3]


# Bodies


def test_a_duplicate_with_another_body_is_counted_apart(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The account adds up as ever, and the summary says what to do."""
    bench.run(*rows("events", 1, 2))
    counted = bench.run(*rows("events", 1), row("events", 2, 22), row("events", 3, 3))
    wanted = {"received": 3, "delivered": 1, "duplicate": 2, "differs": 1}
    assert counted.counts == {"events": wanted}
    assert counted.status == 0
    assert "1 duplicates of events differ from what was delivered" in caplog.text
    assert "__key_properties__" in caplog.text
    assert numbers(bench) == [1, 2, 3]


def test_a_stream_most_of_which_has_the_keys_of_other_events_fails_the_run(
    bench: Bench, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says both ways out, no STATE goes past them, and either way delivers them."""
    bench.run(*rows("events", *range(20)))
    other = [*rows("events", *range(20), n=100), state("past them")]
    capsys.readouterr()
    caplog.clear()
    counted = bench.run(*other)
    assert counted.status == 1
    assert counted.counts["events"] == {"received": 20, "duplicate": 20, "differs": 20}
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "ledger_namespace" in line
    assert "__key_properties__" in line
    assert capsys.readouterr().out == ""
    assert bench.run(*other, ledger_namespace="shop").status == 0
    keyed: dict[str, Any] = {"events": {"kind": "n", "__key_properties__": ["id", "kind"]}}
    assert bench.run(*other, stream_maps=keyed).counts["events"]["delivered"] == 20


@pytest.mark.parametrize(("others", "new"), [(19, 0), (20, 20)])
def test_a_few_other_bodies_or_half_of_a_stream_fail_no_run(
    bench: Bench, others: int, new: int
) -> None:
    """19 of 19 are too few to say anything, and 20 of 40 are not more than half."""
    bench.run(*rows("events", *range(others)))
    changed = rows("events", *range(others), n=100)
    added = [row("events", number, number) for number in range(others, others + new)]
    counted = bench.run(*changed, *added, state(1), batch_size_rows=20)
    assert counted.status == 0
    assert counted.counts["events"]["differs"] == others


# A ledger of version 1.0.0


@pytest.fixture
def former(sandbox: Sandbox, tmp_path: Path) -> Bench:
    """What version 1.0.0 wrote, as the ledger of this sandbox."""
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FORMER.read_text())
        own = digest(sandbox.url, sandbox.api_key)
        connection.execute("update ledger_destinations set hash = ?", [own])
    connection.close()
    return Bench(sandbox, tmp_path, str(path))


ALIASED: dict[str, Any] = {"stream_maps": {"public-orders": {"__alias__": "shop-events"}}}


def test_a_ledger_of_1_0_0_goes_on_working(former: Bench) -> None:
    """What it delivered is not sent again, also under an alias; what is new is, once."""
    users = schema("users", {"id": "string", "plan": "string"})
    messages = [
        *rows("events", 1, 2, 3),
        schema("public-orders", COLUMNS),
        *(
            record("public-orders", id=number, user_id="ada", name="ordered", n=number)
            for number in (1, 2, 4)
        ),
        users,
        record("users", id="ada", plan="pro"),
    ]
    day = 739947 - Day(0).now().toordinal()
    for new in (1, 0):
        counted = former.run(*messages, day=day, skip_unchanged=True, **ALIASED).counts
        delivered = {"delivered": 1} if new else {}
        for stream in ("events", "shop-events"):
            wanted = {"received": 3, "duplicate": 3 - new, **delivered}
            assert counted[stream] == wanted
        assert counted["users"] == {"received": 1, "unchanged": 1}
    assert numbers(former) == [3, 4]


def test_what_1_0_0_noted_is_written_as_it_is_noted_today(former: Bench) -> None:
    """No key of it stays behind for what came again, and an alias may change from then on."""
    for alias in ("shop-events", "web-events"):
        maps: dict[str, Any] = {"stream_maps": {"public-orders": {"__alias__": alias}}}
        former.run(*rows("public-orders", 1, 2), **maps)
    assert former.sent == []


def test_a_namespace_knows_nothing_of_what_1_0_0_noted(former: Bench) -> None:
    """It is for another tap, whose events would be taken for those of the first."""
    former.run(*rows("events", 1, 2, n=10), ledger_namespace="shop")
    assert numbers(former) == [11, 12]


def test_an_event_that_1_0_0_left_in_flight_is_in_doubt(former: Bench) -> None:
    """It is sent again and counted, and known under one key then."""
    with sqlite3.connect(former.ledger) as connection:
        connection.execute("update ledger_delivered set mark = X'3F' where mark = X'21'")
    connection.close()
    counted = former.run(*rows("events", 1)).counts
    assert counted["events"] == {"received": 1, "delivered": 1, "in_doubt": 1}
    assert former.run(*rows("events", 1)).counts["events"] == {"received": 1, "duplicate": 1}
