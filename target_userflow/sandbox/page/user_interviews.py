"""The list of User Interviews on the page: participants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.page.lists import List
from target_userflow.sandbox.page.view_models import (
    Column,
    Detail,
    Row,
    attribute_section,
    join_values,
    search_text,
)

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.user_interviews.store import Store

_COLUMNS = (
    Column("Email", "link"),
    Column("Name"),
    Column("Title", minor=True),
    Column("Country", minor=True),
    Column("Fields", "number", minor=True),
)


def user_interviews_lists(store: Store) -> dict[str, List]:
    """Return the list of participants, by its name."""

    async def detail(email: str) -> Detail | None:
        participant = store.participants.get(email.lower())
        return _detail(participant) if participant else None

    return {
        "participants": List(
            label="Participants",
            searched="email or name",
            api="User Interviews",
            columns=_COLUMNS,
            count=len(store.participants),
            items=store.participants.values(),
            row=_row,
            words=_words,
            detail=detail,
        )
    }


def _words(participant: dict[str, Any]) -> str:
    fields = participant["attributes"]
    return search_text(fields["email"], join_values(fields, "first_name", "last_name"))


def _row(participant: dict[str, Any]) -> Row:
    fields = participant["attributes"]
    names = join_values(fields, "first_name", "last_name")
    others = [join_values(fields, "title"), join_values(fields, "country"), str(len(fields))]
    return Row(fields["email"], [fields["email"], names, *others], "participants", fields["email"])


def _detail(participant: dict[str, Any]) -> Detail:
    fields = participant["attributes"]
    sections = [attribute_section(fields, title="Fields")]
    return Detail("Participant", fields["email"], sections, named=fields["email"])
