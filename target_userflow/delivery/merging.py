"""Makes one request of several: of those of one object, and of those of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.accounts.pending import Batch, PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.apis.product import Product
    from target_userflow.config.settings import Destination


class RequestMerger:
    """Merges requests in the way of one product."""

    def __init__(self, product: Product, destination: Destination) -> None:
        """Merge requests to a destination.

        Args:
            product: How its payloads are merged.
            destination: Where the requests go.
        """
        self._product = product
        self._destination = destination
        self.is_batched = product.batch > 1
        """Whether one request has the payloads of several objects."""

    def of_object(self, records: Batch) -> Request:
        """Return the request that does all that the records of one object do."""
        last = records[-1].request
        if len(records) == 1 or self._product.fold is None:
            return last
        payloads = [record.request.payload or {} for record in records]
        return replace(last, payload=self._product.fold(payloads))

    def of_batch(self, objects: Sequence[Batch]) -> Request:
        """Return the request for several objects, each with what its last record writes."""
        requests = [records[-1].observer.reduced(records[-1]) for records in objects]
        if len(requests) == 1 and not self.is_batched:
            return requests[0]
        payloads = [request.payload or {} for request in requests]
        return replace(requests[0], payload=self._product.join(self._destination, payloads))


def by_object(records: Iterable[PendingRecord]) -> list[Batch]:
    """Return the records of one request by the object that they are about, in the order read."""
    objects: dict[tuple[str, ...], Batch] = {}
    for record in records:
        objects.setdefault(record.request.object_id, []).append(record)
    return [*objects.values()]


def all_of(objects: Iterable[Batch]) -> Batch:
    """Return the records of several objects."""
    return [record for records in objects for record in records]
