"""Where a list may be entered: at the objects of some of the records that wait."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from target_userflow.lookup.object_list import STRIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.apis.messages import Request


class Starts:
    """Picks one of many records as they are read, long before they are compared."""

    def __init__(self) -> None:
        """Begin without a record."""
        self._count = 0
        self._picked: deque[Request] = deque()

    def note(self, request: Request) -> None:
        """Note a record as it is read."""
        self._count += 1
        if self._count % STRIDE == 0:
            self._picked.append(request)

    def take(self) -> Sequence[Request]:
        """Return those that were picked since the last time; another thread may note more."""
        return [self._picked.popleft() for _ in range(len(self._picked))]
