"""The object types of Userflow."""

from __future__ import annotations

from target_userflow.apis.object_type import ObjectType
from target_userflow.apis.userflow import reading
from target_userflow.apis.userflow.events import Events
from target_userflow.apis.userflow.groups import Groups, Memberships
from target_userflow.apis.userflow.product import PRODUCT
from target_userflow.apis.userflow.users import Users

OBJECT_TYPES = (
    ObjectType("users", PRODUCT, 1, Users, listing=reading.USERS),
    ObjectType("groups", PRODUCT, 0, Groups, listing=reading.GROUPS),
    ObjectType("memberships", PRODUCT, 2, Memberships),
    ObjectType("events", PRODUCT, 3, Events, is_event=True),
)
