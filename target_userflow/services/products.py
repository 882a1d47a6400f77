"""The products that the streams of a run are routed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.compare.comparison import Comparison
from target_userflow.delivery.product_delivery import ProductDelivery, product_delivery
from target_userflow.dry_run.delivery import DryRun, dry_run_delivery
from target_userflow.lookup.new_names import NewNames
from target_userflow.pace.sharing import Sharing
from target_userflow.pace.throttle_stats import Cause
from target_userflow.services.product_parts import ProductParts
from target_userflow.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Settings
    from target_userflow.transport.request_stats import RequestStats


class Products:
    """The parts of each product, the deliveries that are open, and what these wait for."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        stats: RequestStats,
        dry_run: DryRun | None,
        connect: Callable[[ProductDelivery], None],
    ) -> None:
        """Open no connection.

        Args:
            settings: The settings of the run.
            clock: The clock of the run.
            stats: Counts the requests of the run.
            dry_run: Counts what would be sent; None if it is sent.
            connect: Is called with each delivery that is opened.
        """
        self._settings = settings
        self._clock = clock
        self._stats = stats
        self._dry_run = dry_run
        self._connect = connect
        self._parts: dict[str, ProductParts] = {}
        self._deliveries: dict[str, ProductDelivery] = {}
        self._new_names = NewNames(
            attributes=settings.max_new_attributes,
            events=settings.max_new_events,
            reject=settings.new_attributes == "reject",
        )
        self.sharing = Sharing(settings, clock)
        """What this run shares with others."""
        self.compared: Comparison | None = None
        """The comparison with Userflow, if a stream is compared."""

    def of(self, object_type: ObjectType) -> ProductParts:
        """Return the parts of the product of an object type."""
        product = object_type.product
        if product.name not in self._parts:
            self._parts[product.name] = ProductParts(
                product, self._settings, self._new_names, self._open_delivery
            )
        return self._parts[product.name]

    def _open_delivery(self, product: Product) -> ProductDelivery:
        delivery = self._new_delivery(product)
        self._deliveries[product.name] = delivery
        self._connect(delivery)
        return delivery

    def _new_delivery(self, product: Product) -> ProductDelivery:
        """Return a delivery with a clock of its own: a product that is down stops no other."""
        destination, clock = self._settings.destinations[product.prefix], self._clock.child()
        pace = self._settings.pace
        share = self.sharing.share(product.prefix, destination)
        client = Client(product, destination, pace, clock, self._stats, share)
        if share:
            self.sharing.keep(share, client.limits)
        if self._dry_run:
            return dry_run_delivery(self._dry_run, product, destination, client, clock)
        return product_delivery(product, destination, client, clock, pace.concurrency)

    def comparison(self, object_type: ObjectType) -> Comparison:
        """Return the comparison with Userflow, which all streams share that are compared."""
        if self.compared is None:
            parts = self.of(object_type)
            self.compared = Comparison(
                parts.delivery.reads,
                parts.definitions,
                is_exact=self._settings.verifies,
                keeps_ids=self._settings.counts_extra,
            )
        return self.compared

    def convict(self, *, last: bool) -> None:
        """Settle the records that were given up on and are clear to be at fault.

        Args:
            last: As for `Suspects.convict`.
        """
        for delivery in self._deliveries.values():
            delivery.suspects.convict(last=last)

    def waits(self) -> Iterator[tuple[str, str, float]]:
        """Yield product, what the run waited for there, and for how many seconds."""
        for name, delivery in self._deliveries.items():
            for cause, seconds in delivery.client.limits.waits.told():
                yield name, cause.value, seconds

    def wait_spans(self, start: float) -> Iterator[tuple[str, str, float, float]]:
        """Yield product, what was waited for there, and from when to when.

        Args:
            start: The start of the run, in seconds by the clock: the times are seconds after it.
        """
        for name, delivery in self._deliveries.items():
            for cause, span in delivery.client.limits.waits.spans():
                yield name, cause.value, span.start - start, span.end - start

    def limiting(self, object_type: str) -> str:
        """Return what sets the pace now of what is sent for the object type of a name."""
        delivery = self._deliveries.get(OBJECT_TYPES[object_type].product.name)
        if delivery is None:
            return ""
        client = delivery.client
        cause = Cause.PAUSE if client.outage.is_on else client.limits.waits.limiting
        return cause.as_limit

    def close(self) -> None:
        """Close the connections."""
        for delivery in self._deliveries.values():
            delivery.close()
        self.sharing.close()
        if self.compared:
            self.compared.close()
