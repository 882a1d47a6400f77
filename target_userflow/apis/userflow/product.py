"""Userflow: what its requests carry, and what it can be asked (Userflow API reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.product import Probe, Product
from target_userflow.apis.userflow import reading
from target_userflow.apis.userflow.merging import folded, joined, kinds
from target_userflow.config.settings import USERFLOW_URLS

if TYPE_CHECKING:
    from target_userflow.config.settings import Destination

API_VERSION = "2020-01-03"  # "current and so far only"


def headers(destination: Destination) -> dict[str, str]:
    """What every request carries: without the JSON type it is answered 406."""
    return {
        "Authorization": f"Bearer {destination.api_key}",
        "Userflow-Version": API_VERSION,
        "Accept": "application/json",
    }


def otherwise(destination: Destination) -> str:
    """The other region, if this is one of them: each knows its own keys only."""
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
