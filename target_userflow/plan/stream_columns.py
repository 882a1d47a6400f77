"""What the columns of a stream become, and which of them each attribute comes from."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from target_userflow.mapping.flattening import attribute_name
from target_userflow.mapping.unsent_columns import is_of_loader
from target_userflow.plan.sample import SCOPES, written

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.mapping.columns import Stream
    from target_userflow.plan.sample import Attribute

SECRET = "named like a secret; `send` sends it"  # noqa: S105 - a reason
LOADER = "another loader's"
EVENT_KEY = "the event's key"
OWN_FACT = "a fact of Userflow's own object"
"""Why a column is left out."""
_LISTS = ("groups", "memberships", "group_id")
"""The roles of what a user belongs to."""
_OF_OTHERS = ("group_attributes", "memberships", "groups", "company")
"""The roles whose columns bring attributes of another object."""
_SPREAD = "attributes"
"""The column whose keys are attributes by themselves."""


class StreamColumns:
    """The columns of a stream, as far as they are known by now."""

    def __init__(
        self,
        object_type: ObjectType,
        stream: Stream,
        mapper: Mapper,
        late: Collection[str] = (),
    ) -> None:
        """Look at the columns.

        Args:
            object_type: What the stream is routed to.
            stream: The stream, after any stream map.
            mapper: What makes its requests.
            late: Columns that its records have, in or outside of its SCHEMA.
        """
        self._object_type = object_type
        self._stream = stream
        self._mapper = mapper
        self._columns = {**dict.fromkeys(stream.properties), **dict.fromkeys(late)}
        self._own = SCOPES.get(object_type.name, "")
        self._roles = {role: item.column for role, item in mapper.assignments.items()}
        self.left_out = self._left_out()
        """Why columns are left out → these columns."""
        gone = {column for columns in self.left_out.values() for column in columns}
        taken = {*self._roles.values(), *gone}
        free = [column for column in self._columns if column not in taken]
        self.by_attribute = {attribute_name(column): column for column in free}
        """Attribute → its column, for those that are attributes by themselves."""
        self._known: dict[Attribute, str] = {}

    @property
    def has_no_time(self) -> bool:
        """Whether events have the time of their arrival, and could have one of their own."""
        return "time" in self._mapper.role_spec.columns and "time" not in self._roles

    def column(self, attribute: Attribute) -> str:
        """Return the column of an attribute: its own, or that of an object that is flattened."""
        if attribute not in self._known:
            self._known[attribute] = self._column(*attribute)
        return self._known[attribute]

    def of_request(self, request: Request) -> dict[str, list[Any]]:
        """Return column → what a request says for it, without the ids of its own object."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for scope, attributes in written(self._object_type, request):
            for name, value in attributes.items():
                columns[self.column((scope, name))].append([name, value])
        lists = [(request.payload or {}).get(name) for name in ("groups", "memberships")]
        column = self._column_of(_LISTS)
        if column and self._object_type.name == "users":
            columns[column] += lists
        return columns

    def _left_out(self) -> dict[str, list[str]]:
        unsent, properties = self._mapper.attributes.unsent, self._stream.properties
        late = [column for column in self._columns if column not in properties]
        stay = [column for column in late if unsent.includes_late(column, "")]
        kept = {*self._stream.options.send, *self._roles.values()}
        keys = self._stream.keys if self._object_type.is_event else ()
        return {
            SECRET: [*unsent.secrets, *(column for column in stay if not is_of_loader(column))],
            LOADER: [*unsent.of_loaders, *filter(is_of_loader, stay)],
            EVENT_KEY: [key for key in keys if key not in kept],
            OWN_FACT: [column for column in self._mapper.facts if column not in kept],
        }

    def _column(self, scope: str, name: str) -> str:
        if scope != self._own:
            return self._column_of(_OF_OTHERS) or name
        if name in self.by_attribute:
            return self.by_attribute[name]
        outer = [attribute for attribute in self.by_attribute if name.startswith(f"{attribute}_")]
        if outer:
            return self.by_attribute[max(outer, key=len)]
        return _SPREAD if _SPREAD in self._columns else name

    def _column_of(self, roles: tuple[str, ...]) -> str | None:
        return next((self._roles[role] for role in roles if role in self._roles), None)
