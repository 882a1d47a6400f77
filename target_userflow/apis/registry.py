"""The products there are, and what can be sent to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis import user_interviews, userpilot
from target_userflow.apis.open_columns import OpenColumns
from target_userflow.apis.userflow import objects as userflow
from target_userflow.apis.userflow.match_by import UsersByEmail

if TYPE_CHECKING:
    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.messages import Api
    from target_userflow.mapping.columns import Stream

APIS: tuple[Api, ...] = (userflow.API, user_interviews.API, userpilot.API)
API_OF: dict[str, Api] = {name: api for api in APIS for name in api.objects}
"""Object to the product it belongs to."""
TURN: dict[str, int] = {name: turn for api in APIS for turn, name in enumerate(api.objects)}
"""Object to its place in the order in which its product is sent what waits."""


def mapper(name: str, stream: Stream) -> Mapper:
    """What makes the requests of a stream to the object `name`.

    Raises:
        ConfigError: the stream's options and columns don't fit each other or the object.
    """
    kind = UsersByEmail if stream.options.match_by else API_OF[name].objects[name]
    return OpenColumns(kind, stream) if stream.has_open_columns else kind(stream)
