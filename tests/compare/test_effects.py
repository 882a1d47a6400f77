"""The effects of a request can be asked for by several threads at once."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from target_userflow.apis.messages import Request
from target_userflow.compare.effects import KnownEffects


def user(number: int) -> Request:
    """A request for a user."""
    payload = {"id": str(number), "attributes": {"n": number}}
    return Request("POST", "/users", payload, f"users {number}", (str(number),), idempotent=True)


def test_threads_that_ask_for_many_requests_do_not_disturb_each_other() -> None:
    """The reader and the workers ask at the same time, and the oldest requests are forgotten."""
    effects, before = KnownEffects(), sys.getswitchinterval()

    def ask(start: int) -> int:
        requests = map(user, range(start, start + 15_000))
        return sum(effects.of(request).request is request for request in requests)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(ask, range(0, 60_000, 15_000))) == 60_000
    finally:
        sys.setswitchinterval(before)
