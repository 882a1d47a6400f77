"""The object types there are: what the settings allow, and in which order they are sent."""

from __future__ import annotations

from target_userflow.apis.registry import OBJECT_TYPES, PRODUCTS
from target_userflow.config.settings import OBJECTS, PREFIXES


def test_every_object_of_the_settings_is_an_object_type() -> None:
    """None of them is accepted and then not there; messages name them in one order."""
    assert tuple(OBJECT_TYPES) == OBJECTS


def test_every_product_has_settings() -> None:
    """Each product is told its key and URL under its own prefix."""
    assert tuple(product.prefix for product in PRODUCTS) == PREFIXES


def test_what_others_refer_to_is_sent_before_them() -> None:
    """Groups before users, these before memberships, and events last; likewise in Userpilot."""
    types = sorted(OBJECT_TYPES.values(), key=lambda one: one.turn)
    for product, names in zip(
        PRODUCTS,
        (
            ["groups", "users", "memberships", "events"],
            ["participants"],
            ["userpilot_companies", "userpilot_users", "userpilot_events"],
        ),
        strict=True,
    ):
        assert [one.name for one in types if one.product is product] == names
