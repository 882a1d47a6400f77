"""The SQL of the marks of what was delivered; what each database calls an upsert."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from target_userflow.ledger.tables import CHUNK, delivered


def counted_rows(destination: int, limit: int) -> Any:
    """Return a query that counts the rows of a destination, up to a limit."""
    mine = delivered.c.destination == destination
    return sa.select(sa.func.count()).select_from(
        sa.select(delivered.c.day).where(mine).limit(limit).subquery()
    )


def _upsert(insert: Any) -> Any:
    statement = insert(delivered)
    columns = {"mark": statement.excluded.mark, "day": statement.excluded.day}
    return statement.on_conflict_do_update(index_elements=["destination", "key"], set_=columns)


KEY_NAMES = [f"key_{number}" for number in range(CHUNK)]
_RAW_COLUMNS: list[Any] = [
    sa.type_coerce(column, sa.types.NullType)  # `rows` makes bytes of them, and once is enough
    for column in (delivered.c.key, delivered.c.mark, delivered.c.day)
]
LOOK_UP = sa.select(*_RAW_COLUMNS).where(  # always as many keys, so that it is compiled once
    delivered.c.destination == sa.bindparam("its"),
    _RAW_COLUMNS[0].in_([sa.bindparam(name, type_=sa.types.NullType()) for name in KEY_NAMES]),
)
UPSERTS = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}
_IS_IT = sa.and_(
    delivered.c.destination == sa.bindparam("its_destination"),
    delivered.c.key == sa.bindparam("its_key"),
)
DELETE = sa.delete(delivered).where(_IS_IT)
REPLACE = (
    sa.update(delivered)
    .where(_IS_IT, delivered.c.mark == sa.bindparam("its_mark"))
    .values(mark=sa.bindparam("mark_"), day=sa.bindparam("day_"))
)
DELETE_MARKED = DELETE.where(delivered.c.mark == sa.bindparam("its_mark"))
DELETE_CHANGED = DELETE.where(delivered.c.mark != sa.bindparam("mark_"))
TAKE_OVER = (  # once more, where the answer to a commit got lost
    sa.update(delivered)
    .where(_IS_IT, delivered.c.mark.in_([sa.bindparam("its_mark"), sa.bindparam("mark_")]))
    .values(mark=sa.bindparam("mark_"), day=sa.bindparam("day_"))
)


def _claim() -> Any:
    """Insert a row; one that is there already stays, and counts if it is the same."""
    statement = postgresql.insert(delivered)
    return statement.on_conflict_do_update(
        index_elements=["destination", "key"],
        set_={"day": statement.excluded.day},
        where=delivered.c.mark == statement.excluded.mark,
    ).returning(delivered.c.destination, delivered.c.key)


CLAIM = _claim()
