"""The books of a stream: which of its entries need a request, and what became of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from target_userflow.apis.messages import MERGED, GaveUp, Rejected, Unneeded
from target_userflow.delivery.event_dedup import DIFFERS
from target_userflow.delivery.pending import Entry

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    from target_userflow.apis.messages import Request
    from target_userflow.delivery.write_modes import Admission
    from target_userflow.mapping.columns import Stream
    from target_userflow.services import Run
    from target_userflow.singer.reader import Source


class Books:
    """Judges the entries of a window before they are sent, and notes and counts how they end."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        name: str,
        stream: Stream,
        admission: Admission,
        run: Run,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
        bury: Callable[[Source, Rejected], None],
    ) -> None:
        """Keep the books of a stream to the object `name`; `bury` writes to the dead letters.

        Raises:
            StorageError: the ledger can't be used.
        """
        self.stream_name = stream.name
        """The stream's name, after any stream map."""
        self.memory = run.memory(name, stream)
        self.directories = run.directories(name)
        self._object = name
        self._admission = admission
        self._drift = run.drift(name, stream)
        self._report = run.report
        self._warn = logger.warning
        self._bury = bury

    @property
    def matches(self) -> bool:
        """Whether the ids of entries are only known once they are matched."""
        return self._admission.matches

    def entry(self, record: Mapping[str, Any], request: Request, source: Source) -> Entry:
        """The entry of a record.

        Raises:
            RejectRecord: its place in the ledger can't be told.
        """
        return Entry(request, source, self, self.memory.key(record, request, source.stream))

    def open(self, entries: list[Entry]) -> list[Sequence[Entry]]:
        """What of a window may be sent, once all is known that this depends on.

        Returns:
            Rounds; each is to be settled before the next.
        """
        found = self._matched(entries) if self._admission.matches else entries
        self.memory.open(found)
        fates = [self.memory.fate(entry) for entry in found]
        judged = [*zip(found, fates, strict=True)]
        self._admission.learn(entry for entry, fate in judged if fate is None)
        times = Counter(map(_place, found))
        again = {place for place, count in times.items() if count > 1}
        left = [
            entry
            for entry, fate in judged
            if not self._is_settled(entry, fate, alone=not again or _place(entry) not in again)
        ]
        self.memory.forget(entry for entry in left if _place(entry) not in again)
        return [*self._admission.rounds(left)]

    def close(self) -> None:
        """Have the ledger written, however the window ended."""
        self.memory.close()

    # What the workers tell, as the window's keeper

    def superseded(self, entry: Entry) -> None:
        """Count an entry that a later one of the window stands for."""
        self._leave(entry, MERGED)

    def is_needed(self, entry: Entry) -> bool:
        """Whether an entry has to be sent; counts it otherwise."""
        why = self.memory.fate(entry) or self._skipping(entry)
        if why is not None:
            self._leave(entry, why)
        return why is None

    def asking(self) -> None:
        """Count a request."""
        self._report.ask(self.stream_name)

    def sending(self, entry: Entry) -> None:
        """Note that an entry is in flight, and count it once if that may double something."""
        doubtful = not entry.request.repeatable and (
            entry.lost if entry.sent else self.memory.is_doubtful(entry)
        )
        if doubtful and not entry.in_doubt:
            self._report.doubt(self.stream_name)
            entry.in_doubt = True
        if not entry.sent:
            self.memory.sending(entry)

    def settled(self, entry: Entry) -> None:
        """Note and count an entry whose outcome is known."""
        if isinstance(entry.outcome, GaveUp):
            self.unsettled(entry)
        elif isinstance(entry.outcome, Rejected):
            self.unsettled(entry)
            ids = " ".join(entry.request.identity)
            self._report.reject(self.stream_name, entry.outcome.reason, ids)
        else:
            self._note(entry, "delivered")

    def convicted(self, entry: Entry) -> None:
        """Count and bury an entry that was given up on.

        Raises:
            StorageError: its dead letter can't be written.
        """
        if isinstance(entry.outcome, GaveUp):
            self._bury(entry.source, entry.outcome)
            ids = " ".join(entry.request.identity)
            self._report.give_up(self.stream_name, entry.outcome.reason, ids)

    def carried(self, entry: Entry) -> None:
        """Note and count an entry that another's request took along."""
        entry.outcome = MERGED
        self._note(entry, "merged")

    def unsettled(self, entry: Entry) -> None:
        """Note that an entry was not delivered, unless that is in doubt."""
        if entry.sent and not entry.lost:
            self.memory.not_delivered(entry)

    def _note(self, entry: Entry, fate: str) -> None:
        self.memory.delivered(entry)
        self.directories.note(entry.request, self._object)
        self._report.settle(self.stream_name, fate)

    def _matched(self, entries: list[Entry]) -> list[Entry]:
        """The entries whose emails are those of one user each, under the ids of these users."""
        unmatched = self._admission.match(entries)
        for place, reason in unmatched.items():
            self._leave(entries[place], Unneeded("skipped", reason))
        matched = [entry for place, entry in enumerate(entries) if place not in unmatched]
        for entry in matched:
            entry.key = self.memory.key({}, entry.request, entry.source.stream)
        return matched

    def _is_settled(self, entry: Entry, fate: Unneeded | None, *, alone: bool) -> bool:
        """Whether it is clear by now that an entry is not sent; settles it then."""
        why = fate or self._skipping(entry)
        if why is None:
            return self._is_refused(entry)
        if alone:  # else what comes before it may change that
            self._leave(entry, why)
        return alone

    def _is_refused(self, entry: Entry) -> bool:
        """Whether a record has attributes that must not come into being; rejects it if so."""
        reason = self._drift.refusal(entry.request, self._warn)
        if reason is not None:
            entry.outcome = Rejected(reason)
            ids = " ".join(entry.request.identity)
            self._report.reject(self.stream_name, reason, ids)
        return reason is not None

    def _skipping(self, entry: Entry) -> Unneeded | None:
        """Why an entry is left out, if its mode says so."""
        reason = self._admission.refusal(entry)
        return Unneeded("skipped", reason) if reason else None

    def _leave(self, entry: Entry, why: Unneeded) -> None:
        entry.outcome = why
        if why is DIFFERS:
            self._report.differ(self.stream_name)
        elif why.reason is None:
            self._report.settle(self.stream_name, why.fate)
        else:
            self._report.skip(self.stream_name, why.reason)


def _place(entry: Entry) -> bytes | tuple[str, ...]:
    """What tells whether two entries are about the same."""
    return entry.key or entry.request.identity
