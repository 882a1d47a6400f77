"""From a record to its request, if the record keeps the rules of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.errors import RejectRecord
from target_userflow.mapping.values import encoded, located

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.messages import Request
    from target_userflow.plan.stream_look import StreamLook
    from target_userflow.reporting.column_notices import ColumnNotices
    from target_userflow.singer.message import Message
    from target_userflow.singer.record_validator import Validator


class RequestMaker:
    """Checks the records of one stream, and makes their requests."""

    def __init__(  # noqa: PLR0913 - each looks at a record
        self,
        keys: Sequence[str],
        rules: Validator | None,
        mapper: Mapper,
        look: StreamLook,
        notices: ColumnNotices,
        *,
        is_computed: bool,
    ) -> None:
        """Check by these rules.

        Args:
            keys: The key properties of the stream.
            rules: The schema of its records; None if they are not validated.
            mapper: Makes the requests.
            look: Sees the first records that pass, with their requests.
            notices: Logs what becomes of columns that only records have.
            is_computed: Whether expressions of a stream map made the records.
        """
        self._keys = keys
        self._rules = rules
        self._mapper = mapper
        self._look = look
        self._notices = notices
        self._is_computed = is_computed

    def request(self, message: Message, record: dict[str, Any]) -> Request:
        """Return the request of a record.

        Args:
            message: The RECORD message.
            record: The record after the stream maps.

        Raises:
            RejectRecord: it breaks the rules of its stream, or no request can be made of it.
        """
        try:
            self._check_whole(message, record)
            if self._rules:
                self._rules.check(record)
            self._notices.of_record(record)
            self._look.see(record)
            request = self._mapper(record)
            self._check_encodable(message, request)
        except RecursionError:
            raise RejectRecord("it is nested too deeply") from None
        except RejectRecord as error:
            raise located(error, record) from None
        self._look.sample.add(record, request, len(message.source.line))
        return request

    def deletion(self, message: Message, record: dict[str, Any]) -> Request:
        """Return the request that deletes the object of a record.

        Nothing but its ids is looked at, as a tap may send no more of a deleted row.

        Raises:
            RejectRecord: it has no id.
        """
        request = self._mapper.deletion(self._mapper.object_id(record))
        self._check_encodable(message, request)
        return request

    def object_id(self, record: dict[str, Any]) -> tuple[str, ...] | None:
        """Return the ids of a rejected record's object; None if they are what is wrong with it."""
        try:
            return self._mapper.object_id(record)
        except RejectRecord:
            return None

    def ordering_key(self, record: Mapping[str, Any]) -> str:
        """Return the ordering key of a record; empty where it can't be told."""
        try:
            return self._mapper.ordering_key(record)
        except RejectRecord:
            return ""

    def _check_encodable(self, message: Message, request: Request) -> None:
        """Reject what can't be encoded: only the fast parser reads nothing of that kind."""
        if self._is_computed or message.is_lenient:
            encoded(request.payload)

    def _check_whole(self, message: Message, record: dict[str, Any]) -> None:
        if message.is_cut:
            raise RejectRecord("it is nested too deeply")
        for key in self._keys:
            if key not in record:
                raise RejectRecord(f"key property '{key}' is missing")
