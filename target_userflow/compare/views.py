"""What is read of Userflow for the streams of a run: each has the list with its own columns."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from target_userflow.apis.userflow import reading
from target_userflow.errors import NotListed
from target_userflow.listed.columns import Columns
from target_userflow.listed.view import View

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from target_userflow.apis.userflow.parts import Part
    from target_userflow.compare.effects import Effects
    from target_userflow.compare.others import OtherRecords
    from target_userflow.listed.fingerprints import Fingerprints
    from target_userflow.listed.seen import SeenObjects
    from target_userflow.listed.times import TimeAttributes
    from target_userflow.listed.view import Wanted
    from target_userflow.lookup.pages import Reads

_logger = logging.getLogger("target-userflow")


class Views:
    """The views of all streams; those that set the same columns share one."""

    def __init__(  # noqa: PLR0913 - each is of another kind
        self,
        reads: Reads,
        times: TimeAttributes,
        store: Fingerprints,
        others: OtherRecords,
        lock: threading.RLock,
        *,
        is_exact: bool,
        seen: SeenObjects | None,
    ) -> None:
        """Read what records are compared with.

        Args:
            reads: The way to the API.
            times: The attributes that are compared as instants.
            store: Where fingerprints are kept.
            others: Tell which objects records wait for.
            lock: Guards what the workers read.
            is_exact: Whether it has to be known which attributes differ, and all has to be read.
            seen: Where the ids of all that exists are kept, if they are to be.
        """
        self._reads = reads
        self._times = times
        self._store = store
        self._others = others
        self._lock = lock
        self._is_exact = is_exact
        self._seen = seen
        self._of: dict[tuple[str, str], View] = {}
        self._all: list[View] = []
        self._unlisted: set[str] = set()

    def __iter__(self) -> Iterator[View]:
        """Yield each view once."""
        return iter(self._all)

    def of(self, stream: str, needs: str) -> View | None:
        """Return the view of a stream, for what its records need; None if nothing was read."""
        return self._of.get((stream, needs))

    def learn(
        self,
        stream: str,
        all_effects: Iterable[Effects],
        starts: Iterable[Effects],
        following: Callable[[], Iterable[Effects]],
    ) -> None:
        """Read what is not known yet of the objects that records of a stream are about.

        Args:
            stream: The stream.
            all_effects: What its records do.
            starts: Of what writes the objects where the list may be entered as well.
            following: Returns the effects of those that are asked for next.

        Raises:
            NotListed: the API does not say what there is, and nothing else has to be done.
            StopRun: the API does not answer.
        """
        entered = _by_needs(starts)
        for needs, wanted in _by_needs(all_effects).items():
            if needs not in self._unlisted:
                view = self._view(stream, needs, wanted)
                more = partial(_ids, needs, following)
                self._listed(needs, partial(view.learn, wanted, entered.get(needs, ()), more))

    def look_at(self, stream: str, all_effects: Iterable[Effects]) -> bool:
        """Look up objects of which it is not known which attributes differ; errors as `learn`.

        Returns:
            Whether any was.
        """
        looked_up = [
            self._listed(needs, partial(self._look_at, self._of[stream, needs], wanted))
            for needs, wanted in _by_needs(all_effects).items()
            if needs not in self._unlisted
        ]
        return any(looked_up)

    def _view(self, stream: str, needs: str, wanted: Wanted) -> View:
        if (stream, needs) not in self._of:
            self._of[stream, needs] = self._shared(needs, wanted) or self._new(needs)
        return self._of[stream, needs]

    def _look_at(self, view: View, wanted: Wanted) -> bool:
        return view.look_at(wanted, is_exact=self._is_exact)

    def _listed(self, needs: str, ask: Callable[[], bool | None]) -> bool | None:
        """Ask, and ask no more if the API does not say what there is, unless that has to be known.

        Raises:
            NotListed: it has to be known.
        """
        try:
            return ask()
        except NotListed as error:
            if self._is_exact:
                raise
            self._unlisted.add(needs)
            _logger.warning("Records are sent without a comparison: %s", error)
            return None

    def _shared(self, needs: str, wanted: Wanted) -> View | None:
        """Return a view of another stream that sets the same columns."""
        columns = Columns(part for parts in wanted.values() for _, part in parts)
        views = (view for (_, other), view in self._of.items() if other == needs)
        return next((view for view in views if view.columns == columns), None)

    def _new(self, needs: str) -> View:
        listing = reading.GROUPS if needs == "groups" else reading.users(needs)
        if self._is_exact:  # each page counts: as few as there are
            listing = replace(listing, begins_anywhere=False)
        view = View(
            "groups" if needs == "groups" else "users",
            listing,
            self._reads,
            self._store,
            self._times,
            self._others.waited_for,
            self._lock,
            self._seen,
        )
        self._all.append(view)
        return view


def _ids(needs: str, of: Callable[[], Iterable[Effects]]) -> Iterable[str]:
    """Return the ids of the objects of some requests, by what is asked for to compare them."""
    return _by_needs(of()).get(needs, ())


def _by_needs(all_effects: Iterable[Effects]) -> Mapping[str, Wanted]:
    """Return what is asked for → the objects of requests that are compared with it."""
    by_needs: defaultdict[str, dict[str, list[tuple[int, Part]]]] = defaultdict(dict)
    for effects in all_effects:
        if effects.parts:
            listed_id = (effects.request.payload or {})["id"]
            by_needs[effects.needs].setdefault(listed_id, []).extend(effects.parts)
    return by_needs
