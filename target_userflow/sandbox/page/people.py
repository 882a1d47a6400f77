"""Participants of User Interviews, and what Userpilot keeps, as the page tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.page.lists import List
from target_userflow.sandbox.page.parts import (
    FACTS,
    Column,
    Detail,
    Row,
    Section,
    attributes,
    fact,
    summed_up,
    text_of,
    words,
)

if TYPE_CHECKING:
    from target_userflow.sandbox.user_interviews import UserInterviews
    from target_userflow.sandbox.userpilot import Userpilot

_PARTICIPANTS = (
    Column("Email", "link"),
    Column("Name"),
    Column("Title", minor=True),
    Column("Country", minor=True),
    Column("Fields", "number", minor=True),
)
_USERS = (
    Column("ID", "link"),
    Column("Name"),
    Column("Company"),
    Column("Metadata", "rest", minor=True),
)
_COMPANIES = (Column("ID", "link"), Column("Name"), Column("Metadata", "rest", minor=True))
_EVENTS = (Column("Event", "link"), Column("User"), Column("Metadata", "rest", minor=True))


def participants(api: UserInterviews) -> dict[str, List]:
    """The list by its name."""

    async def participant(email: str) -> Detail | None:
        found = api.participants.get(email.lower())
        return _participant_detail(found) if found else None

    return {
        "participants": List(
            label="Participants",
            sought="email or name",
            api="User Interviews",
            columns=_PARTICIPANTS,
            count=len(api.participants),
            things=api.participants.values(),
            row=_participant_row,
            words=_participant_words,
            detail=participant,
        )
    }


def userpilot(api: Userpilot) -> dict[str, List]:
    """The lists by name."""

    async def user(id_: str) -> Detail | None:
        found = api.users.get(id_)
        return _user_detail(id_, found) if found else None

    async def company(id_: str) -> Detail | None:
        found = api.companies.get(id_)
        return _company_detail(id_, found) if found else None

    async def event(id_: str) -> Detail | None:
        found = next((one for one in api.events if str(one["seq"]) == id_), None)
        return _event_detail(found) if found else None

    return {
        "userpilot_users": List(
            label="Users",
            sought="id, name or email",
            api="Userpilot",
            columns=_USERS,
            count=len(api.users),
            things=api.users.items(),
            row=_user_row,
            words=_words,
            detail=user,
        ),
        "userpilot_companies": List(
            label="Companies",
            sought="id or name",
            api="Userpilot",
            columns=_COMPANIES,
            count=len(api.companies),
            things=api.companies.items(),
            row=_company_row,
            words=_words,
            detail=company,
        ),
        "userpilot_events": List(
            label="Events",
            sought="event or user",
            api="Userpilot",
            columns=_EVENTS,
            count=len(api.events),
            things=reversed(api.events),
            row=_event_row,
            words=lambda event: words(event["event_name"], event["user_id"]),
            detail=event,
        ),
    }


def _words(pair: tuple[str, dict[str, Any]]) -> str:
    id_, metadata = pair[0], pair[1]["metadata"]
    return words(id_, metadata.get("name"), metadata.get("email"))


def _participant_words(participant: dict[str, Any]) -> str:
    fields = participant["attributes"]
    full_name = text_of(fields, "first_name", "last_name")
    return words(fields["email"], full_name)


def _participant_row(participant: dict[str, Any]) -> Row:
    fields = participant["attributes"]
    names = text_of(fields, "first_name", "last_name")
    others = [text_of(fields, "title"), text_of(fields, "country"), str(len(fields))]
    return Row(fields["email"], [fields["email"], names, *others], "participants", fields["email"])


def _participant_detail(participant: dict[str, Any]) -> Detail:
    fields = participant["attributes"]
    sections = [attributes(fields, title="Fields")]
    return Detail("Participant", fields["email"], sections, named=fields["email"])


def _user_row(pair: tuple[str, dict[str, Any]]) -> Row:
    id_, user = pair
    metadata = user["metadata"]
    cells = [id_, text_of(metadata, "name"), user["company_id"] or "", summed_up(metadata)]
    return Row(id_, [*cells], "userpilot_users", id_)


def _company_row(pair: tuple[str, dict[str, Any]]) -> Row:
    id_, metadata = pair[0], pair[1]["metadata"]
    cells = [id_, text_of(metadata, "name"), summed_up(metadata)]
    return Row(id_, [*cells], "userpilot_companies", id_)


def _event_row(event: dict[str, Any]) -> Row:
    id_ = str(event["seq"])
    cells = [event["event_name"], event["user_id"], summed_up(event["metadata"])]
    return Row(id_, [*cells], "userpilot_events", id_)


def _user_detail(id_: str, user: dict[str, Any]) -> Detail:
    company = user["company_id"]
    facts = [fact("Company", company, "userpilot_companies", company)] if company else []
    sections = [
        attributes(user["metadata"], title="Metadata"),
        Section("Facts", FACTS, facts, "In no company."),
    ]
    return Detail("User", id_, sections, named=id_)


def _company_detail(id_: str, company: dict[str, Any]) -> Detail:
    return Detail("Company", id_, [attributes(company["metadata"], title="Metadata")], named=id_)


def _event_detail(event: dict[str, Any]) -> Detail:
    seq = str(event["seq"])
    facts = [
        fact("User", event["user_id"], "userpilot_users", event["user_id"]),
        fact("Request", f"#{seq}", "requests", seq),
    ]
    sections = [Section("Facts", FACTS, facts), attributes(event["metadata"], title="Metadata")]
    return Detail("Event", event["event_name"], sections)
