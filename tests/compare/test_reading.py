"""How much is read for comparing records that are read together."""

from __future__ import annotations

import json
import random
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.messages import Answer, Request
from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.compare.comparison import Comparison
from target_userflow.compare.dedup import CompareWithDestination
from target_userflow.dedup.dedup import NoDedup
from target_userflow.lookup.definitions import Definitions
from target_userflow.singer.message import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES = 1_200


class Userflow:
    """Has many users, all with one plan, and keeps what it was asked for."""

    def __init__(self) -> None:
        """Be asked for nothing yet."""
        self.paths: list[str] = []

    def begin(self, request: Request) -> Future[Answer]:
        """The answer, at once."""
        self.paths.append(request.path)
        url, future = urlsplit(request.path), Future[Answer]()
        (after,) = parse_qs(url.query).get("starting_after", ["u-1"])
        start = int(after[1:]) + 1
        body: Any = {"data": [], "has_more": start + 100 < 100 * PAGES}
        if url.path == "/users":
            body["data"] = [user(n) for n in range(start, start + 100)]
        elif url.path.startswith("/users/"):
            body = user(int(url.path.removeprefix("/users/u")))
        else:
            body["has_more"] = False
        future.set_result(Answer(200, {}, json.dumps(body).encode()))
        return future

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers."""
        return [self.begin(request).result() for request in requests]


def user(number: int) -> dict[str, Any]:
    return {"id": f"u{number}", "attributes": {"plan": "pro"}}


class Observer:
    """The stream of records."""

    stream_name = "users"


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "in any order"])
def test_a_large_list_is_read_once_for_records_that_come_together(in_order: bool) -> None:  # noqa: FBT001 - a case
    """In the list's order a page for each hundred; in any order all pages, and no look-up."""
    api = Userflow()
    definitions = Definitions(OBJECT_TYPES["users"].product, api)
    dedup = CompareWithDestination(Comparison(api, definitions), NoDedup(), matches=False)
    numbers = [*range(3_000)]
    if not in_order:
        numbers = random.Random(1).sample(range(100 * PAGES), 3_000)  # noqa: S311 - any order
    records = []
    for number in numbers:
        id_ = f"u{number}"
        request = Request("POST", "/users", user(number), f"user {id_}", (id_,), idempotent=True)
        dedup.key({}, request, "users")
        records.append(PendingRecord(request, Source("users", b"", b""), Observer()))  # type: ignore[arg-type] # asked for no more
    for known in dedup.prefetch(records):
        assert all(map(dedup.outcome, known))
        dedup.release(known)
    assert len(api.paths) <= (30 + 16 if in_order else PAGES + 32)
    assert not [path for path in api.paths if path.startswith("/users/")]
