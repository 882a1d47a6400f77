"""What exists is read with as few requests as it takes, whoever asks for how much of it."""

from __future__ import annotations

import json
import random
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_userflow.apis.messages import Answer
from target_userflow.apis.userflow.reading import USERS
from target_userflow.lookup.object_list import STRIDE, ObjectList

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.apis.messages import Request


class Userflow:
    """Answers `GET /users` by the rules of the reference, without a network."""

    def __init__(self, count: int) -> None:
        """Have so many users."""
        self.ids = [f"u{number}" for number in range(count)]
        self.paths: list[str] = []

    def begin(self, request: Request) -> Future[Answer]:
        """The answer, at once."""
        future: Future[Answer] = Future()
        future.set_result(*self.fetch([request]))
        return future

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers, in the order of the requests."""
        self.paths += [request.path for request in requests]
        return [self._answer(urlsplit(request.path)) for request in requests]

    def _answer(self, url: Any) -> Answer:
        if url.path != "/users":
            id_ = url.path.removeprefix("/users/")
            return Answer(200 if id_ in self.ids else 404, {}, json.dumps({"id": id_}).encode())
        (after,) = parse_qs(url.query).get("starting_after", [""])
        if after and after not in self.ids:
            return Answer(400, {}, b"{}")
        start = self.ids.index(after) + 1 if after else 0
        page = [{"id": id_} for id_ in self.ids[start : start + 100]]
        body = {"data": page, "has_more": start + 100 < len(self.ids)}
        return Answer(200, {}, json.dumps(body).encode())


def learned(api: Userflow, *batches: Iterable[str]) -> set[str]:
    """The ids that were handed over."""
    found: set[str] = set()
    objects = ObjectList(USERS, api, "Userflow", lambda page: found.update(one.id for one in page))
    for ids in batches:
        new = [id_ for id_ in ids if id_ not in found]
        objects.learn(new, new[STRIDE - 1 : -1 : STRIDE])
    return found


def in_batches(ids: Sequence[str], size: int) -> list[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


@pytest.mark.parametrize(
    ("exist", "asked", "batch", "most"),
    [
        (10_000, 100, 100, 100),
        (10_000, 10_000, 1_000, 105),
        (10_000, 10_000, 10_000, 105),
        (10_000, 150, 150, 200),
        (20_000, 500, 100, 700),
        (0, 10_000, 1_000, 10),
        (100, 10_000, 100, 101),
    ],
)
def test_it_takes_no_more_requests_than_a_list_or_look_ups_do(
    exist: int, asked: int, batch: int, most: int
) -> None:
    """Some 100 pages for 10,000 users, 100 look-ups for 100, and at most twice the better."""
    api = Userflow(exist)
    ids = [f"u{number}" for number in range(asked)]
    assert learned(api, *in_batches(ids, batch)) >= {*ids} & {*api.ids}
    assert len(api.paths) <= most


@settings(max_examples=50, deadline=None, print_blob=True)
@given(st.randoms(use_true_random=False), st.integers(0, 3_000), st.integers(101, 4_000))
def test_a_list_that_is_entered_in_several_places_is_read_whole(
    order: Any, exist: int, asked: int
) -> None:
    """Whatever the order of what is asked for, and whether it exists."""
    api = Userflow(exist)
    ids = [f"u{number}" for number in range(asked)]
    order.shuffle(ids)
    assert learned(api, ids) >= {*ids} & {*api.ids}
    assert len(api.paths) <= exist // 100 + 1 + 2 * (asked // STRIDE)


def test_what_is_asked_for_next_is_read_from_the_list_as_well() -> None:
    """In any order: few look-ups for what the list shows anyway, however few come at a time."""
    api = Userflow(20_000)
    numbers = random.Random(1).sample(range(20_000), 1_000)  # noqa: S311 - any order will do
    ids, found = [f"u{number}" for number in numbers], set[str]()
    objects = ObjectList(USERS, api, "Userflow", lambda page: found.update(one.id for one in page))
    for start in range(0, 1_000, 150):
        rest = [id_ for id_ in ids[start:] if id_ not in found]
        objects.learn(rest[:150], following=lambda rest=rest: rest[150:])  # type: ignore[misc] # of this turn
    assert found >= {*ids}
    assert not [path for path in api.paths if path.startswith("/users/")]
    assert len(api.paths) <= 200 + 32


def test_a_cursor_that_is_deleted_meanwhile_costs_no_page() -> None:
    """The page is asked for with the id before it; what else is refused ends the list."""

    class Shrinking(Userflow):
        def fetch(self, requests: Sequence[Request]) -> list[Answer]:
            answers = super().fetch(requests)
            for gone in {"u99", "u98", "u300"} & {*self.ids} if len(self.paths) == 1 else ():
                self.ids.remove(gone)
            return answers

    api = Shrinking(450)
    assert learned(api, [f"u{number}" for number in range(450)]) >= {*api.ids}
    assert len(api.paths) == 7


def test_a_cursor_that_is_created_anew_meanwhile_does_not_end_the_list() -> None:
    """It is the last of all then, and nothing follows it, although the page before said so."""

    class Recreating(Userflow):
        def fetch(self, requests: Sequence[Request]) -> list[Answer]:
            answers = super().fetch(requests)
            if len(self.paths) == 1:
                self.ids.append(self.ids.pop(99))
            return answers

    api = Recreating(450)
    assert learned(api, [f"u{number}" for number in range(450)]) >= {*api.ids}
    assert len(api.paths) == 6


def test_a_list_is_entered_in_more_places_if_nothing_is_asked_for_in_its_order() -> None:
    """Else one walk would have to see most of it, one page after the other."""
    api = Userflow(10_000)
    ids = [f"u{number}" for number in range(10_000)]
    random.Random(1).shuffle(ids)  # noqa: S311 - any order will do
    assert learned(api, ids[:2_000]) >= {*ids[:2_000]}
    cursors = {parse_qs(urlsplit(path).query).get("starting_after", [""])[0] for path in api.paths}
    ends = {f"u{int(id_[1:]) + 100}" for id_ in cursors if id_} | {"u99"}
    assert len(cursors - ends) >= 8
    assert len(api.paths) <= 100 + 32


def test_a_place_of_entry_is_kept_until_something_is_asked_for() -> None:
    """Records that were read long ago say where those that come next may be listed."""
    api = Userflow(5_000)
    objects = ObjectList(USERS, api, "Userflow", lambda _: None)
    objects.learn([f"u{number}" for number in range(200)])
    objects.learn([], ["u3000"])
    objects.learn([f"u{number}" for number in range(3_001, 3_101)])
    assert [path for path in api.paths if path.endswith("starting_after=u3000")]
    assert len(api.paths) < 20
