"""A dry run: only reads reach an API; the requests that would be sent are counted and shown."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import Delivered
from target_userflow.delivery.evidence import Evidence, Suspects
from target_userflow.delivery.merging import RequestMerger, all_of
from target_userflow.delivery.product_delivery import ProductDelivery, worker_pool
from target_userflow.delivery.sending import Sender
from target_userflow.dry_run import curl
from target_userflow.escaping import escaped
from target_userflow.workers.reads import ConcurrentReads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from target_userflow.accounts.pending import Batch
    from target_userflow.accounts.tally import Tally
    from target_userflow.apis.messages import Answer, Request
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Destination, Pace
    from target_userflow.dead_letters.dead_letters import DeadLetters
    from target_userflow.delivery.writer import Part, Writing
    from target_userflow.transport.client import Client

_MAX_SHOWN = 3  # requests of each stream
_MINUTE, _HOUR = 60, 3600

Kind = tuple[str, str]
"""A method, and a path without the ids in it."""


class DryRunReads(ConcurrentReads):
    """Asks what is only read, as in any run, and counts it."""

    def __init__(
        self, dry_run: DryRun, name: str, client: Client, clock: Clock, concurrency: int
    ) -> None:
        """Count in `dry_run`; for the rest see `ConcurrentReads`."""
        super().__init__(name, client, clock, concurrency)
        self._dry_run = dry_run
        self._name = name

    def begin(self, request: Request) -> Future[Answer]:
        """Ask, and return at once."""
        self._dry_run.read(self._name)
        return super().begin(request)

    def begin_once(self, request: Request) -> Future[Answer]:
        """Ask in one attempt, and return at once."""
        self._dry_run.read(self._name)
        return super().begin_once(request)


class DryRunWriter:
    """Takes every request for delivered, and sends none."""

    def __init__(
        self, dry_run: DryRun, product: Product, destination: Destination, merger: RequestMerger
    ) -> None:
        """Tell `dry_run` what would be sent.

        Args:
            dry_run: Counts the requests.
            product: The product.
            destination: Where they would go.
            merger: Makes one request of several.
        """
        self._dry_run = dry_run
        self._product = product
        self._destination = destination
        self._merger = merger

    def write(self, objects: Sequence[Batch], part: Part) -> Writing:  # noqa: ARG002 - nothing fails
        """Count the request for the records of several objects."""
        request = self._merger.of_batch(objects)
        for record in all_of(objects):
            record.observer.before_send(record)
            record.sent = True
        stream = objects[0][-1].observer.stream_name
        self._dry_run.note(stream, self._product, self._destination, request)
        return Delivered()
        yield  # it waits for nothing


def dry_run_delivery(
    dry_run: DryRun, product: Product, destination: Destination, client: Client, clock: Clock
) -> ProductDelivery:
    """Return a delivery that settles records as any other does, and sends nothing but reads.

    There is one worker, so that the first requests are those of the first records.

    Args:
        dry_run: Counts the requests.
        product: What would be sent how.
        destination: Where to.
        client: Sends what is only read.
        clock: Tells when the product's delivery is to end.
    """
    merger, suspects = RequestMerger(product, destination), Suspects(Evidence())
    writer = DryRunWriter(dry_run, product, destination, merger)
    workers = worker_pool(product, Sender(writer, merger, suspects, clock), clock, 1)
    reads = DryRunReads(dry_run, product.name, client, clock, 1)
    return ProductDelivery(client, reads, workers, suspects, clock)


@dataclass(slots=True)
class _Part:
    """The requests of a stream, or of all streams to a product."""

    limits: Mapping[str, int] = field(default_factory=dict)
    kinds: Counter[Kind] = field(default_factory=Counter)
    reads: int = 0
    shown: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(self.kinds.values())

    def pace(self, per_minute: int | None) -> tuple[int, int] | None:
        """Return the least seconds that the requests take, and the budget that bounds them.

        Args:
            per_minute: The setting `requests_per_minute`.

        Returns:
            Seconds, and requests per minute; None where no budget is known.
        """
        paths: Counter[str] = Counter()
        for (_, path), count in self.kinds.items():
            paths[path] += count
        known = [(count, self.limits[path]) for path, count in paths.items() if path in self.limits]
        if per_minute:
            known.append((self.requests + self.reads, per_minute))
        return max(((ceil(n * _MINUTE / budget), budget) for n, budget in known), default=None)


class DryRun:
    """Counts the requests that a run would send; the workers of all products share it."""

    def __init__(self, pace: Pace) -> None:
        """Count requests.

        Args:
            pace: The limits under which a run would send them.
        """
        self._pace = pace
        self.is_planning = False
        """Whether what is read is for the plan alone."""
        self._lock = threading.Lock()
        self._streams: defaultdict[str, _Part] = defaultdict(_Part)
        self._products: defaultdict[str, _Part] = defaultdict(_Part)

    def read(self, product: str) -> None:
        """Count a request that only reads; those of the plan are no part of a run."""
        if self.is_planning:
            return
        with self._lock:
            self._products[product].reads += 1

    def note(self, stream: str, api: Product, destination: Destination, request: Request) -> None:
        """Count a request, and keep the first requests of a stream as commands."""
        with self._lock:
            for part in (self._streams[stream], self._products[api.name]):
                part.limits = api.limits
                part.kinds[kind(request)] += 1
            shown = self._streams[stream].shown
            if len(shown) < _MAX_SHOWN:
                shown.append(curl.command(api, destination, request, self._pace.user_agent))

    def text(self, tally: Tally, dead_letters: DeadLetters) -> str:
        """Return the summary of the dry run, as lines."""
        return "\n".join(self._lines(tally, dead_letters))

    def facts(self) -> dict[str, list[dict[str, Any]]]:
        """Return what would be sent, without a value of any record.

        Returns:
            `streams`, with their requests by method and path, and `products`, with the number of
            requests and a line that says how long they take.
        """
        streams = [
            {
                "stream": escaped(stream),
                "requests": [
                    {"method": method, "path": path, "count": count}
                    for (method, path), count in part.kinds.items()
                ],
            }
            for stream, part in self._streams.items()
        ]
        products = [
            {"product": name, "requests": part.requests, "pace": self._duration(part)}
            for name, part in self._products.items()
        ]
        return {"streams": streams, "products": products}

    def _lines(self, tally: Tally, dead_letters: DeadLetters) -> Iterator[str]:
        yield (
            "Dry run: nothing was written to an API, the ledger or STATE. What is said to be "
            "delivered or deleted would be, unless an API rejects it"
        )
        for stream in {**tally.accounts, **self._streams}:
            yield from self._of_stream(stream, self._streams[stream])
            for (name, reason), count in tally.reasons.rejected.most_common():
                if name == stream:
                    yield f"  {count:,} would be rejected: {escaped(reason)}"
        for name, part in self._products.items():
            yield f"{name}: {self._duration(part)}"
        if tally.rejected and not dead_letters.is_missing:
            yield (
                f"What would be rejected is in {dead_letters.path}, to be looked at: there is no "
                "need to replay it, as nothing else was delivered either"
            )

    def _of_stream(self, stream: str, part: _Part) -> Iterator[str]:
        kinds = [f"{method} {path} {count:,}" for (method, path), count in part.kinds.items()]
        yield f"Stream '{escaped(stream)}': {', '.join(kinds) or 'no request of its own'}"
        if part.shown:
            yield f"  The first {len(part.shown)} of {part.requests:,}, with the key masked:"
            yield from part.shown

    def _duration(self, part: _Part) -> str:
        requests = f"{part.requests:,} {'request' if part.requests == 1 else 'requests'}"
        if part.reads:
            requests += f", and {part.reads:,} that only read"
        pace = part.pace(self._pace.requests_per_minute)
        if pace:
            seconds, budget = pace
            return (
                f"{requests}. At {budget:,} requests a minute that takes {spoken(seconds)} or more"
            )
        return (
            f"{requests}, {self._pace.concurrency} at a time. How long that takes is not known, as "
            "its latency and its limits are not"
        )


def kind(request: Request) -> Kind:
    """Return the method and the path by which a request is counted.

    A deletion whose object is named neither in its body nor in a query has the id in its path.
    """
    path, query, _ = request.path.partition("?")
    if request.deletes and not query and request.payload is None:
        path = f"{path.rpartition('/')[0]}/:id"
    return request.method, path


def spoken(seconds: int) -> str:
    """Return a duration in the two units that matter."""
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE} s"
    return f"{seconds // _HOUR:,} h {seconds % _HOUR // _MINUTE} min"
