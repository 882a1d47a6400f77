"""An object type as one value: what kind of object a stream can be routed to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_userflow.apis.listing import ExistingObject, Listing
    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.product import Product


@dataclass(frozen=True, eq=False)
class ObjectType:
    """A kind of object of a product, such as the users of Userflow."""

    name: str
    """What the setting `object` calls it."""
    product: Product
    turn: int
    """When it is sent, if several of its product wait: first what the others refer to."""
    mapper: type[Mapper]
    """Makes the requests of a stream of it."""
    is_event: bool = False
    """Whether it is appended and never changed, so that a repeated request doubles it."""
    listing: Listing[ExistingObject] | None = None
    """How to ask what exists of it; None where the product does not tell."""
