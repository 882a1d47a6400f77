"""Userflow: its object types, what its requests carry, and what it can be asked.

Wire facts are from the Userflow API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.object_type import ObjectType
from target_userflow.apis.product import Probe, Product
from target_userflow.apis.userflow import reading
from target_userflow.apis.userflow.events import Events
from target_userflow.apis.userflow.groups import Groups, Memberships
from target_userflow.apis.userflow.merging import folded, joined, kinds
from target_userflow.apis.userflow.users import Users
from target_userflow.config.settings import USERFLOW_URLS

if TYPE_CHECKING:
    from target_userflow.config.settings import Destination

API_VERSION = "2020-01-03"  # "current and so far only"


def headers(destination: Destination) -> dict[str, str]:
    """Return what every request carries: without the JSON type it is answered 406."""
    return {
        "Authorization": f"Bearer {destination.api_key}",
        "Userflow-Version": API_VERSION,
        "Accept": "application/json",
    }


def otherwise(destination: Destination) -> str:
    """Return how to try the other region, if this is one: each knows its own keys only."""
    others = [name for name, url in USERFLOW_URLS.items() if url != destination.url]
    is_region = destination.url in USERFLOW_URLS.values()
    return f"set region to {' or '.join(others)}, and no api_url" if is_region else ""


PRODUCT = Product(
    name="Userflow",
    prefix="",
    headers=headers,
    probe=Probe("/users?limit=1", otherwise),
    leaves=reading.leaves,
    definitions=reading.definitions,
    attributes=reading.attributes,
    event_name=reading.event_name,
    join=joined,
    fold=folded,
    kinds=kinds,
)
OBJECT_TYPES = (
    ObjectType("users", PRODUCT, 1, Users, listing=reading.USERS),
    ObjectType("groups", PRODUCT, 0, Groups, listing=reading.GROUPS),
    ObjectType("memberships", PRODUCT, 2, Memberships),
    ObjectType("events", PRODUCT, 3, Events, is_event=True),
)
