"""Delivers windows: to all products at once, and to each what others refer to before these."""

from __future__ import annotations

import gc
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import TYPE_CHECKING

from target_userflow.apis.registry import PRODUCTS
from target_userflow.delivery.interleaving import phases
from target_userflow.delivery.threads import submit
from target_userflow.errors import Exhausted
from target_userflow.sinks import UserflowSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from singer_sdk.sinks import Sink

    from target_userflow.services import Run


class Drain:
    """Delivers what the sinks of a run hold."""

    def __init__(self, run: Run, drain_one: Callable[[Sink], None]) -> None:
        """Deliver nothing yet.

        Args:
            run: The run, which is told how long it takes.
            drain_one: Has a sink close its window and hold it ready.
        """
        self._run = run
        self._drain_one = drain_one
        self._frozen = False
        self._products = ThreadPoolExecutor(len(PRODUCTS), thread_name_prefix="product")

    def window(self, sinks: Iterable[Sink]) -> list[BaseException]:
        """Settle the window of all sinks.

        Returns:
            Why the run has to end, if it has to.
        """
        if not self._frozen:
            self._frozen = True
            gc.freeze()  # all that stays is there: it need not be looked through again and again
        clock = self._run.clock
        started = clock.monotonic()
        self._run.delivering = True
        drains: list[Future[None]] = []
        failures: list[BaseException] = []
        try:
            drains += (submit(self._products, self._drain, some) for some in _by_product(sinks))
        except Exhausted as error:
            clock.stop(error)
            failures.append(error)
        wait(drains)  # whatever fails, the others settle what they have
        self._run.delivering = False
        self._run.dead_letters.sync()
        self._run.window.delivered(clock.monotonic() - started)
        # A signal is the failure of all of them, and said once.
        failures += (why for one in drains if (why := one.exception()))
        return [*dict.fromkeys(failures)]

    def close(self) -> None:
        """Wait for nothing that hangs."""
        self._products.shutdown(wait=False)

    def _drain(self, sinks: list[UserflowSink]) -> None:
        in_turn = sorted(sinks, key=lambda sink: sink.object_type.turn)
        try:
            for sink in in_turn:
                sink.check_deletions()
            self._run.tally.check_shares()
            self._settle(in_turn)
            for sink in reversed(in_turn):  # nothing that waited brings back what is deleted now
                if sink.hold_deletions():
                    _settle([sink])
        finally:
            for sink in in_turn:
                sink.close_window()

    def _settle(self, in_turn: list[UserflowSink]) -> None:
        held: list[UserflowSink] = []
        for sinks in _by_name(in_turn):
            if held and not (len(sinks) == 1 and sinks[0].rides_with(held[-1])):
                _settle(held)
                held = []
            for sink in sinks:
                self._drain_one(sink)
            if len(sinks) == 1:
                held += sinks
            else:
                _settle_in_order(sinks)
        if held:
            _settle(held)


def _by_product(sinks: Iterable[Sink]) -> Iterable[list[UserflowSink]]:
    products: dict[str, list[UserflowSink]] = {}
    for sink in sinks:
        if isinstance(sink, UserflowSink):
            products.setdefault(sink.object_type.product.name, []).append(sink)
    return products.values()


def _by_name(sinks: Iterable[UserflowSink]) -> Iterable[list[UserflowSink]]:
    """The sinks that have a window, those together that are of streams with one name."""
    names: dict[str, list[UserflowSink]] = {}
    for sink in sinks:
        if sink.current_size:
            names.setdefault(sink.stream_name, []).append(sink)
    return names.values()


def _settle_in_order(sinks: Sequence[UserflowSink]) -> None:
    """Settle what several streams with one name hold, each object's records in the order read.

    Raises:
        StopRun: the run has to end; records without an outcome are unsettled.
    """
    found, deletions = phases([sink.window for sink in sinks])
    for sink, last in zip(sinks, deletions, strict=True):
        sink.hold([], last)
    for parts in found:
        for sink, records in zip(sinks, parts, strict=True):
            if records:
                sink.hold(records)
                _settle([sink])


def _settle(sinks: Sequence[UserflowSink]) -> None:
    """Settle what a sink holds, and with its last round what others do that ride with it.

    Raises:
        StopRun: the run has to end; records without an outcome are unsettled.
    """
    carrier, *riders = sinks
    with ExitStack() as ends:
        for sink in sinks:
            ends.enter_context(sink.timer)
            ends.callback(sink.release)
        *passes, last = carrier.passes() or [[]]
        for records in passes:
            carrier.send(records)
        also = [record for one in riders for records in one.passes() for record in records]
        carrier.send([*last, *also])
