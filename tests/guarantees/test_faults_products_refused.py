"""The fault matrix for User Interviews and Userpilot: what an answer says about us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.invariants import MARK, Row
from support.network import listening
from support.products import PASS, USER_INTERVIEWS, Product, both, crowd

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from target_userflow.sandbox import Sandbox

    Rows = Callable[..., Row]


@both
@pytest.mark.parametrize(("status", "setting"), [(401, "key"), (403, "key"), (404, "url")])
def test_an_answer_about_us_stops_the_run_at_once(
    sandbox: Sandbox, rows: Rows, product: Product, status: int, setting: str
) -> None:
    """401, 403, 404 on an endpoint, in mid-run: exit 1, one line, nothing rejected."""
    sandbox.script([*[PASS] * len(product.paths), {"status": status, "body": product.error()}])
    row = rows(product.records(3), concurrency=1)
    result = row.run()
    (line,) = result.errors
    assert line.startswith(f"{product.name} answered HTTP {status}")
    assert f"{product.prefix}api_{setting}" in line
    assert len(sandbox.requests()) == len(product.paths) + 1
    assert not row.dead_letters
    row.check(result, 1)


@both
def test_a_wrong_key_is_told_by_the_first_answer(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """401 at the start: exit 1, and the line names the setting but not the key."""
    row = rows(product.records(1), concurrency=1)
    result = row.run(**{f"{product.prefix}api_key": f"{MARK}_wrong"})
    (line,) = result.errors
    assert f"Check {product.prefix}api_key" in line
    assert len(sandbox.requests()) == 1
    assert not row.dead_letters
    row.check(result, 1, read=0)


def test_a_split_that_is_refused_rejects_nobody(sandbox: Sandbox, rows: Rows) -> None:
    """401 between the halves of a batch: the first half stays, with its STATE; no dead letter."""
    invalid = {"status": 422, "body": USER_INTERVIEWS.error()}
    sandbox.script([invalid, PASS, {"status": 401, "body": USER_INTERVIEWS.error()}])
    row = rows(crowd())
    result = row.run()
    assert len(sandbox.state()["participants"]) == 50
    assert len(sandbox.requests()) == 3
    assert not row.dead_letters
    row.check(result, 1, read=50)


@both
def test_a_redirect_is_never_followed(sandbox: Sandbox, rows: Rows, product: Product) -> None:
    """A redirect to another host: exit 1 at once, and that host sees no request and no key."""
    visitors: list[socket.socket] = []
    with listening(visitors.append) as other:
        location = f"http://127.0.0.1:{other.getsockname()[1]}{product.paths[0]}"
        passing = [PASS] * len(product.paths)
        sandbox.script([*passing, {"status": 307, "headers": {"Location": location}}])
        row = rows(product.records(3), concurrency=1)
        result = row.run()
    (line,) = result.errors
    assert "redirect" in line
    assert not visitors
    assert len(sandbox.requests()) == len(product.paths) + 1
    row.check(result, 1)
