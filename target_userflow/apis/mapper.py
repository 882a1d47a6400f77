"""What the mappings of all APIs share: columns that have roles, and columns that are attributes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import quote

from target_userflow.config.settings import OPERATIONS
from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping import columns as roles
from target_userflow.mapping.attributes import Attributes
from target_userflow.mapping.flattening import attribute_name
from target_userflow.mapping.values import plain_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from target_userflow.apis.messages import Request
    from target_userflow.mapping.columns import RoleSpec, Stream

T = TypeVar("T")
LEGAL_NAMES = "Names are made of a-z A-Z 0-9 _ - and spaces"
TRIMMED = "blanks around an id are taken off"
"""The remark on an id that is sent without the blanks around it."""
TRIMMED_NAME = "blanks around an event name are taken off"
"""The remark on an event name, likewise: columns of a fixed width are padded with them."""
_NO_IDS = {word.lower(): word for word in ("null", "None", "nil", "NaN", "undefined", "N/A")}
"""The words that programs write in place of an id: sent as ids, they would make one object."""


class Mapper:
    """Makes the requests of one stream: its columns are told apart once, at the SCHEMA."""

    role_spec: RoleSpec
    takes_nulls: ClassVar[bool] = True
    """Whether a null unsets an attribute; else nulls are left out."""
    takes_operations: Collection[str] = OPERATIONS
    """The operations that an attribute can be; any other is nested data like the rest."""
    facts: Collection[str] = ()
    """Columns that say what an object is, and are no attributes."""
    deleted_by: tuple[str, ...] = ()
    """The roles whose ids a deletion names; none where the API can't delete the object."""
    subjects: ClassVar[Mapping[str, str]] = {}
    """Role → what its id is of, in ordering keys; the first role that a record has counts."""

    def __init__(self, stream: Stream) -> None:
        """Find the roles and attributes among the stream's columns.

        Raises:
            ConfigError: a needed column is missing, or the options don't fit the columns.
        """
        self.assignments = roles.assignments_of(stream, self.role_spec)
        """Role → the column that has it, and why."""
        self._roles = {role: assignment.column for role, assignment in self.assignments.items()}
        options = stream.options if self.takes_nulls else replace(stream.options, nulls="omit")
        self.attributes = Attributes(
            stream.name,
            stream.properties,
            left_out=self._left_out(stream),
            options=options,
            operations=self.takes_operations,
        )
        self.remarks = self.attributes.remarks

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of a record.

        Raises:
            RejectRecord: nothing that the API accepts can be made of it.
        """
        raise NotImplementedError

    def mapper_of(self, record: Mapping[str, Any]) -> Mapper:  # noqa: ARG002 - where columns come with the records
        """Return the mapper of records that have the same roles as a record."""
        return self

    def object_id(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the ids under which the API keeps an object that can be deleted.

        Raises:
            RejectRecord: one of them is missing or none.
        """
        return tuple(self._id(record, role) for role in self.deleted_by)

    def ordering_key(self, record: Mapping[str, Any]) -> str:
        """Return the ordering key of a record's request, from its ids alone.

        Raises:
            RejectRecord: an id that it needs is missing or none.
        """
        for role, subject in self.subjects.items():
            value = self._role(record, role)
            if value is not None:
                return f"{subject} {wire_id(value, role)}"
        raise RejectRecord("it has no id")

    def take_remarks(self) -> dict[str, int]:
        """Return remark → number of values since the last call that were not sent as they came."""
        remarks = dict(self.remarks)
        self.remarks.clear()
        return remarks

    def deletion(self, ids: Sequence[str]) -> Request:
        """Return the request that deletes the object with these ids, or finds it gone already."""
        raise NotImplementedError

    def _left_out(self, stream: Stream) -> frozenset[str]:  # noqa: ARG002 - events look at it
        return frozenset(self._roles.values())

    def _role(self, record: Mapping[str, Any], role: str) -> Any:
        return record.get(self._roles.get(role, ""))

    def _id(self, record: Mapping[str, Any], role: str) -> str:
        column = self._roles.get(role, "")
        try:
            return self._wire_id(record.get(column), "it" if column == role else role)
        except RejectRecord as error:
            raise (error.inside(column) if column else error) from None

    def _wire_id(self, value: Any, what: str) -> str:
        """Return what `wire_id` returns; an id that comes with blanks around it is remarked."""
        id_ = wire_id(value, what)
        if isinstance(value, str) and len(id_) < len(value):
            self.remarks[TRIMMED] += 1
        return id_

    def _within(self, role: str, make: Callable[..., T], *values: Any) -> T:
        """Return what `make` returns for the values of a role's column, which a rejection names."""
        try:
            return make(*values)
        except RejectRecord as error:
            column = self._roles.get(role)
            raise (error.inside(column) if column else error) from None


def role_schema(mapper: Mapper, stream: Stream, role: str) -> Any:
    """Return the schema of the column that has a role; an empty one if none has it."""
    assignment = mapper.assignments.get(role)
    return stream.properties.get(assignment.column, {}) if assignment else {}


class EventMapper(Mapper):
    """Makes the requests of a stream of events: appended, never changed, and named."""

    takes_nulls = False
    takes_operations: Collection[str] = ()

    def __init__(self, stream: Stream) -> None:
        """Find the columns, unless `event_name` names every event of the stream.

        Raises:
            ConfigError: a needed column is missing, or the options don't fit the columns.
        """
        self._constant = stream.options.event_name
        if self._constant is not None:
            if not is_legal_name(self._constant):
                raise ConfigError(
                    f"Stream '{stream.name}': streams.{stream.name}.event_name "
                    f"'{self._constant}' is no event name. {LEGAL_NAMES}"
                )
            self.role_spec = self.role_spec.without("name")
        super().__init__(stream)

    def _left_out(self, stream: Stream) -> frozenset[str]:
        keys = frozenset(stream.keys) - {*stream.options.send}
        return super()._left_out(stream) | keys

    def _name(self, record: Mapping[str, Any]) -> str:
        if self._constant is not None:
            return self._constant
        given = self._role(record, "name")
        name = self._within("name", _legal_name, given)
        if len(name) < len(given):
            self.remarks[TRIMMED_NAME] += 1
        return name


def _legal_name(value: Any) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not is_legal_name(name):
        raise RejectRecord(f"the event name is missing or illegal. {LEGAL_NAMES}")
    return name


def wire_id(value: Any, role: str) -> str:
    """Return an id as the APIs take it: a text without blanks around it, or decimal digits.

    Raises:
        RejectRecord: it is missing, blank, boolean, nested, no whole number, or a word for nothing.
    """
    if isinstance(value, str):
        id_ = value.strip()
        if not id_:
            raise RejectRecord(f"{role} is blank")
        if id_.lower() in _NO_IDS:
            raise RejectRecord(f"{role} is the word {_NO_IDS[id_.lower()]}, and no id")
        return id_
    if value is None:
        raise RejectRecord(f"{role} is missing")
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        whole, _, fraction = plain_number(value).partition(".")
        if not fraction.strip("0"):
            return str(int(whole))
    raise RejectRecord(f"{role} is neither text nor a whole number")


def in_url(text: str) -> str:
    """Return an id as one part of a path or query: a path of dots alone would mean another place.

    Raises:
        RejectRecord: it holds half of a surrogate pair.
    """
    try:
        return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")
    except UnicodeEncodeError:
        raise RejectRecord("an id holds half of a surrogate pair") from None


def is_legal_name(name: str) -> bool:
    """Return whether a name may be that of an event."""
    return bool(name.strip()) and attribute_name(name) == name
