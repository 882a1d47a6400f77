"""The lists of Userpilot on the page: users, companies and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.page.lists import List
from target_userflow.sandbox.page.view_models import (
    FACTS,
    Column,
    Detail,
    Row,
    Section,
    attribute_section,
    fact,
    join_values,
    search_text,
    summary,
)

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.userpilot.store import Store

_USERS = (
    Column("ID", "link"),
    Column("Name"),
    Column("Company"),
    Column("Metadata", "rest", minor=True),
)
_COMPANIES = (Column("ID", "link"), Column("Name"), Column("Metadata", "rest", minor=True))
_EVENTS = (Column("Event", "link"), Column("User"), Column("Metadata", "rest", minor=True))


def userpilot_lists(store: Store) -> dict[str, List]:
    """Return the lists by name."""
    return {
        "userpilot_users": _users(store),
        "userpilot_companies": _companies(store),
        "userpilot_events": _events(store),
    }


def _users(store: Store) -> List:
    async def detail(id_: str) -> Detail | None:
        user = store.users.get(id_)
        return _user_detail(id_, user) if user else None

    return List(
        label="Users",
        searched="id, name or email",
        api="Userpilot",
        columns=_USERS,
        count=len(store.users),
        items=store.users.items(),
        row=_user_row,
        words=_words,
        detail=detail,
    )


def _companies(store: Store) -> List:
    async def detail(id_: str) -> Detail | None:
        company = store.companies.get(id_)
        return _company_detail(id_, company) if company else None

    return List(
        label="Companies",
        searched="id or name",
        api="Userpilot",
        columns=_COMPANIES,
        count=len(store.companies),
        items=store.companies.items(),
        row=_company_row,
        words=_words,
        detail=detail,
    )


def _events(store: Store) -> List:
    async def detail(id_: str) -> Detail | None:
        event = store.event(id_)
        return _event_detail(event) if event else None

    return List(
        label="Events",
        searched="event or user",
        api="Userpilot",
        columns=_EVENTS,
        count=len(store.events),
        items=reversed(store.events),
        row=_event_row,
        words=lambda event: search_text(event["event_name"], event["user_id"]),
        detail=detail,
    )


def _words(pair: tuple[str, dict[str, Any]]) -> str:
    id_, metadata = pair[0], pair[1]["metadata"]
    return search_text(id_, metadata.get("name"), metadata.get("email"))


def _user_row(pair: tuple[str, dict[str, Any]]) -> Row:
    id_, user = pair
    metadata = user["metadata"]
    cells = [id_, join_values(metadata, "name"), user["company_id"] or "", summary(metadata)]
    return Row(id_, [*cells], "userpilot_users", id_)


def _company_row(pair: tuple[str, dict[str, Any]]) -> Row:
    id_, metadata = pair[0], pair[1]["metadata"]
    cells = [id_, join_values(metadata, "name"), summary(metadata)]
    return Row(id_, [*cells], "userpilot_companies", id_)


def _event_row(event: dict[str, Any]) -> Row:
    id_ = str(event["seq"])
    cells = [event["event_name"], event["user_id"], summary(event["metadata"])]
    return Row(id_, [*cells], "userpilot_events", id_)


def _user_detail(id_: str, user: dict[str, Any]) -> Detail:
    company = user["company_id"]
    facts = [fact("Company", company, "userpilot_companies", company)] if company else []
    sections = [
        attribute_section(user["metadata"], title="Metadata"),
        Section("Facts", FACTS, facts, "In no company."),
    ]
    return Detail("User", id_, sections, named=id_)


def _company_detail(id_: str, company: dict[str, Any]) -> Detail:
    sections = [attribute_section(company["metadata"], title="Metadata")]
    return Detail("Company", id_, sections, named=id_)


def _event_detail(event: dict[str, Any]) -> Detail:
    seq = str(event["seq"])
    facts = [
        fact("User", event["user_id"], "userpilot_users", event["user_id"]),
        fact("Request", f"#{seq}", "requests", seq),
    ]
    sections = [
        Section("Facts", FACTS, facts),
        attribute_section(event["metadata"], title="Metadata"),
    ]
    return Detail("Event", event["event_name"], sections)
