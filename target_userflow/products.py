"""The ways to the products: their deliveries, and what is known of the objects in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.compare.comparison import Comparison
from target_userflow.delivery.product_delivery import ProductDelivery, product_delivery
from target_userflow.dry_run.delivery import DryRun, dry_run_delivery
from target_userflow.errors import ConfigError
from target_userflow.lookup.attribute_types import AttributeTypeCheck, Definitions, NewNames
from target_userflow.lookup.existing_objects import ExistingObjectsByType
from target_userflow.lookup.write_modes import UpsertMode, write_mode
from target_userflow.pace.sharing import Sharing
from target_userflow.pace.throttle_stats import Cause
from target_userflow.plan.inventory import Inventory
from target_userflow.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.product import Product
    from target_userflow.clock import Clock
    from target_userflow.config.settings import Settings
    from target_userflow.mapping.columns import Stream
    from target_userflow.transport.request_stats import RequestStats


class Products:
    """What the streams of a run share of each product, made when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        stats: RequestStats,
        dry_run: DryRun | None,
        connect: Callable[[ProductDelivery], None],
    ) -> None:
        """Open no connection yet.

        Args:
            settings: The settings of the run.
            clock: The clock of the run.
            stats: Counts the requests of the run.
            dry_run: Counts what would be sent; None if it is sent.
            connect: Is called with each delivery that is made.
        """
        self._settings = settings
        self._clock = clock
        self._stats = stats
        self._dry_run = dry_run
        self._connect = connect
        self._deliveries: dict[str, ProductDelivery] = {}
        self._existing: dict[str, ExistingObjectsByType] = {}
        self._definitions: dict[str, Definitions] = {}
        self._inventories: dict[str, Inventory] = {}
        self._new_names = NewNames(
            attributes=settings.max_new_attributes,
            events=settings.max_new_events,
            reject=settings.new_attributes == "reject",
        )
        self.sharing = Sharing(settings, clock)
        """What this run shares with others."""
        self.compared: Comparison | None = None
        """The comparison with Userflow, if a stream is compared."""

    def delivery(self, object_type: ObjectType) -> ProductDelivery:
        """Return the delivery to the product of an object type.

        Each has a clock of its own: one that is down does not stop the others.

        Raises:
            StorageError: a server's ledger can't be used, through which runs share limits.
        """
        product = object_type.product
        if product.name not in self._deliveries:
            self._deliveries[product.name] = self._new_delivery(product)
            self._connect(self._deliveries[product.name])
        return self._deliveries[product.name]

    def _new_delivery(self, product: Product) -> ProductDelivery:
        destination, clock = self._settings.destinations[product.prefix], self._clock.child()
        pace = self._settings.pace
        share = self.sharing.share(product.prefix, destination)
        client = Client(product, destination, pace, clock, self._stats, share)
        if share:
            self.sharing.keep(share, client.limits)
        if self._dry_run:
            return dry_run_delivery(self._dry_run, product, destination, client, clock)
        return product_delivery(product, destination, client, clock, pace.concurrency)

    def existing(self, object_type: ObjectType) -> ExistingObjectsByType:
        """Return what exists in the product of an object type."""
        product = object_type.product
        if product.name not in self._existing:
            reads, matched = self.delivery(object_type).reads, self._settings.matched
            self._existing[product.name] = ExistingObjectsByType(product, reads, matched)
        return self._existing[product.name]

    def write_mode(self, object_type: ObjectType, stream: Stream) -> UpsertMode:
        """Return what lets the records of a stream pass.

        Raises:
            ConfigError: the product has no key, or the options ask for what nobody can know.
        """
        self._check_destination(object_type.product, stream.name)
        return write_mode(object_type, stream, self.existing(object_type))

    def attribute_types(self, object_type: ObjectType, stream: Stream) -> AttributeTypeCheck:
        """Return the comparison of a stream with the attributes that exist."""
        product, definitions = object_type.product, self.definitions(object_type)
        return AttributeTypeCheck(stream.name, product, definitions, self._new_names)

    def definitions(self, object_type: ObjectType) -> Definitions:
        """Return the attributes and event names in the product of an object type."""
        product = object_type.product
        if product.name not in self._definitions:
            self._definitions[product.name] = Definitions(product, self.delivery(object_type).reads)
        return self._definitions[product.name]

    def inventory(self, object_type: ObjectType) -> Inventory:
        """Return what the product of an object type has, for the plan of its streams."""
        name = object_type.product.name
        if name not in self._inventories:
            reads = self.delivery(object_type).reads
            self._inventories[name] = Inventory(self.definitions(object_type), reads)
        return self._inventories[name]

    def comparison(self, object_type: ObjectType) -> Comparison:
        """Return what all streams share that are compared with Userflow."""
        if self.compared is None:
            self.compared = Comparison(
                self.delivery(object_type).reads,
                self.definitions(object_type),
                is_exact=self._settings.verifies,
                keeps_ids=self._settings.counts_extra,
            )
        return self.compared

    def convict(self, *, last: bool) -> None:
        """Settle what was given up on and is clear to be at fault; see `Suspects.convict`."""
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

    def _check_destination(self, product: Product, stream: str) -> None:
        missing = self._settings.missing[product.prefix]
        if missing:
            names = " and ".join(f"'{name}'" for name in missing)
            variables = " and ".join(f"TARGET_USERFLOW_{name.upper()}" for name in missing)
            raise ConfigError(
                f"Stream '{stream}' is routed to {product.name}: set {names} in the config, or "
                f"{variables} with --config ENV"
            )
