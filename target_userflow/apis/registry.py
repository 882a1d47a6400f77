"""The products there are, and the object types that a stream can be routed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis import user_interviews, userpilot
from target_userflow.apis.open_columns import OpenColumns
from target_userflow.apis.userflow import product as userflow
from target_userflow.apis.userflow.match_by import MatchedGroups, MatchedUsers

if TYPE_CHECKING:
    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.product import Product
    from target_userflow.mapping.columns import Stream

PRODUCTS: tuple[Product, ...] = (userflow.PRODUCT, user_interviews.PRODUCT, userpilot.PRODUCT)
OBJECT_TYPES: dict[str, ObjectType] = {
    object_type.name: object_type
    for object_type in (
        *userflow.OBJECT_TYPES,
        *user_interviews.OBJECT_TYPES,
        *userpilot.OBJECT_TYPES,
    )
}
"""By name, as the setting `object` has it, and in the same order."""


def mapper(object_type: ObjectType, stream: Stream) -> Mapper:
    """Return what makes the requests of a stream that is routed to an object type.

    Raises:
        ConfigError: the stream's options and columns don't fit each other or the object type.
    """
    kind = _MATCHED[object_type.name] if stream.options.match_by else object_type.mapper
    return OpenColumns(kind, stream) if stream.has_open_columns else kind(stream)


_MATCHED: dict[str, type[Mapper]] = {"users": MatchedUsers, "groups": MatchedGroups}
MATCHED = (*_MATCHED,)
"""The object types whose objects can be matched by an attribute."""
