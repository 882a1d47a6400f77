"""Which participants exist in User Interviews; the vendor's reference is not public.

From secondary sources: pages are numbered from 1, hold at most 200, and say their own number. That
a page tells how many there are is a guess, and is used only where it does; else a page that is not
full is the last one. Nothing is known of a way to ask for one participant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from target_userflow.apis.listing import ExistingObject, Listing, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.apis.messages import Answer, Request

MOST = 200  # participants on a page


class _Attributes(msgspec.Struct):
    email: str | None = None


class _Participant(msgspec.Struct):
    attributes: _Attributes


class _Pagination(msgspec.Struct, rename="camel"):
    current_page: int | None = None
    total_pages: int | None = None


class _Meta(msgspec.Struct):
    pagination: _Pagination


class _List(msgspec.Struct):
    data: list[_Participant]
    meta: _Meta


def leaves(request: Request) -> Iterator[tuple[str, ExistingObject]]:
    """Yield the participant that a request writes; its email is its id."""
    yield "participants", ExistingObject(request.ordering_key)


def _page(after: str | None, size: int = MOST) -> str:
    query = {"page[number]": _number(after), "page[size]": size}
    return f"/api/participants?{urlencode(query)}"


def _read(answer: Answer, after: str | None) -> Page[ExistingObject]:
    try:
        listed = msgspec.json.decode(answer.body, type=_List)
    except msgspec.DecodeError:
        raise ValueError("it is no list") from None
    number, pagination = _number(after), listed.meta.pagination
    if pagination.current_page not in {None, number}:
        raise ValueError(f"it is page {pagination.current_page}, and {number} was asked for")
    is_last = len(listed.data) < MOST or number == pagination.total_pages
    emails = (participant.attributes.email for participant in listed.data)
    return Page(
        [ExistingObject(email.lower()) for email in emails if email],
        None if is_last else str(number),
    )


def _number(after: str | None) -> int:
    return int(after or 0) + 1


PARTICIPANTS = Listing(page=_page, read=_read)
SMALLEST = _page(None, size=1)
"""The path of one participant."""
