"""A CRM's records find the product's users by email: what is there is enriched, none is created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.process import asked, record, run_target, schema, writes
from support.readme import config as recipe

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

PRODUCT = schema("users", {"id": "string", "email": "string", "plan": "string"})
TEXT = {"type": ["string", "null"]}
ACCOUNT = {"type": ["object", "null"], "properties": {"Name": TEXT, "Industry": TEXT}}
CONTACT = schema(
    "Contact",
    {"Id": "string", "Email": "string", "Title": "string", "AccountId": "string"},
    keys=["Id"],
)
CONTACT["schema"]["properties"]["Account"] = ACCOUNT
LEAD = schema("Lead", {"Id": "string", "Email": "string", "Status": "string"}, keys=["Id"])
ACCOUNTS = schema(
    "Account",
    {
        "Id": "string",
        "Product_Id__c": "string",
        "Industry": "string",
        "NumberOfEmployees": "number",
    },
    keys=["Id"],
)
MATCHED = {"object": "users", "match_by": "email", "fields": {"email": "Email"}}


def product(*people: tuple[str, str | None]) -> list[dict[str, Any]]:
    """Users as the product itself identified them."""
    return [PRODUCT, *(record("users", id=id_, email=email, plan="pro") for id_, email in people)]


def contact(id_: str, email: str | None, **values: Any) -> dict[str, Any]:
    """A contact as `tap-salesforce` writes it."""
    empty = {"Title": None, "AccountId": None, "Account": None}
    return record("Contact", **{"Id": id_, "Email": email, **empty, **values})


def attributes(sandbox: Sandbox) -> dict[str, Any]:
    """What the users have."""
    return {name: user["attributes"] for name, user in sandbox.state()["users"].items()}


def test_salesforce_enriches_the_users_there_are(sandbox: Sandbox, tmp_path: Path) -> None:
    """The recipe: contacts with their account, leads, and accounts as groups."""
    acme = [schema("groups", {"id": "string"}), record("groups", id="acme")]
    ada, bob = ("u1", "ada@example.com"), ("u2", "Bob@Example.com")
    run_target(tmp_path, sandbox.config, [*product(ada, bob), *acme])
    account = {"Name": "Acme", "Industry": "Space"}
    messages = [
        ACCOUNTS,
        record("Account", Id="001A", Product_Id__c="acme", Industry="Space", NumberOfEmployees=7),
        record("Account", Id="001B", Product_Id__c="unknown", Industry="Sea", NumberOfEmployees=8),
        record("Account", Id="001C", Product_Id__c=None, Industry="Air", NumberOfEmployees=None),
        CONTACT,
        contact("003A", "ADA@example.com", Title="CTO", AccountId="001A", Account=account),
        contact("003B", "nobody@example.com", Title="CFO"),
        contact("003C", None, Title="CEO"),
        LEAD,
        record("Lead", Id="00QA", Email="bob@example.com", Status="Open"),
    ]
    config = {**sandbox.config, **recipe("salesforce")}
    result = run_target(tmp_path, config, messages)
    assert result.status == 0, result.log
    contacts = {"sf_contact_id": "003A", "sf_title": "CTO", "sf_industry": "Space"}
    lead = {"sf_lead_id": "00QA", "sf_lead_status": "Open"}
    assert attributes(sandbox) == {
        "u1": {"email": "ada@example.com", "plan": "pro", **contacts},
        "u2": {"email": "Bob@Example.com", "plan": "pro", **lead},
    }
    groups = {name: one["attributes"] for name, one in sandbox.state()["groups"].items()}
    assert groups == {"acme": {"sf_industry": "Space", "sf_employees": 7}}
    reasons = {"its email matches no user", "has no email to match by"}
    assert all(f"1 skipped of Contact: {reason}" in result.log for reason in reasons)


def test_an_email_of_several_users_is_nobodys(sandbox: Sandbox, tmp_path: Path) -> None:
    """Whether they are written alike or not: the record is skipped, with the reason."""
    twins = [("u1", "Ada@example.com"), ("u2", "ADA@Example.com"), ("u3", "b@e.com")]
    run_target(tmp_path, sandbox.config, product(*twins, ("u4", "b@e.com")))
    before = len(writes(sandbox))
    config = {**sandbox.config, "streams": {"Contact": MATCHED}}
    contacts = [contact("003A", "ada@example.com"), contact("003B", "b@e.com")]
    result = run_target(tmp_path, config, [CONTACT, *contacts])
    assert result.status == 0, result.log
    assert len(writes(sandbox)) == before
    assert "2 skipped of Contact: its email matches several users" in result.log


SPELLINGS = [
    ("written", "ada@Example.com"),
    ("folded", "ada@example.com"),
    ("other", "ADA@EXAMPLE.COM"),
]


@pytest.mark.parametrize("more", [0, 250], ids=["few emails", "many emails"])
@pytest.mark.parametrize(
    ("there", "titled"),
    [
        (["written", "folded", "other"], {"written"}),
        (["folded", "other"], {"folded"}),
        (["other"], {"other"}),
        ([], set[str]()),
    ],
    ids=["as written", "in lower case", "in any case", "by nobody"],
)
def test_an_email_finds_the_same_user_whatever_the_size_of_the_run(
    sandbox: Sandbox, tmp_path: Path, there: list[str], titled: set[str], more: int
) -> None:
    """As it is written, else in lower case, else in any case: by look-ups or in the list."""
    people = [(id_, email) for id_, email in SPELLINGS if id_ in there]
    run_target(tmp_path, sandbox.config, product(*people))
    config = {**sandbox.config, "streams": {"Contact": MATCHED}}
    others = [contact(f"003{n}", f"nobody{n}@example.com") for n in range(more)]
    found = contact("003A", "ada@Example.com", Title="CTO")
    result = run_target(tmp_path, config, [CONTACT, found, *others])
    assert result.status == 0, result.log
    assert {id_ for id_, one in attributes(sandbox).items() if one.get("Title")} == titled


def test_letters_that_only_look_alike_when_folded_are_two_addresses(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """`straße` and `strasse` are the mailboxes of two people."""
    run_target(tmp_path, sandbox.config, product(("u1", "strasse@example.com")))
    config = {**sandbox.config, "streams": {"Contact": MATCHED}}
    result = run_target(tmp_path, config, [CONTACT, contact("003A", "straße@example.com")])
    assert "1 skipped of Contact: its email matches no user" in result.log


@pytest.mark.parametrize(
    ("contacts", "spelled", "questions"),
    [(3, "U{}@example.com", 3), (3, "u{}@EXAMPLE.com", 8), (250, "u{}@EXAMPLE.com", 2)],
    ids=["as they are there", "in another case", "many"],
)
def test_emails_are_resolved_like_ids(
    sandbox: Sandbox, tmp_path: Path, contacts: int, spelled: str, questions: int
) -> None:
    """A few are looked up; many, and what no look-up finds, in the list: two pages for 150."""
    people = [(f"u{n}", f"U{n}@example.com") for n in range(150)]
    run_target(tmp_path, sandbox.config, product(*people))
    config = {**sandbox.config, "streams": {"Contact": MATCHED}}
    found = [contact(f"003{n}", spelled.format(n), Title="CTO") for n in range(contacts)]
    result = run_target(tmp_path, config, [CONTACT, *found])
    assert result.status == 0, result.log
    titled = {name for name, one in attributes(sandbox).items() if one.get("Title") == "CTO"}
    assert titled == {f"u{n}" for n in range(min(contacts, 150))}
    assert len(asked(sandbox, "/users")) == questions


def test_one_list_serves_all_streams(sandbox: Sandbox, tmp_path: Path) -> None:
    """Emails and ids come from the same pages: two streams, two pages."""
    people = [(f"u{n}", f"u{n}@example.com") for n in range(150)]
    run_target(tmp_path, sandbox.config, product(*people))
    streams = {"Contact": MATCHED, "users": {"mode": "update"}}
    contacts = [contact(f"003{n}", f"u{n}@example.com") for n in range(150)]
    messages = [*product(*people), CONTACT, *contacts]
    result = run_target(tmp_path, {**sandbox.config, "streams": streams}, messages)
    assert result.status == 0, result.log
    assert len(asked(sandbox, "/users")) == 2


def test_a_user_that_the_run_itself_creates_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    """Even if its email was asked for before."""
    contacts = [contact("003A", "ada@example.com", Title="CTO")] * 2
    messages = [CONTACT, contacts[0], *product(("u1", "Ada@example.com")), CONTACT, contacts[1]]
    config = {**sandbox.config, "streams": {"Contact": MATCHED}, "batch_size_rows": 1}
    result = run_target(tmp_path, config, messages)
    assert attributes(sandbox)["u1"]["Title"] == "CTO"
    assert "1 skipped of Contact" in result.log


@pytest.mark.parametrize("order", ["users first", "contacts first"])
def test_users_that_are_on_their_way_are_found(
    sandbox: Sandbox, tmp_path: Path, order: str
) -> None:
    """A stream with `match_by` waits for what another stream of the run may be creating."""
    sandbox.configure(latency_ms=100)
    people = product(*((f"u{n}", f"u{n}@example.com") for n in range(4)))
    contacts = [CONTACT, *(contact(f"003{n}", f"u{n}@example.com", Title="CTO") for n in range(4))]
    messages = [*people, *contacts] if order == "users first" else [*contacts, *people]
    result = run_target(tmp_path, {**sandbox.config, "streams": {"Contact": MATCHED}}, messages)
    assert result.status == 0, result.log
    assert [one.get("Title") for one in attributes(sandbox).values()] == ["CTO"] * 4


def test_the_records_of_one_user_arrive_in_order(sandbox: Sandbox, tmp_path: Path) -> None:
    """Different spellings of one email are one user, and the last record wins."""
    run_target(tmp_path, sandbox.config, product(("u1", "ada@example.com")))
    spellings = ["ada@example.com", "ADA@example.com", " Ada@Example.com "]
    contacts = [contact("003A", email, Title=email) for email in spellings * 10]
    config = {**sandbox.config, "streams": {"Contact": MATCHED}}
    run_target(tmp_path, config, [CONTACT, *contacts])
    assert attributes(sandbox)["u1"]["Title"] == spellings[-1]


def test_unchanged_contacts_are_not_sent_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """The ledger knows them by the user that they were matched with."""
    run_target(tmp_path, sandbox.config, product(("u1", "ada@example.com")))
    config = {**sandbox.config, "streams": {"Contact": MATCHED}, "skip_unchanged": True}
    messages = [CONTACT, contact("003A", "ada@example.com", Title="CTO")]
    run_target(tmp_path, config, messages)
    before = len(writes(sandbox))
    run_target(tmp_path, config, messages)
    assert len(writes(sandbox)) == before


def test_no_email_stands_in_the_log(sandbox: Sandbox, tmp_path: Path) -> None:
    """Not even at DEBUG, where the HTTP library would write what is asked for."""
    config = {**sandbox.config, "streams": {"Contact": MATCHED}}
    debug = {"TARGET_USERFLOW_LOGLEVEL": "DEBUG"}
    messages = [CONTACT, contact("003A", "ada@example.com")]
    result = run_target(tmp_path, config, messages, env=debug)
    assert "DEBUG" in result.log
    assert [one.get("email") for one in asked(sandbox, "/users")] == ["ada@example.com", None]
    assert "ada" not in result.log


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"object": "events", "match_by": "email"}, "match_by finds users and groups"),
        ({"object": "users", "match_by": "email"}, "no column for email"),
        ({**MATCHED, "mode": "insert"}, "mode 'insert'"),
        ({"object": "users", "match_by": "phone"}, "no column for phone"),
        ({"object": "users", "match_by": "groups"}, "'groups', which is no attribute of users"),
    ],
)
def test_a_match_that_cannot_be_made_stops_the_run(
    sandbox: Sandbox, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    """Before anything is sent, with the setting in the line."""
    config = {**sandbox.config, "streams": {"Contact": options}}
    result = run_target(tmp_path, config, [CONTACT, contact("003A", "ada@example.com")])
    assert result.status == 1
    assert words in result.log
    assert sandbox.requests() == []


def test_users_are_found_by_any_attribute(sandbox: Sandbox, tmp_path: Path) -> None:
    """The CRM's own id, say, which the product keeps of each: numbers by their digits."""
    known = schema("users", {"id": "string", "crm_id": "string"})
    people = [record("users", id="u1", crm_id="003A"), record("users", id="u2", crm_id="42")]
    run_target(tmp_path, sandbox.config, [known, *people])
    matched = {"object": "users", "match_by": "crm_id", "fields": {"crm_id": "Id"}}
    numbered = schema("Contact", {"Id": {"type": ["string", "integer"]}, "Title": "string"}, ["Id"])
    contacts = [record("Contact", Id="003A", Title="CTO"), record("Contact", Id=42, Title="CFO")]
    others = [record("Contact", Id="003a", Title="CEO")]
    config = {**sandbox.config, "streams": {"Contact": matched}}
    result = run_target(tmp_path, config, [numbered, *contacts, *others])
    assert result.status == 0, result.log
    assert attributes(sandbox) == {
        "u1": {"crm_id": "003A", "Title": "CTO"},
        "u2": {"crm_id": "42", "Title": "CFO"},
    }
    assert "1 skipped of Contact: its crm_id matches no user" in result.log


def test_groups_are_found_by_an_attribute(sandbox: Sandbox, tmp_path: Path) -> None:
    """A CRM's account by its domain; two groups with one domain are nobody's."""
    known = schema("groups", {"id": "string", "domain": "string"})
    domains = {"g1": "acme.example", "g2": "twin.example", "g3": "twin.example"}
    run_target(
        tmp_path,
        sandbox.config,
        [known, *(record("groups", id=g, domain=domains[g]) for g in domains)],
    )
    matched = {"object": "groups", "match_by": "domain", "fields": {"domain": "Website"}}
    account = schema("Account", {"Id": "string", "Website": "string", "Industry": "string"}, ["Id"])
    accounts = [
        record("Account", Id="001A", Website="acme.example", Industry="Space"),
        record("Account", Id="001B", Website="twin.example", Industry="Sea"),
    ]
    config = {**sandbox.config, "streams": {"Account": matched}}
    result = run_target(tmp_path, config, [account, *accounts])
    assert result.status == 0, result.log
    groups = {name: one["attributes"] for name, one in sandbox.state()["groups"].items()}
    assert groups["g1"] == {"domain": "acme.example", "Id": "001A", "Industry": "Space"}
    assert [groups[name] for name in ("g2", "g3")] == [{"domain": "twin.example"}] * 2
    assert "1 skipped of Account: its domain matches several groups" in result.log


def test_a_contact_that_is_gone_takes_no_user_along(sandbox: Sandbox, tmp_path: Path) -> None:
    """A CRM enriches users; that it forgets a contact says nothing of the product's user."""
    run_target(tmp_path, sandbox.config, product(("u1", "ada@example.com")))
    deleted = contact("003A", "ada@example.com", _sdc_deleted_at="2026-01-01T00:00:00Z")
    config = {**sandbox.config, "streams": {"Contact": MATCHED}, "hard_delete": True}
    result = run_target(tmp_path, config, [CONTACT, deleted])
    assert result.status == 0, result.log
    assert "match_by enriches users and deletes none" in result.log
    assert attributes(sandbox) == {"u1": {"email": "ada@example.com", "plan": "pro"}}
