"""What exists, and what of it the input holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_userflow.listed.temporary import TemporaryDatabase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK = 100
Ids = tuple[str, ...]


class SeenObjects(TemporaryDatabase):
    """Objects that exist with their ids, and hashes of those that records are about."""

    tables = (
        "CREATE TABLE existing (key INTEGER PRIMARY KEY, kind TEXT, ids TEXT);"
        "CREATE TABLE seen (key INTEGER PRIMARY KEY);"
    )

    def see(self, keys: Iterable[int]) -> None:
        """Note what records are about."""
        self._write("INSERT OR IGNORE INTO seen", [(key,) for key in keys])

    def seen(self, keys: set[int]) -> set[int]:
        """Return those of the keys that records are about."""
        return {key for (key,) in self._of_keys("SELECT key FROM seen WHERE key IN", keys)}

    def keep(self, rows: Iterable[tuple[int, str, Ids]]) -> None:
        """Keep the kind and ids of objects that exist, each with its key."""
        encoded = [(key, kind, msgspec.json.encode(ids).decode()) for key, kind, ids in rows]
        self._write("INSERT OR IGNORE INTO existing", encoded)

    def existing(self) -> int:
        """Return how many objects exist."""
        return int(self._rows("SELECT count(*) FROM existing")[0][0])

    def unseen(self) -> dict[str, int]:
        """Return kind → how many exist that no record is about."""
        return dict(self._rows(f"SELECT kind, count(*) {_UNSEEN} GROUP BY kind"))

    def unseen_ids(self) -> Iterator[dict[int, Ids]]:
        """Yield key → ids of the objects that no record is about, a chunk at a time."""
        last = -(2**63)
        query = f"SELECT key, ids {_UNSEEN} AND key > ? ORDER BY key LIMIT {_CHUNK}"
        while rows := self._rows(query, last):
            yield {key: msgspec.json.decode(ids, type=Ids) for key, ids in rows}
            last = rows[-1][0]


_UNSEEN = "FROM existing WHERE key NOT IN (SELECT key FROM seen)"
