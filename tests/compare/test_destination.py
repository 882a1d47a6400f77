"""`skip_unchanged: destination`: what Userflow has is not sent, and of the rest what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.model import Destination, differences, kept_by
from support.process import asked, record, run_target, schema, writes
from support.taps import run_here
from support.watch import watched

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema(
    "users",
    dict.fromkeys(("id", "plan", "name", "email"), "string") | {"seats": "number"},
)
GROUPS = schema("groups", {"id": "string", "tier": "string"})
MEMBERS = schema(
    "memberships",
    {"user_id": "string", "group_id": "string", "role": "string"},
    keys=["user_id", "group_id"],
)


def compared(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    """A config that compares, and keeps no ledger."""
    return {**sandbox.config, "skip_unchanged": "destination", "ledger": "", **more}


def bodies(sandbox: Sandbox) -> list[Any]:
    """What was written, in the order of arrival."""
    return [one["body"] for one in writes(sandbox)]


def seed(sandbox: Sandbox, tmp_path: Path, messages: list[Any]) -> int:
    """Write something; how many requests that took."""
    run_here(tmp_path, {**sandbox.config, "ledger": ""}, messages)
    return len(writes(sandbox))


def users(count: int, **values: Any) -> list[Any]:
    """Users that differ in their names."""
    people = [{"id": f"u{n}", "plan": "pro", "seats": n, "name": f"n{n}"} for n in range(count)]
    return [record("users", **{**one, **values}) for one in people]


@pytest.mark.parametrize(("count", "reads"), [(50, 50), (250, 3)], ids=["look-ups", "list"])
def test_only_what_differs_is_sent(
    sandbox: Sandbox, tmp_path: Path, count: int, reads: int
) -> None:
    """Of 50 users, by 50 look-ups; of 250, by 3 pages. Another client has changed one of them."""
    before = seed(sandbox, tmp_path, [USERS, *users(count)])
    edited = record("users", id="u7", plan="free")
    before += (
        seed(sandbox, tmp_path, [schema("users", {"id": "string", "plan": "string"}), edited])
        - before
    )
    again = users(count)
    again[9]["record"]["name"] = None
    result = run_here(tmp_path, compared(sandbox), [USERS, *again])
    assert result.counts["users"] == {
        "received": count,
        "unchanged": count - 2,
        "delivered": 2,
    }
    assert sorted(bodies(sandbox)[before:], key=str) == [
        {"id": "u7", "attributes": {"plan": "pro"}},
        {"id": "u9", "attributes": {"name": None}},
    ]
    assert len(asked(sandbox, "/users")) == reads


def test_what_does_not_exist_is_sent_whole(sandbox: Sandbox, tmp_path: Path) -> None:
    """And what has no attributes only has to exist."""
    before = seed(sandbox, tmp_path, [USERS, record("users", id="u0")])
    messages = [USERS, record("users", id="u0"), record("users", id="u1", plan="pro")]
    result = run_here(tmp_path, compared(sandbox), messages)
    assert result.counts["users"] == {"received": 2, "unchanged": 1, "delivered": 1}
    assert bodies(sandbox)[before:] == [{"id": "u1", "attributes": {"plan": "pro"}}]


def test_a_hundred_look_ups_and_a_write_are_all_requests(sandbox: Sandbox, tmp_path: Path) -> None:
    """The definitions are not asked for: what was read has the attributes that are sent."""
    seed(sandbox, tmp_path, [USERS, *users(130)])
    before = len(sandbox.requests())
    records = users(100)
    records[7]["record"]["name"] = "other"
    run_here(tmp_path, compared(sandbox), [USERS, *records])
    assert len(sandbox.requests()) - before == 101


def test_streams_with_other_columns_of_the_same_users_read_the_list_each(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What was kept of the first list says nothing of the columns of the second stream."""
    traits = schema("traits", {"id": "string", "name": "string"})
    before = seed(sandbox, tmp_path, [USERS, *users(250)])
    plans = [record("users", id=f"u{n}", plan="pro", seats=n) for n in range(250)]
    names = [record("traits", id=f"u{n}", name=f"n{n}") for n in range(249, -1, -1)]
    names[3]["record"]["name"] = "other"
    config = compared(sandbox, streams={"traits": {"object": "users"}})
    result = run_here(tmp_path, config, [USERS, *plans, traits, *names], together=250)
    assert result.counts["users"] == {"received": 250, "unchanged": 250}
    assert result.counts["traits"] == {"received": 250, "unchanged": 249, "delivered": 1}
    assert bodies(sandbox)[before:] == [{"id": "u246", "attributes": {"name": "other"}}]
    assert len(asked(sandbox, "/users")) == 6


@pytest.mark.parametrize(
    ("changed", "look_ups"),
    [
        ({"plan": "free"}, 0),
        ({"plan": None, "name": "other"}, 0),
        ({"plan": "free", "name": "other", "seats": 999}, 5),
    ],
    ids=["one", "two", "three"],
)
def test_of_what_was_listed_long_before_what_differs_is_sent(
    sandbox: Sandbox, tmp_path: Path, changed: dict[str, Any], look_ups: int
) -> None:
    """Three attributes take a look-up; after as many of these as there were pages, all is sent."""
    before = seed(sandbox, tmp_path, [USERS, *users(450, email="a@example.com")])
    records = [*users(450, email="a@example.com")[100:], *users(100, email="a@example.com")]
    numbers = [*range(350, 354), *range(356, 360)]
    for number in numbers:
        records[number]["record"].update(changed)
    run_here(tmp_path, compared(sandbox), [USERS, *records], together=350)
    sent = {body["id"]: body["attributes"] for body in bodies(sandbox)[before:]}
    assert len(sent) == len(numbers)
    singly = [one for one in sandbox.requests() if one["path"].startswith("/users/u")]
    assert len(singly) == look_ups
    assert len(asked(sandbox, "/users")) - look_ups == 5
    reduced = [id_ for id_, values in sent.items() if values == changed]
    assert len(reduced) == (look_ups or len(numbers))
    assert sent["u0"] == changed


def test_contacts_that_are_matched_are_compared_with_the_users_that_they_match(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """By email, also after another stream of the run has changed one of these users."""
    there = [record("users", id=f"u{n}", email=f"u{n}@example.com", plan="pro") for n in range(4)]
    before = seed(sandbox, tmp_path, [USERS, *there])
    contacts = schema("contacts", {"email": "string", "plan": "string"}, keys=["email"])
    matched = [record("contacts", email=f"U{n}@example.com", plan="pro") for n in range(5)]
    matched[3]["record"]["plan"] = "free"
    streams = {"contacts": {"object": "users", "match_by": "email"}}
    changed = record("users", id="u1", plan="other")
    messages = [USERS, changed, contacts, *matched]
    result = run_here(tmp_path, compared(sandbox, streams=streams), messages)
    counts = {"received": 5, "unchanged": 2, "delivered": 2, "skipped": 1}
    assert result.counts["contacts"] == counts
    assert sandbox.state()["users"]["u1"]["attributes"]["plan"] == "pro"
    assert {body["id"] for body in bodies(sandbox)[before:]} == {"u1", "u3"}


def test_a_failed_run_leaves_nothing_in_the_ledger_that_is_not_there(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What was not delivered is sent by the next run, also if that goes by the ledger."""
    records = users(5)
    by_ledger = {**sandbox.config, "skip_unchanged": True}
    run_here(tmp_path, by_ledger, [USERS, *records])
    records[2]["record"]["plan"] = "free"
    sandbox.script([{"status": 403, "body": "{}", "method": "POST"}])
    by_list = {**sandbox.config, "skip_unchanged": "destination"}
    assert run_here(tmp_path, by_list, [USERS, *records]).status == 1
    assert sandbox.state()["users"]["u2"]["attributes"]["plan"] == "pro"
    result = run_here(tmp_path, by_ledger, [USERS, *records])
    assert result.counts["users"] == {"received": 5, "unchanged": 4, "delivered": 1}
    assert sandbox.state()["users"]["u2"]["attributes"]["plan"] == "free"


def test_shards_and_samples_compare_their_own_records(sandbox: Sandbox, tmp_path: Path) -> None:
    """Two shards send what differs once; a sample takes the first records, the same or not."""
    before = seed(sandbox, tmp_path, [USERS, *users(30)])
    records = users(30)
    records[7]["record"]["plan"] = "free"
    for shard in ("1/2", "2/2"):
        assert run_here(tmp_path, compared(sandbox, shard=shard), [USERS, *records]).status == 0
    sample = run_here(tmp_path, compared(sandbox, limit=9), [USERS, *records])
    assert sample.counts["users"]["unchanged"] == 9
    assert bodies(sandbox)[before:] == [{"id": "u7", "attributes": {"plan": "free"}}]


def test_what_a_stream_deletes_that_is_not_compared_is_known_to_the_others(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """`insert` is not compared: a user that it deletes is not there any more, whatever was read."""
    seed(sandbox, tmp_path, [USERS, *users(2)])
    column = "_sdc_deleted_at"
    new = schema("new", {"id": "string", column: "string"})
    streams = {"new": {"object": "users", "mode": "insert"}}
    more = {"streams": streams, "hard_delete": True, "max_delete_ratio": 1}
    deleted = record("new", id="u1", **{column: "2026-01-01T00:00:00Z"})
    messages = [USERS, *users(2), new, deleted, USERS, *users(2)[1:]]
    run_here(tmp_path, compared(sandbox, **more), messages, together=1)
    assert sandbox.state()["users"]["u1"]["attributes"] == {"plan": "pro", "seats": 1, "name": "n1"}


@pytest.mark.parametrize("count", [10, 150], ids=["look-ups", "list"])
def test_groups_and_memberships_are_compared_too(
    sandbox: Sandbox, tmp_path: Path, count: int
) -> None:
    """A membership with the attributes that it has there, and a group likewise."""
    groups = [record("groups", id=f"g{n}", tier="gold") for n in range(count)]
    members = [
        record("memberships", user_id=f"u{n}", group_id=f"g{n % 7}", role="admin")
        for n in range(count)
    ]
    before = seed(sandbox, tmp_path, [GROUPS, *groups, MEMBERS, *members])
    groups[1]["record"]["tier"] = "silver"
    members[2]["record"]["role"] = "guest"
    members[3]["record"]["group_id"] = "g1"
    result = run_here(tmp_path, compared(sandbox), [GROUPS, *groups, MEMBERS, *members])
    counts = {"received": count, "unchanged": count - 1, "delivered": 1}
    assert result.counts["groups"] == counts
    assert result.counts["memberships"] == {**counts, "unchanged": count - 2, "delivered": 2}
    sent = sorted(bodies(sandbox)[before:], key=str)
    assert sent == [
        {"id": "g1", "attributes": {"tier": "silver"}},
        {"id": "u2", "memberships": [{"attributes": {"role": "guest"}, "group": {"id": "g2"}}]},
        {"id": "u3", "memberships": [{"attributes": {"role": "admin"}, "group": {"id": "g1"}}]},
    ]


def test_the_lists_of_a_user_are_compared_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its groups with their attributes; pruned, as all that there are."""
    columns = {"id": "string", "plan": "string", "groups": {}, "prune_memberships": "boolean"}
    listed = schema("users", columns)
    groups: list[Any] = ["g1", {"id": "g2", "attributes": {"tier": "gold"}}]
    people = [record("users", id=f"u{n}", plan="pro", groups=groups) for n in range(4)]
    before = seed(sandbox, tmp_path, [listed, *people])
    people[1]["record"]["groups"] = ["g1", {"id": "g2", "attributes": {"tier": "tin"}}]
    people[2]["record"].update(groups=["g1", "g3"], plan="free")
    people[3]["record"].update(groups=["g1"], prune_memberships=True)
    people += [record("users", id="u0", plan="pro", groups=["g2", "g1"], prune_memberships=True)]
    result = run_here(tmp_path, compared(sandbox, batch_size_rows=1), [listed, *people])
    assert result.counts["users"] == {"received": 5, "unchanged": 2, "delivered": 3}
    assert bodies(sandbox)[before:] == [
        {"id": "u1", "attributes": {}, "groups": [{"id": "g2", "attributes": {"tier": "tin"}}]},
        {"id": "u2", "attributes": {"plan": "free"}, "groups": [{"id": "g3"}]},
        {"id": "u3", "attributes": {}, "groups": [{"id": "g1"}], "prune_memberships": True},
    ]


def test_operations_are_sent_and_set_once_is_not(sandbox: Sandbox, tmp_path: Path) -> None:
    """What `add` says depends on what is there; `set_once` says nothing where there is a value."""
    before = seed(sandbox, tmp_path, [USERS, *users(150)])
    operations = {"seats": "add", "plan": "set_once"}
    config = compared(sandbox, streams={"users": {"operations": operations}})
    messages = [USERS, *users(150, plan="free")]
    result = run_here(tmp_path, config, messages)
    assert result.counts["users"]["delivered"] == 150
    assert min(bodies(sandbox)[before:], key=str) == {
        "id": "u0",
        "attributes": {"seats": {"add": 0}},
    }
    config = compared(sandbox, streams={"users": {"operations": {"plan": "set_once"}}})
    seats = [one["record"] | {"seats": 2 * one["record"]["seats"]} for one in users(150)]
    result = run_here(tmp_path, config, [USERS, *(record("users", **one) for one in seats)])
    assert result.counts["users"] == {"received": 150, "unchanged": 150}


def test_a_ledger_that_is_there_learns_of_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """The next run may go by the ledger, and asks nothing."""
    seed(sandbox, tmp_path, [USERS, *users(5)])
    config = {**sandbox.config, "skip_unchanged": True}
    run_here(tmp_path, config, [USERS, record("users", id="other")])
    compares = {**sandbox.config, "skip_unchanged": "destination"}
    assert run_here(tmp_path, compares, [USERS, *users(5)]).counts["users"]["unchanged"] == 5
    asked_before = len(sandbox.requests())
    assert run_here(tmp_path, config, [USERS, *users(5)]).counts["users"]["unchanged"] == 5
    assert len(sandbox.requests()) == asked_before


def test_what_another_client_does_meanwhile_stays_unless_the_record_is_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Another client edits, deletes and creates users, between a list and the write and during it.

    A record that is sent is all true afterwards, also what of it did not differ when it was listed;
    of a record that is not sent, as it was the same when it was listed, what was done stays done.
    """
    seed(sandbox, tmp_path, [USERS, *users(450)])
    records = users(451)
    for sent in (2, 5, 100, 150, 250):
        records[sent]["record"]["plan"] = "free"

    def edit(*numbers: int) -> None:
        attributes = {"plan": "edited", "name": "edited"}
        for number in numbers:
            watch.ask("POST", "/users", {"id": f"u{number}", "attributes": attributes})

    def delete(*numbers: int) -> None:
        for number in numbers:
            watch.ask("DELETE", f"/users/u{number}")

    def during_the_list() -> None:
        edit(1, 2, 300, 301)
        delete(99, 100, 399)  # the first of them is the cursor of the next page
        edit(900, 901)

    def before_the_write() -> None:
        edit(3, 150)
        delete(4, 5, 250)

    with watched(sandbox) as watch:
        watch.after("GET", "/users?", 1, during_the_list)
        watch.before("POST", "/users", 1, before_the_write)
        result = run_here(tmp_path, compared(sandbox, api_url=watch.url), [USERS, *records])
    assert result.status == 0
    kept = {id_: one["attributes"] for id_, one in sandbox.state()["users"].items()}
    assert watch.sent_ids >= {"u2", "u5", "u100", "u150", "u250", "u399", "u450"}
    for sent in (one["record"] for one in records if one["record"]["id"] in watch.sent_ids):
        assert kept[sent["id"]] == {name: sent[name] for name in ("plan", "seats", "name")}
    edited = {"plan": "edited", "name": "edited"}
    done = {"u1": {**edited, "seats": 1}, "u3": {**edited, "seats": 3}, "u900": edited}
    for id_ in {*done, "u4", "u99"} - watch.sent_ids:  # they were read before
        assert kept.get(id_) == done.get(id_)
    assert len(watch.sent_ids) < 20


def test_an_operation_is_carried_out_once_whatever_has_to_follow_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Only what was left out, and another client changed, is sent after the answer shows it."""
    before = seed(sandbox, tmp_path, [USERS, *users(1, seats=1)])
    streams = {"users": {"operations": {"seats": "add"}}}
    edited = {"id": "u0", "attributes": {"plan": "edited"}}
    with watched(sandbox) as watch:
        watch.before("POST", "/users", 1, lambda: watch.ask("POST", "/users", edited))
        config = compared(sandbox, api_url=watch.url, streams=streams)
        result = run_here(tmp_path, config, [USERS, *users(1, seats=2)])
    assert result.counts["users"] == {"received": 1, "delivered": 1}
    assert sandbox.state()["users"]["u0"]["attributes"] == {"plan": "pro", "seats": 3, "name": "n0"}
    assert bodies(sandbox)[before:] == [
        edited,
        {"id": "u0", "attributes": {"seats": {"add": 2}}},
        {"id": "u0", "attributes": {"plan": "pro"}},
    ]


def test_a_list_that_cannot_be_read_means_that_all_is_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """In doubt it is sent, and said."""
    before = seed(sandbox, tmp_path, [USERS, *users(3)])
    sandbox.script([{"status": 400, "body": "{}", "method": "GET", "times": 20}])
    result = run_target(tmp_path, compared(sandbox), [USERS, *users(3)])
    assert result.status == 0, result.log
    assert len(writes(sandbox)) == before + 3
    assert "Records are sent without a comparison" in result.log


def test_the_setting_is_read_from_a_variable(sandbox: Sandbox, tmp_path: Path) -> None:
    """As Meltano hands it over; another word is an error."""
    seed(sandbox, tmp_path, [USERS, *users(2)])
    env = {"TARGET_USERFLOW_SKIP_UNCHANGED": "destination"}
    arguments = ["--config", "ENV"]
    result = run_target(tmp_path, sandbox.config, [USERS, *users(2)], arguments=arguments, env=env)
    assert "unchanged" in result.log
    wrong = run_target(tmp_path, compared(sandbox, skip_unchanged="somewhere"), [])
    assert wrong.status == 1
    assert "skip_unchanged" in wrong.log


ids = st.sampled_from(["u1", "u2"])
group_ids = st.sampled_from(["g1", "g2"])
words = st.sampled_from(["a", "b", None])
rows = st.one_of(
    st.fixed_dictionaries({"user_id": ids}, optional={"plan": words, "name": words}).map(
        lambda row: ("users", row)
    ),
    st.fixed_dictionaries(
        {"user_id": ids, "groups": st.lists(group_ids, max_size=2, unique=True)},
        optional={"plan": words, "prune_memberships": st.booleans()},
    ).map(lambda row: ("listed", row)),
    st.fixed_dictionaries({"group_id": group_ids}, optional={"tier": words}).map(
        lambda row: ("groups", row)
    ),
    st.fixed_dictionaries({"user_id": ids, "group_id": group_ids}, optional={"role": words}).map(
        lambda row: ("memberships", row)
    ),
)
DELETES = {"ledger": "", "hard_delete": True, "max_delete_ratio": 1}
DELETED = {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}
ends = st.one_of(
    st.tuples(st.just("users"), st.fixed_dictionaries({"user_id": ids})),
    st.tuples(st.just("groups"), st.fixed_dictionaries({"group_id": group_ids})),
    st.tuples(
        st.just("memberships"), st.fixed_dictionaries({"user_id": ids, "group_id": group_ids})
    ),
).map(lambda end: (end[0], end[1] | DELETED))
SCHEMAS = [
    schema("users", {"user_id": "string", "plan": "string", "name": "string"}, ["user_id"]),
    schema(
        "listed",
        {"user_id": "string", "plan": "string", "groups": {}, "prune_memberships": "boolean"},
        ["user_id"],
    ),
    schema("groups", {"group_id": "string", "tier": "string"}, ["group_id"]),
    MEMBERS,
]


@settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(rows, max_size=6),
    st.tuples(st.lists(rows, max_size=10), st.lists(rows | ends, max_size=8)),
    st.sampled_from([1, 1, 3, 100]),
)
def test_whatever_comes_the_truth_of_the_last_record_is_there(
    sandbox: Sandbox,
    tmp_path: Path,
    before: list[tuple[str, dict[str, Any]]],
    parts: tuple[list[tuple[str, dict[str, Any]]], list[tuple[str, dict[str, Any]]]],
    size: int,
) -> None:
    """Whether it was compared or not, alone or with others that wait, the end is the same."""
    sandbox.reset()
    truth = Destination()
    rows = [row for part in parts for row in part] if size == 1 else in_order(parts[0])
    streams = {"listed": {"object": "users"}}
    for part, config in (
        (before, {"ledger": "", "batch_size_rows": 1}),
        (rows, {"skip_unchanged": "destination", **DELETES, "batch_size_rows": size}),
    ):
        messages = [*SCHEMAS, *(record(stream, **row) for stream, row in part)]
        run = run_here(tmp_path, {**sandbox.config, "streams": streams, **config}, messages)
        assert run.status == 0
    for stream, row in [*before, *rows]:
        if row.items() >= DELETED.items():
            truth.delete(stream, tuple(row[key] for key in ("user_id", "group_id") if key in row))
        else:
            truth.upsert("users" if stream == "listed" else stream, row)
    assert not differences(kept_by(sandbox), truth)


def in_order(rows: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Rows with those first that others refer to, as they are sent if they are read together."""
    turns = {"groups": 0, "users": 1, "listed": 1, "memberships": 2}
    return sorted(rows, key=lambda one: turns[one[0]])
