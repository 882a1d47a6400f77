"""Starts threads, which a machine may refuse."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from target_userflow.errors import Exhausted

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")


def submit(pool: ThreadPoolExecutor, work: Callable[..., T], *arguments: Any) -> Future[T]:
    """Have work done by a pool.

    Raises:
        Exhausted: no thread can be started. The pool keeps the work all the same, so that one of
            its other threads may still take it: it has to look whether the run is stopped.
    """
    try:
        return pool.submit(work, *arguments)
    except RuntimeError as error:
        raise Exhausted(error) from None


def start(work: Callable[[], None], name: str) -> None:
    """Start a thread that ends with the process, however far it is.

    Args:
        work: What it does.
        name: Its name.

    Raises:
        Exhausted: no thread can be started.
    """
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError as error:
        raise Exhausted(error) from None
