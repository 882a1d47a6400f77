"""The rejected records of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import Rejected
from target_userflow.mapping.shards import OTHER_SHARD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.mapping.shards import Shard
    from target_userflow.services.run import Run
    from target_userflow.singer.message import Message, Source
    from target_userflow.sinks.request_maker import RequestMaker


class Rejections:
    """Writes the rejected records of one stream to the dead letters, and counts them."""

    def __init__(
        self, run: Run, stream: str, keys: Sequence[str], requests: RequestMaker, shard: Shard
    ) -> None:
        """Write to the dead letters of a run.

        Args:
            run: The run; its dead letters, tally and clock are used.
            stream: The stream's name after the stream maps.
            keys: Its key properties.
            requests: Tells the ordering key of a record, where that is possible.
            shard: The shard of the run: the records of others are rejected by their own runs.
        """
        self._dead_letters, self._clock = run.dead_letters, run.clock
        self._tally = run.tally.of(stream)
        self._stream = stream
        self._keys = keys
        self._requests = requests
        self._shard = shard

    def reject(self, message: Message, reason: str, record: dict[str, Any]) -> None:
        """Write a record that no request was made of, if it is of this run's shard, and count it.

        Raises:
            StorageError: the dead letters can't be written.
        """
        keys = [record[key] for key in self._keys if key in record]
        if not self._shard.has(self._requests.ordering_key(record) or repr(keys or record)):
            self._tally.skip(OTHER_SHARD)
            return
        self.write(message.source, Rejected(reason))
        self._tally.reject(reason, " ".join(map(str, keys)), reading=True)

    def write(self, source: Source, rejection: Rejected) -> None:
        """Write a record to the dead letters.

        Args:
            source: The line of the record.
            rejection: Why it was rejected.

        Raises:
            StorageError: the dead letters can't be written.
        """
        self._dead_letters.add(
            source.stream,
            source.schema,
            source.line,
            rejection,
            self._clock.now(),
            alias=self._stream,
        )
