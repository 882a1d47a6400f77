"""A list that is entered in several places is read whole, whatever happens while it is read."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_userflow.apis.messages import Answer
from target_userflow.apis.userflow.reading import USERS
from target_userflow.errors import StopRun
from target_userflow.lookup.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.apis.messages import Request

PAGE = 5
"""Users of a page: less than is asked for, so that few users are many pages."""


class LateAnswer(Future[Answer]):
    """An answer that comes at any time, at the latest when it is waited for."""

    def __init__(self, api: Userflow, request: Request) -> None:
        """Wait for the answer to a request."""
        super().__init__()
        self.api = api
        self.request = request

    def result(self, timeout: float | None = None) -> Answer:
        """The answer; some other one is there then as well."""
        self.api.unread.pop(self, None)
        self.api.answer(self)
        self.api.answer_some()
        return super().result(timeout)


class Userflow:
    """Answers `GET /users` in any order, while users are deleted, created, and created again."""

    def __init__(self, order: Any, count: int, changes: Iterable[tuple[str, int]] = ()) -> None:
        """Have so many users."""
        self.order = order
        self.ids = [f"u{number}" for number in range(count)]
        self.changes = [*changes]
        self.deleted: set[str] = set()
        self.cursors: set[str] = set()
        self.asked: list[str] = []
        self.fails_at = -1
        self.unread: dict[LateAnswer, None] = {}

    def begin(self, request: Request) -> Future[Answer]:
        """The answer, which may be there or not."""
        (after,) = parse_qs(urlsplit(request.path).query).get("starting_after", [""])
        self.asked.append(after)
        future = LateAnswer(self, request)
        self.unread[future] = None
        if len(self.asked) - 1 == self.fails_at:
            future.set_exception(StopRun("there is no answer"))
        self.answer_some()
        return future

    def fetch(self, requests: Sequence[Request]) -> list[Answer]:
        """Nothing is looked up here."""
        raise NotImplementedError

    def answer_some(self) -> None:
        """Have at least one answer there, and maybe more."""
        waiting = [future for future in self.unread if not future.done()]
        while waiting and (len(waiting) == len(self.unread) or self.order.random() < 0.3):
            self.answer(waiting.pop(self.order.randrange(len(waiting))))

    def answer(self, future: LateAnswer) -> None:
        """Answer, unless that was done."""
        if not future.done():
            future.set_result(self._page(_after(future)))
            self._change()

    def _page(self, after: str) -> Answer:
        if after and after not in self.ids:
            return Answer(400, {}, b"{}")
        start = self.ids.index(after) + 1 if after else 0
        page = [{"id": id_} for id_ in self.ids[start : start + PAGE]]
        self.cursors.update(self.ids[start : start + PAGE][-4:])
        body = {"data": page, "has_more": start + PAGE < len(self.ids)}
        return Answer(200, {}, json.dumps(body).encode())

    def _change(self) -> None:
        """Let another client do something: all but to create a cursor anew, which nobody sees."""
        if not self.changes or self.order.random() < 0.5:
            return
        what, number = self.changes.pop()
        may_go = self.ids if what == "delete" else [*{*self.ids} - self.cursors]
        gone = sorted(may_go)[number % len(may_go)] if may_go and what != "create" else ""
        if gone:
            self.ids.remove(gone)
            self.deleted.add(gone)
        if what != "delete":
            self.ids.append(gone or f"new{number}")


def _after(future: LateAnswer) -> str:
    return parse_qs(urlsplit(future.request.path).query).get("starting_after", [""])[0]


def read(api: Userflow, starts: list[list[str]], *, anywhere: bool = False) -> set[str]:
    """The ids on all pages.

    Args:
        api: Where they are.
        starts: Where walks may begin: some from the beginning, others with each page.
        anywhere: Whether they may begin where pages were read already.
    """
    pages: Pages[Any] = Pages(USERS, api, "Userflow")
    shown: set[str] = set()
    given: dict[str, None] = {}
    starts = [*starts]
    while not pages.is_complete:
        new = starts.pop(0) if starts else []
        given.update((id_, None) for id_ in new if anywhere or id_ not in shown)
        for existing in pages.next(given).objects:
            shown.add(existing.id)
            if not anywhere:
                given.pop(existing.id, None)
        assert pages.count == len(api.asked) < 10_000
    return shown


counts = st.integers(0, 120)
some_starts = st.lists(
    st.lists(st.integers(0, 140).map(lambda number: f"u{number}"), max_size=12), max_size=12
)
some_changes = st.lists(
    st.tuples(st.sampled_from(["delete", "again", "create"]), st.integers(0, 10_000)), max_size=3
)
orders = st.randoms(use_true_random=False)
bounded = settings(max_examples=150, deadline=None, print_blob=True)


@bounded
@given(orders, counts, some_starts, some_changes)
def test_all_that_exists_throughout_is_read_by_few_pages(
    order: Any, count: int, starts: list[list[str]], changes: list[tuple[str, int]]
) -> None:
    """Beside those of the list one for each place of entry; what is deleted may cost more.

    The cursor of a page, that is, or the first object of a walk, where the one before would end.
    """
    api = Userflow(order, count, changes)
    throughout = {*api.ids}
    shown = read(api, starts)
    assert shown >= throughout - api.deleted
    places = {id_ for some in starts for id_ in some}
    pages = -(-(count + len(changes)) // PAGE) + 1
    more = len(api.deleted) * (pages + 1)
    assert len(api.asked) <= pages + len({*api.asked} & places) + more


@bounded
@given(orders, counts, some_starts, some_changes)
def test_no_place_of_entry_makes_it_lose_anything(
    order: Any, count: int, starts: list[list[str]], changes: list[tuple[str, int]]
) -> None:
    """Not where pages were read before, nor the same twice, nor where a page is being asked for."""
    api = Userflow(order, count, changes)
    throughout = {*api.ids}
    assert read(api, [*starts, *starts], anywhere=True) >= throughout - api.deleted


@pytest.mark.parametrize(
    "starts",
    [
        [f"u{number}" for number in range(59, -1, -7)],
        [f"u{number}" for number in range(60)],
        ["u59", "u0", "u1"],
        ["gone", "u30", "gone too"],
    ],
    ids=["in reverse", "all", "last and first", "unknown"],
)
@settings(max_examples=10, deadline=None, print_blob=True)
@given(orders)
def test_any_order_of_entries_will_do(starts: list[str], order: Any) -> None:
    """All of the users, the last of them first, and such as do not exist."""
    api = Userflow(order, 60)
    assert read(api, [starts]) == {*api.ids}
    assert len(api.asked) <= 12 + 1 + len({*api.asked} & {*starts})


@bounded
@given(orders, st.integers(1, 120), some_starts, st.integers(0, 20))
def test_a_request_without_an_answer_is_never_overlooked(
    order: Any, count: int, starts: list[list[str]], fails_at: int
) -> None:
    """Not even where a walk was to begin that nobody needs: the list is not complete then."""
    api = Userflow(order, count)
    api.fails_at = fails_at
    try:
        shown = read(api, starts)
    except StopRun:
        return
    assert len(api.asked) <= fails_at
    assert shown >= {*api.ids}
