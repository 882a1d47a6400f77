"""Some records of a stream, with a hash of each of their columns as it was last delivered.

A row of the ledger is one hash of a whole record: it tells that a record differs, and not in which
column. Of a few records of each stream the ledger knows that as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from target_userflow.ledger.ledger import digest
from target_userflow.ledger.tables import changing_columns, column_samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.ledger.ledger import Ledger

MOST = 200
"""Records of a stream that are kept."""
_SIZE = 4
"""Bytes of a hash, which only has to tell the columns of one stream apart."""

_sample, _changing = column_samples.c, changing_columns.c


class Sampled(NamedTuple):
    """A record as it was last delivered."""

    mark: bytes
    """The mark of its row in the ledger: with another one there, this is out of date."""
    columns: bytes
    """The hashes of each column's name and of its value, 4 bytes each."""

    def values(self) -> dict[bytes, bytes]:
        """Return the hash of each column's name → that of its value."""
        parts = [self.columns[at : at + _SIZE] for at in range(0, len(self.columns), _SIZE)]
        return dict(zip(parts[::2], parts[1::2], strict=True))


class Changing(NamedTuple):
    """The columns that differed in every record that a run compared."""

    columns: bytes
    """The hashes of their names, 4 bytes each."""
    compared: int
    """How many records were compared."""
    otherwise_same: int
    """How many of them differed in these columns alone."""

    def has(self, column: str) -> bool:
        """Return whether a column is one of them."""
        places = range(0, len(self.columns), _SIZE)
        return name_hash(column) in [self.columns[at : at + _SIZE] for at in places]


class ColumnSamples:
    """The samples of one stream at one destination; each method is one transaction.

    All methods raise StorageError if the database can't be read and written.
    """

    def __init__(self, ledger: Ledger, *named: str) -> None:
        """Give access to the samples of a stream.

        Args:
            ledger: The ledger.
            named: All that tells the stream from others.
        """
        self._store, destination = ledger.place
        stream = digest("columns", *named)
        self._place = {"destination": destination, "stream": stream}
        self._mine = sa.and_(_sample.destination == destination, _sample.stream == stream)
        self._of_stream = sa.and_(_changing.destination == destination, _changing.stream == stream)

    def rows(self) -> dict[bytes, Sampled]:
        """Return ledger key → sample, those with the lowest keys first; `MOST` of them at most."""
        columns = _sample.key, _sample.mark, _sample.columns
        query = sa.select(*columns).where(self._mine).order_by(_sample.key).limit(MOST)
        with self._store.transaction() as connection:
            rows = connection.execute(query).all()
        return {bytes(key): Sampled(bytes(mark), bytes(values)) for key, mark, values in rows}

    def changing(self) -> Changing | None:
        """Return what the last run that compared enough records said; None if none did."""
        columns = _changing.columns, _changing.compared, _changing.otherwise_same
        query = sa.select(*columns).where(self._of_stream)
        with self._store.transaction() as connection:
            row = connection.execute(query).first()
        return Changing(bytes(row[0]), row[1], row[2]) if row else None

    def write(
        self, rows: Mapping[bytes, Sampled], highest: bytes, changing: Changing | None
    ) -> None:
        """Replace what a run has changed.

        Args:
            rows: Ledger key → sample.
            highest: The highest key of a sample that is kept.
            changing: What the run says of all of them; None if it compared too few.
        """
        gone = [{"its_key": key} for key in rows]
        new = [{**self._place, "key": key, **row._asdict()} for key, row in rows.items()]
        with self._store.transaction(in_turn=True) as connection:
            connection.execute(sa.delete(column_samples).where(self._mine, _sample.key > highest))
            if new:
                is_it = _sample.key == sa.bindparam("its_key")
                connection.execute(sa.delete(column_samples).where(self._mine, is_it), gone)
                connection.execute(sa.insert(column_samples), new)
            if changing:
                connection.execute(sa.delete(changing_columns).where(self._of_stream))
                values = {**self._place, **changing._asdict()}
                connection.execute(sa.insert(changing_columns), [values])


def name_hash(column: str) -> bytes:
    """Return what stands for a column in the ledger, which has no names."""
    return digest("column", column, size=_SIZE)
