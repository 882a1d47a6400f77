"""What exists, held compactly and learned through pages; User Interviews' pages too."""

from __future__ import annotations

import json
import multiprocessing
import resource
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from target_userflow.apis.messages import Answer
from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.errors import ApiRefused
from target_userflow.lookup.compact_multi_map import CompactMultiMap
from target_userflow.lookup.existing_objects import ExistingObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.apis.messages import Request

MEGABYTE = 1_000_000


class Answering:
    """Answers reads without a network, and remembers how many there were."""

    def __init__(self, answer: Callable[[dict[str, str]], Any]) -> None:
        """Answer a query with what stands in the body."""
        self._answer = answer
        self.paths: list[str] = []

    def begin(self, request: Request) -> Future[Answer]:
        """The answer, at once."""
        future: Future[Answer] = Future()
        future.set_result(*self.fetch([request]))
        return future

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers, in the order of the requests."""
        self.paths += [request.path for request in requests]
        queries = [parse_qs(urlsplit(request.path).query) for request in requests]
        plain = [{name: values[0] for name, values in query.items()} for query in queries]
        return [Answer(200, {}, json.dumps(self._answer(query)).encode()) for query in plain]


def uuid(number: int) -> str:
    """An id as long as a UUID."""
    return f"{number:08d}-0000-4000-8000-000000000000"


def users(count: int) -> Callable[[dict[str, str]], Any]:
    """A list of so many users."""

    def page(query: dict[str, str]) -> Any:
        start = int(query["starting_after"][:8]) + 1 if "starting_after" in query else 0
        numbers = range(start, min(start + int(query["limit"]), count))
        data = [{"id": uuid(n), "attributes": {"email": f"u{n}@example.com"}} for n in numbers]
        return {"object": "list", "data": data, "has_more": numbers.stop < count}

    return page


def learned(count: int) -> tuple[int, int]:
    """The requests that it took to know so many users, and the peak of the memory in bytes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reads = Answering(users(count))
    directory = ExistingObjects(OBJECT_TYPES["users"], reads, attributes=["email"])
    directory.prefetch_values("email", (f"u{n}@example.com" for n in range(200)))
    directory.prefetch(uuid(n) for n in range(count - 100, count + 100))
    assert [uuid(n) in directory for n in (0, count - 1, count)] == [True, True, False]
    assert directory.ids_with("email", f"U{count - 1}@Example.com") == {uuid(count - 1)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return len(reads.paths), (peak - before) * 1024


def test_a_million_users_are_known_in_less_than_200_mb() -> None:
    """By id and by email, in a process of its own; 10,000 requests."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        requests, memory = process.submit(learned, 1_000_000).result()
    assert requests == 10_000
    assert memory < 200 * MEGABYTE


def test_an_index_holds_several_ids_of_one_text() -> None:
    """Each once, however often it is put, and however much it grows."""
    index = CompactMultiMap()
    for number in range(5_000):
        index.put(f"text {number % 2_500}", f"id {number}")
        index.put(f"text {number % 2_500}", f"id {number}")
    index.put("text 7", "id 7", 9)
    assert index.get("text 7") == {"id 7": 9, "id 2507": 0}
    assert index.get("text 2500") == {}


def participants(count: int, **told: Any) -> Callable[[dict[str, str]], Any]:
    """A list of so many participants."""

    def page(query: dict[str, str]) -> Any:
        number, size = int(query["page[number]"]), int(query["page[size]"])
        numbers = range((number - 1) * size, min(number * size, count))
        data = [
            {"id": f"{n}", "type": "participant", "attributes": {"email": f"P{n}@example.com"}}
            for n in numbers
        ]
        return {"data": data, "meta": {"pagination": {"currentPage": number, **told}}}

    return page


@pytest.mark.parametrize(
    ("count", "told", "pages"),
    [(0, {}, 1), (450, {}, 3), (400, {"totalPages": 2}, 2), (400, {}, 3)],
)
def test_participants_are_listed_by_two_hundred(
    count: int, told: dict[str, int], pages: int
) -> None:
    """Three pages for 450; of 400, only a page that tells the total spares an empty third."""
    reads = Answering(participants(count, **told))
    directory = ExistingObjects(OBJECT_TYPES["participants"], reads)
    directory.prefetch(["p0@example.com"])
    assert len(reads.paths) == pages
    assert reads.paths[0] == "/api/participants?page%5Bnumber%5D=1&page%5Bsize%5D=200"
    assert ("p0@example.com" in directory) is (count > 0)
    assert "p450@example.com" not in directory


def test_a_list_that_does_not_turn_its_pages_stops_the_run() -> None:
    """An API that ignores the page's number would be asked forever."""
    first = participants(200)({"page[number]": "1", "page[size]": "200"})
    reads = Answering(lambda _: first)
    directory = ExistingObjects(OBJECT_TYPES["participants"], reads)
    with pytest.raises(ApiRefused, match="it is page 1, and 2 was asked for"):
        directory.prefetch(["p0@example.com"])
