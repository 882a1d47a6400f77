"""What `skip_unchanged` must not trust: rows of the ledger that another request has overtaken."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from support.ledgers import Day
from support.process import record, schema, state
from support.taps import piped, run_here, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from support.taps import Counted

    from target_userflow.sandbox import Sandbox

LISTED = schema(
    "users",
    {
        "id": "string",
        "plan": "string",
        "group_id": {"type": ["string", "array", "null"]},
        "group_attributes": {"type": ["object", "null"]},
        "groups": {"type": ["array", "null"]},
        "memberships": {"type": ["array", "null"]},
        "prune_memberships": "boolean",
    },
)
GROUPS = schema("groups", {"id": "string", "name": "string"})
MEMBERSHIPS = schema(
    "memberships",
    {"user_id": "string", "group_id": "string", "role": "string"},
    keys=["user_id", "group_id"],
)
PLAIN = schema("users", {"id": "string", "plan": "string"})
COMPANIES = schema("userpilot_companies", {"id": "string", "name": "string"})
IDENTIFIED = schema("userpilot_users", {"id": "string", "company": {"type": ["object", "null"]}})
ADA = record("users", id="ada", email="ada@example.com")
SKIPPING = {"skip_unchanged": True}


def member(group: str, role: str, user: str = "ada") -> dict[str, Any]:
    return record("memberships", user_id=user, group_id=group, role=role)


def group(name: str) -> dict[str, Any]:
    return record("groups", id="acme", name=name)


@dataclass
class Bench:
    """A sandbox, a ledger, and runs that share both."""

    sandbox: Sandbox
    directory: Path
    ledger: str

    def run(self, *messages: Any, day: int = 0, **config: Any) -> Counted:
        """One run that compares, unless it is told otherwise."""
        settings = {**self.sandbox.config, **SKIPPING, "ledger": self.ledger, **config}
        counted = run_here(self.directory, settings, messages, clock=Day(day))
        assert counted.status == 0
        return counted

    def member(self, group: str, user: str = "ada") -> dict[str, Any] | None:
        """The attributes of a membership that there is."""
        members: dict[str, Any] = self.sandbox.state()["users"][user]["memberships"]
        return members.get(group)

    @property
    def name(self) -> Any:
        """The name of the group."""
        return self.sandbox.state()["groups"]["acme"]["attributes"]["name"]


@pytest.fixture
def bench(sandbox: Sandbox, tmp_path: Path) -> Bench:
    """A ledger in a file."""
    return Bench(sandbox, tmp_path, str(tmp_path / "ledger.db"))


@pytest.fixture
def shared(sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    """A ledger that several runs may have at once."""
    database = request.getfixturevalue("postgres").create(f"shared_{uuid.uuid4().hex}")
    return Bench(sandbox, tmp_path, database.url.replace("://", "+psycopg://"))


# Pruning


@pytest.mark.parametrize("listed", [{"groups": ["acme"]}, {"group_id": "acme"}, {"groups": []}])
def test_a_membership_that_was_pruned_comes_again(bench: Bench, listed: dict[str, Any]) -> None:
    """The users row does not name it: it ends, and the row that brought it is sent once more."""
    rows = MEMBERSHIPS, member("globex", "lead")
    bench.run(*rows)
    bench.run(LISTED, record("users", id="ada", **listed, prune_memberships=True))
    assert bench.member("globex") is None
    bench.run(*rows)
    assert bench.member("globex") == {"role": "lead"}


def test_a_membership_is_unchanged_again_once_it_outlived_the_day_of_the_pruning(
    bench: Bench,
) -> None:
    """A mark per user tells the day, so that no later run sends the membership for it."""
    rows = MEMBERSHIPS, member("globex", "lead")
    bench.run(LISTED, record("users", id="ada", groups=[], prune_memberships=True))
    outcomes = [bench.run(*rows, day=day).counts["memberships"] for day in (0, 1, 2)]
    assert [one.get("unchanged", 0) for one in outcomes] == [0, 0, 1]


def test_pruning_one_user_says_nothing_of_another(bench: Bench) -> None:
    """The mark is the user's own."""
    rows = MEMBERSHIPS, member("globex", "lead", user="grace")
    bench.run(*rows)
    bench.run(LISTED, record("users", id="ada", groups=[], prune_memberships=True))
    assert bench.run(*rows).counts == {"memberships": {"received": 1, "unchanged": 1}}


def test_a_membership_in_the_window_of_its_pruning_is_sent_after_it(bench: Bench) -> None:
    """It looks unchanged when the window opens, and is not when its user has been sent."""
    rows = MEMBERSHIPS, member("globex", "lead")
    bench.run(*rows)
    bench.run(LISTED, record("users", id="ada", groups=[], prune_memberships=True), *rows)
    assert bench.member("globex") == {"role": "lead"}


def test_a_run_that_does_not_compare_prunes_for_one_that_does(bench: Bench) -> None:
    """Whoever prunes leaves the mark."""
    rows = MEMBERSHIPS, member("globex", "lead")
    bench.run(*rows)
    pruning = record("users", id="ada", groups=[], prune_memberships=True)
    bench.run(LISTED, pruning, skip_unchanged=False)
    bench.run(*rows)
    assert bench.member("globex") == {"role": "lead"}


# What stands in a list of a user


@pytest.mark.parametrize(
    "listed",
    [
        {"groups": [{"id": "acme", "attributes": {"name": "Old"}}]},
        {"memberships": [{"group": {"id": "acme", "attributes": {"name": "Old"}}}]},
        {"group_id": "acme", "group_attributes": {"name": "Old"}},
    ],
    ids=["groups", "memberships", "group_id"],
)
def test_a_group_and_a_user_that_lists_it_overtake_each_other(
    bench: Bench, listed: dict[str, Any]
) -> None:
    """Each is sent whenever the other wrote last, and so the last to come always stays."""
    of_group, of_user = (GROUPS, group("New")), (LISTED, record("users", id="ada", **listed))
    for rows, name in ((of_group, "New"), (of_user, "Old")) * 3:
        bench.run(*rows)
        assert bench.name == name


def test_a_user_that_brings_what_its_group_has_changes_nothing(bench: Bench) -> None:
    """Where all say the same, all are unchanged."""
    columns = {"group_id": "acme", "group_attributes": {"name": "Acme"}}
    people = [record("users", id=one, **columns) for one in ("ada", "grace", "linus")]
    rows = GROUPS, group("Acme"), LISTED, *people
    bench.run(*rows)
    assert bench.run(*rows).counts == {
        "groups": {"received": 1, "unchanged": 1},
        "users": {"received": 3, "unchanged": 3},
    }


def test_a_group_that_is_only_named_is_left_as_it_is(bench: Bench) -> None:
    """A users row with a group's id alone does not have its group sent again."""
    rows = GROUPS, group("Acme"), LISTED, record("users", id="ada", group_id="acme")
    bench.run(*rows)
    bench.run(LISTED, record("users", id="ada", group_id="acme", plan="pro"))
    counted = bench.run(GROUPS, group("Acme"))
    assert counted.counts == {"groups": {"received": 1, "unchanged": 1}}


def test_users_that_contradict_each_other_are_never_unchanged(bench: Bench) -> None:
    """Two of one window give their group two names: who was last is not known, so both go again."""
    people = [
        record("users", id=one, group_id="acme", group_attributes={"name": one})
        for one in ("ada", "grace")
    ]
    bench.run(LISTED, *people)
    assert bench.run(LISTED, *people).counts == {"users": {"received": 2, "delivered": 2}}
    bench.run(LISTED, people[0])
    assert bench.name == "ada"


def test_a_membership_and_a_user_that_lists_it_overtake_each_other(bench: Bench) -> None:
    """The attributes of a membership stand in its own row and in its user's."""
    listed = [{"group": {"id": "acme"}, "attributes": {"role": "guest"}}]
    of_user = LISTED, record("users", id="ada", memberships=listed)
    of_member = MEMBERSHIPS, member("acme", "owner")
    for rows, role in ((of_user, "guest"), (of_member, "owner")) * 3:
        bench.run(*rows)
        assert bench.member("acme") == {"role": role}


def test_a_matched_user_forgets_the_membership_of_the_id_that_was_found(bench: Bench) -> None:
    """With `match_by`, the record has an email where the ledger has the user's id."""
    bench.run(schema("users", {"id": "string", "email": "string"}), ADA)
    of_member = MEMBERSHIPS, member("acme", "owner")
    bench.run(*of_member)
    contact = schema("users", {"email": "string", "memberships": {"type": ["array", "null"]}}, [])
    listed = [{"group": {"id": "acme"}, "attributes": {"role": "guest"}}]
    matching: dict[str, Any] = {"streams": {"users": {"match_by": "email"}}}
    bench.run(contact, record("users", email="ada@example.com", memberships=listed), **matching)
    assert bench.member("acme") == {"role": "guest"}
    bench.run(*of_member)
    assert bench.member("acme") == {"role": "owner"}


def test_a_company_and_a_userpilot_user_of_it_overtake_each_other(bench: Bench) -> None:
    """Identify writes the properties of the company, too."""
    of_company = COMPANIES, record("userpilot_companies", id="acme", name="New")
    company = {"id": "acme", "name": "Old"}
    of_user = IDENTIFIED, record("userpilot_users", id="ada", company=company)
    for rows, name in ((of_company, "New"), (of_user, "Old")) * 3:
        bench.run(*rows)
        found = bench.sandbox.state()["userpilot"]["companies"]["acme"]["metadata"]
        assert found["name"] == name


# Two runs, one ledger


def test_whoever_writes_an_object_forgets_it_for_all(shared: Bench) -> None:
    """A run that does not compare goes on while another one does: it overwrites, and says so."""
    rows = PLAIN, record("users", id="ada", plan="A")
    settings = {**shared.sandbox.config, "ledger": shared.ledger, "batch_size_rows": 1}
    other, written = {**PLAIN, "stream": "crm-users"}, partial(record, "crm-users", plan="B")
    with piped(shared.directory, settings) as plain:
        plain.feed([other, *(one for n in (1, 2) for one in (written(id="grace"), state(n)))])
        wait_until(lambda: plain.states, "the run without skip_unchanged to have begun")
        shared.run(*rows)
        plain.feed([written(id="ada"), state(3)])
        assert plain.result().status == 0
    shared.run(*rows)
    assert shared.sandbox.state()["users"]["ada"]["attributes"]["plan"] == "A"


def test_a_run_that_does_not_compare_leaves_the_rows_of_what_it_does_not_write(
    shared: Bench,
) -> None:
    """What another run delivered stays unchanged, if nobody overwrote it."""
    rows = PLAIN, record("users", id="ada", plan="A")
    shared.run(*rows)
    shared.run(PLAIN, record("users", id="grace", plan="B"), skip_unchanged=False)
    assert shared.run(*rows).counts == {"users": {"received": 1, "unchanged": 1}}
