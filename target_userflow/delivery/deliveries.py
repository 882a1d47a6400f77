"""The deliveries to all products of a run, as the thread that reads sees them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.clock import Clock
    from target_userflow.delivery.product_delivery import ProductDelivery

_logger = logging.getLogger(__name__)


class Deliveries:
    """Waits for the products, each of which may fail while the others go on."""

    def __init__(self, clock: Clock) -> None:
        """Begin without a product; `clock` tells whether the run is to end."""
        self._clock = clock
        self._products: list[ProductDelivery] = []

    @property
    def is_delivering(self) -> bool:
        """Whether a record is on its way."""
        return any(product.unsettled for product in self._products)

    @property
    def has_failed(self) -> bool:
        """Whether the delivery to a product is to end."""
        return any(product.failure for product in self._products)

    def add(self, product: ProductDelivery) -> None:
        """Have records delivered to a product."""
        self._products.append(product)

    def wait(self) -> None:
        """Return when each product has settled something, or after a moment."""
        for product in self._products:
            if product.unsettled:
                product.wait()

    def raise_failure(self) -> None:
        """Let the other products settle what they have, then raise the first failure.

        Raises:
            StopRun: a signal, or why the delivery to a product is to end.
        """
        while others := [
            product for product in self._products if product.unsettled and not product.failure
        ]:
            self._clock.check()
            for product in others:
                product.wait()
        failures = (product.failure for product in self._products if product.failure)
        first, *more = dict.fromkeys(failures)
        for error in more:
            _logger.error("%s", error)
        raise first

    def stop(self, is_hurried: Callable[[], bool]) -> None:
        """Return when no request is in flight; nothing new starts.

        Args:
            is_hurried: Returns whether to leave what is in flight.
        """
        for product in self._products:
            while product.is_busy and not is_hurried():
                product.wait()
            product.abandon()
