"""Participants on the wire: full batches, culprits found, and nobody else held up by them."""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any

import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.process import Result, record, run_target, schema, singer, writes
from support.taps import SkippingClock, run_here

from target_userflow.target import TargetUserflow

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

PEOPLE = schema("participants", {"email": "string", "first_name": "string"}, keys=["email"])
PATH = "/api/participants/batches"
REFUSED = "*@refused.example.com"


def person(number: int, *, refused: bool = False) -> dict[str, Any]:
    """A participant whose email is valid, but perhaps not by the account's own rules."""
    host = "refused.example.com" if refused else "example.com"
    return record("participants", email=f"p{number}@{host}", first_name="Ada")


def letters(directory: Path) -> list[dict[str, Any]]:
    """The dead letters of a run."""
    files = (directory / "dead-letters").glob("*.singer")
    messages = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [message for message in messages if message["type"] == "RECORD"]


def batches(sandbox: Sandbox) -> int:
    """How many requests were made."""
    return len(sandbox.requests())


def bound(participants: int, culprits: int) -> int:
    """The most requests it may take: the batches, and two for each halving to each culprit."""
    return ceil(participants / 100) + 2 * culprits * 7  # 7 halvings of 100


def test_ten_thousand_with_37_bad_ones_are_9963_and_37_dead_letters(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Those that are bad by their form cost no request, those that only the API knows few."""
    sandbox.configure(rejected_emails=[REFUSED])
    by_form = {number * 499 for number in range(20)}
    by_the_api = {number * 577 + 3 for number in range(17)}
    people = [person(n, refused=n in by_the_api) for n in range(10_000)]
    for number in by_form:
        people[number]["record"]["email"] = "nobody"
    result = run_target(tmp_path, sandbox.config, [PEOPLE, *people])
    assert result.status == 1, result.log
    assert len(sandbox.state()["participants"]) == 9_963
    found = letters(tmp_path)
    assert len(found) == 37
    reasons = Counter(one["error"]["reason"] for one in found if not one["error"]["status"])
    assert reasons == {"`email`: email is not valid": 20}
    said = [one["error"]["message"] for one in found if one["error"]["status"] == 422]
    assert len(said) == 17
    assert all(said)
    assert batches(sandbox) <= bound(10_000 - 20, 17)


@settings(
    max_examples=12,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sets(st.integers(0, 249), max_size=4))
def test_wherever_the_culprits_are_they_are_found_within_the_bound(
    sandbox: Sandbox, tmp_path: Path, culprits: set[int]
) -> None:
    """All others are delivered, and each culprit is alone in the dead letters."""
    sandbox.reset()
    sandbox.configure(rejected_emails=[REFUSED])
    config = {**sandbox.config, "dead_letter_dir": str(tmp_path), "ledger": "", "max_rejects": 4}
    messages = [PEOPLE, *(person(n, refused=n in culprits) for n in range(250))]
    target = TargetUserflow(config=config)
    assert target.finish(BytesIO(singer(messages))) == 0  # type: ignore[arg-type] # bytes will do
    assert len(sandbox.state()["participants"]) == 250 - len(culprits)
    assert target.run.tally.rejected == len(culprits)
    assert batches(sandbox) <= bound(250, len(culprits))


def test_the_last_record_of_an_email_stands_for_all(sandbox: Sandbox, tmp_path: Path) -> None:
    """Whatever its case; the others count as merged, as the API takes an email once per batch."""
    names = ["first", "second", "last"]
    emails = ["ada@example.com", "ADA@example.com", "Ada@Example.com"]
    people = [
        record("participants", email=email, first_name=name)
        for email, name in zip(emails, names, strict=True)
    ]
    result = run_target(tmp_path, sandbox.config, [PEOPLE, *people])
    assert result.status == 0, result.log
    (found,) = sandbox.state()["participants"].values()
    assert found["first_name"] == "last"
    assert ["participants", "3", "1", "2", "0"] in [
        line.split() for line in result.log.splitlines()
    ]


PROFILES = schema(
    "participants",
    {"email": "string", "first_name": "string", "city": "string", "title": "string"},
    keys=["email"],
)


def profiles(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Records of participants, all in one window."""
    return [PROFILES, *(record("participants", **row) for row in rows)]


def test_columns_of_one_email_come_together_from_several_records(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A later value wins; a missing or null one leaves the earlier alone."""
    rows: list[dict[str, Any]] = [
        {"email": "a@example.com", "first_name": "Ada", "city": "Rome"},
        {"email": "b@example.com", "city": "Oslo"},
        {"email": "A@example.com", "first_name": "Grace", "title": "CEO", "city": None},
    ]
    result = run_target(tmp_path, sandbox.config, profiles(*rows))
    assert result.status == 0, result.log
    (batch,) = writes(sandbox)
    assert [one["attributes"] for one in batch["body"]["data"]] == [
        {"email": "A@example.com", "first_name": "Grace", "city": "Rome", "title": "CEO"},
        {"email": "b@example.com", "city": "Oslo"},
    ]
    assert ["participants", "3", "2", "1", "0"] in [
        line.split() for line in result.log.splitlines()
    ]


def test_an_earlier_record_arrives_when_a_later_one_of_its_email_is_refused(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It counts as delivered, not as merged into what never arrived; so do the others."""
    email = {"email": "a@example.com"}
    rows = [{**email, "city": "Rome"}, {**email, "title": "CEO"}]
    sandbox.script(
        [{"status": 422, "body": "{}"}, {"path": PATH}, {"status": 422, "body": "{}"}],
    )
    result = run_target(tmp_path, sandbox.config, profiles(*rows))
    assert result.status == 1
    (found,) = sandbox.state()["participants"].values()
    assert (found["city"], found.get("title")) == ("Rome", None)
    assert [one["record"] for one in letters(tmp_path)] == [rows[1]]
    assert ["participants", "2", "1", "1"] in [line.split() for line in result.log.splitlines()]


def test_an_email_is_in_one_batch_only_however_often_it_comes(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """So no older value of it can arrive after a newer one from another worker."""
    people = [{"email": f"p{n}@example.com", "title": str(n)} for n in range(150)]
    often = [{"email": "p7@example.com", "title": str(n)} for n in range(250)]
    result = run_target(tmp_path, sandbox.config, profiles(*people, *often))
    assert result.status == 0, result.log
    sent = [one["attributes"] for body in writes(sandbox) for one in body["body"]["data"]]
    assert [one["title"] for one in sent if one["email"] == "p7@example.com"] == ["249"]
    assert sorted(len(one["body"]["data"]) for one in writes(sandbox)) == [50, 100]


def test_a_batch_whose_answer_got_lost_is_sent_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is an upsert: nothing is doubled, so nothing is in doubt."""
    sandbox.script([{"fault": "reset-after", "times": 1}])
    people = [person(n) for n in range(150)]
    result = run_target(tmp_path, sandbox.config, [PEOPLE, *people])
    assert result.status == 0, result.log
    assert len(sandbox.state()["participants"]) == 150
    assert "in doubt" not in result.log


def test_of_a_batch_that_is_given_up_on_half_is_accounted_for_as_a_whole(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It says nothing of the mapping, so that abort_reject_ratio does not end the run for it."""
    sandbox.configure(latency_ms=20)
    sandbox.script([{"status": 503, "holds": '"p1001@', "times": 99}])
    quick = {"max_retry_seconds": 8, "concurrency": 2}
    config = {**sandbox.config, **quick, "abort_reject_ratio": 0.01}
    result = run_target(tmp_path, config, [PEOPLE, *(person(n) for n in range(2_000))])
    assert result.status == 1
    assert "abort_reject_ratio" not in result.log
    rejected = len(letters(tmp_path))
    assert 1 <= rejected <= 50
    assert f"{rejected} rejected of participants: gave up" in result.log
    assert len(sandbox.state()["participants"]) == 2_000 - rejected


def test_unchanged_participants_are_not_sent_and_the_rest_fills_batches(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Of 1,000 of whom 143 changed, 143 are sent in two batches."""
    config = {**sandbox.config, "skip_unchanged": True, "batch_size_rows": 1_000}
    people = [person(n) for n in range(1_000)]
    run_target(tmp_path, config, [PEOPLE, *people])
    sandbox.reset()
    for one in people[::7]:
        one["record"]["first_name"] = "Grace"
    run_target(tmp_path, config, [PEOPLE, *people])
    assert len(sandbox.state()["participants"]) == len(people[::7])
    assert batches(sandbox) == 2


USERS = schema("users", {"id": "integer"})
PILOTS = schema("userpilot_users", {"id": "integer", "plan": "string"})
TRACKED = schema("userpilot_events", {"id": "integer", "user_id": "integer", "name": "string"})


def to_all_products(sandbox: Sandbox, directory: Path, count: int = 5, **config: Any) -> Result:
    """A run that sends some of everything."""
    numbers = range(count)
    messages = [
        TRACKED,
        *(record("userpilot_events", id=n, user_id=n, name="signed_in") for n in numbers),
        PEOPLE,
        *(person(n) for n in numbers),
        PILOTS,
        *(record("userpilot_users", id=n, plan="pro") for n in numbers),
        USERS,
        *(record("users", id=n) for n in numbers),
        {"type": "STATE", "value": {"at": count}},
    ]
    return run_target(directory, {**sandbox.config, **config}, messages)


def test_one_tap_feeds_all_three_products(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each under its own key, in the order its own objects need."""
    result = to_all_products(sandbox, tmp_path)
    assert result.status == 0, result.log
    state = sandbox.state()
    assert len(state["users"]) == len(state["participants"]) == 5
    pilots = state["userpilot"]
    assert [len(pilots["users"]), len(pilots["events"])] == [5, 5]
    pilots = [one for one in sandbox.requests() if one["path"].startswith("/v1")]
    for number in range(5):
        mine = [one["path"] for one in pilots if one["body"]["user_id"] == str(number)]
        assert mine == ["/v1/identify", "/v1/track"]
    assert result.states == [{"at": 5}]


def test_a_product_that_is_down_stops_the_run_after_the_others_settled(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """No STATE says that all is well; the next run repeats what is harmless to repeat."""
    nobody: dict[str, Any] = {"userpilot_api_url": "http://127.0.0.1:9", "max_retry_seconds": 0}
    result = to_all_products(sandbox, tmp_path, **nobody)
    assert result.status == 1
    assert "Userpilot still fails" in result.errors[-1]
    state = sandbox.state()
    assert len(state["users"]) == len(state["participants"]) == 5
    assert result.states == []
    again = to_all_products(sandbox, tmp_path)
    assert again.status == 0, again.log
    assert len(sandbox.state()["userpilot"]["events"]) == 5


def test_a_key_that_is_wrong_for_one_product_names_its_settings(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The line says which of the keys it is."""
    result = to_all_products(sandbox, tmp_path, userpilot_api_key="up_wrong")
    assert result.status == 1
    assert "Userpilot answered HTTP 401" in result.errors[-1]
    assert "userpilot_api_key" in result.errors[-1]
    assert "up_wrong" not in result.log


def test_a_product_without_a_key_or_url_is_named_with_its_settings(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Before anything is sent to it, and never to a default region."""
    for setting in ("userpilot_api_key", "userpilot_api_url"):
        without: dict[str, Any] = {setting: None}
        result = to_all_products(sandbox, tmp_path, **without)
        assert result.status == 1
        assert f"'{setting}'" in result.errors[-1]


def test_userpilots_own_limits_are_kept_without_being_configured(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """600 requests a minute to an endpoint are one every tenth of a second."""
    to_all_products(sandbox, tmp_path, count=12)
    times = [one["at"] for one in sandbox.requests() if one["path"] == "/v1/track"]
    assert times[-1] - times[0] >= 10 * 60 / 600  # the first may take longer to get there


@responses.activate
def test_a_batch_that_keeps_failing_is_sent_in_halves_after_a_third_of_the_time(
    tmp_path: Path,
) -> None:
    """A record on which the API fails with 500 takes only its half along, and only once."""
    bodies: list[str] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        bodies.append(request.body.decode())
        status = 500 if "p7@" in bodies[-1] else 200
        return status, {"Content-Type": "application/json"}, '{"data": []}'

    url = "http://127.0.0.1:9"
    responses.add_callback(responses.PATCH, url + PATH, callback=answer)
    config = {"user_interviews_api_key": "key", "user_interviews_api_url": url}
    clock = SkippingClock()
    people = [person(number) for number in range(40)]
    counted = run_here(tmp_path, config, [PEOPLE, *people], clock=clock)
    sizes = [body.count("@") for body in bodies]
    whole = sizes.count(40)
    assert sizes[:whole] == [40] * whole
    assert set(sizes[whole:]) == {20}
    assert sum("p7@" not in body for body in bodies) == 1
    assert clock.seconds <= 300
    assert (counted.status, counted.counts["participants"]["delivered"]) == (1, 20)
