"""Shards: the parts into which the records of all streams fall when several runs share the work."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

OTHER_SHARD = "other shard"
"""Why a record is skipped that another run delivers."""


class Shard(NamedTuple):
    """One of several equal parts of all keys; by default all of them."""

    number: int = 1
    parts: int = 1

    @classmethod
    def of(cls, setting: str | None) -> Shard:
        """Return the shard that the setting `shard` names, such as `3/8`; all keys without one.

        Raises:
            ValueError: it is no number, a slash and a number that is not smaller.
        """
        if not setting:
            return cls()
        number, _, parts = setting.partition("/")
        shard = cls(int(number), int(parts))
        if not 1 <= shard.number <= shard.parts:
            raise ValueError(setting)
        return shard

    def has(self, key: str) -> bool:
        """Return whether a key is in this shard: each is in one, on every machine and at all times.

        Args:
            key: What the records of one object have in common: their ordering key.
        """
        if self.parts == 1:
            return True
        hashed = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest()
        return int.from_bytes(hashed, "big") % self.parts == self.number - 1
