"""The products there are, and what can be sent to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis import user_interviews, userflow, userpilot

if TYPE_CHECKING:
    from target_userflow.apis import Api

APIS: tuple[Api, ...] = (userflow.API, user_interviews.API, userpilot.API)
API_OF: dict[str, Api] = {name: api for api in APIS for name in api.objects}
"""Object to the product it belongs to."""
TURN: dict[str, int] = {name: turn for api in APIS for turn, name in enumerate(api.objects)}
"""Object to its place in the order in which its product is sent what waits."""
