"""What the streams of a run share of one product."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from target_userflow.errors import ConfigError
from target_userflow.lookup.attribute_types import AttributeTypeCheck
from target_userflow.lookup.definitions import Definitions
from target_userflow.lookup.existing_objects import ExistingObjectsByType
from target_userflow.lookup.write_modes import UpsertMode, write_mode
from target_userflow.plan.inventory import Inventory
from target_userflow.workers.reads import OneAttempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.product import Product
    from target_userflow.config.settings import Settings
    from target_userflow.delivery.product_delivery import ProductDelivery
    from target_userflow.lookup.new_names import NewNames
    from target_userflow.mapping.columns import Stream


class ProductParts:
    """The delivery to one product, and what is known of it; each is made when first needed."""

    def __init__(
        self,
        product: Product,
        settings: Settings,
        new_names: NewNames,
        open_delivery: Callable[[Product], ProductDelivery],
    ) -> None:
        """Open no connection.

        Args:
            product: The product.
            settings: The settings of the run.
            new_names: Counts the names that the run defines.
            open_delivery: Returns a new delivery to a product.
        """
        self._product = product
        self._settings = settings
        self._new_names = new_names
        self._open_delivery = open_delivery

    @cached_property
    def delivery(self) -> ProductDelivery:
        """The delivery to the product.

        Raises:
            StorageError: a server's ledger can't be used, through which runs share limits.
        """
        return self._open_delivery(self._product)

    @cached_property
    def existing(self) -> ExistingObjectsByType:
        """The objects that exist in the product."""
        return ExistingObjectsByType(self._product, self.delivery.reads, self._settings.matched)

    @cached_property
    def definitions(self) -> Definitions:
        """The attributes and event names that are defined in the product."""
        return Definitions(self._product, self.delivery.reads)

    @cached_property
    def inventory(self) -> Inventory:
        """What the product has, for the plan of its streams."""
        return Inventory(self.definitions, self.delivery.reads)

    def early_definitions(self, scope: str) -> dict[str, str] | None:
        """Return the attributes of a scope, if one attempt tells; see `Definitions.early`."""
        return self.definitions.early(scope, OneAttempt(self.delivery.reads))

    def write_mode(self, object_type: ObjectType, stream: Stream) -> UpsertMode:
        """Return what decides which records of a stream are sent, by what exists.

        Raises:
            ConfigError: the product has no key, or the options ask for what nobody can know.
        """
        self._check_destination(stream.name)
        return write_mode(object_type, stream, self.existing)

    def attribute_types(self, stream: Stream) -> AttributeTypeCheck:
        """Return the comparison of a stream's attributes with those that are defined."""
        return AttributeTypeCheck(stream.name, self._product, self.definitions, self._new_names)

    def _check_destination(self, stream: str) -> None:
        missing = self._settings.missing[self._product.prefix]
        if missing:
            names = " and ".join(f"'{name}'" for name in missing)
            variables = " and ".join(f"TARGET_USERFLOW_{name.upper()}" for name in missing)
            raise ConfigError(
                f"Stream '{stream}' is routed to {self._product.name}: set {names} in the config, "
                f"or {variables} with --config ENV"
            )
