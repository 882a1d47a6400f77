"""The runs that are alive, and what each of them has of the limits that they share.

Each run has a row for each product that it writes to. It renews the row once a second; a row that
is not renewed for `LEASE` seconds is that of a run that died, and counts no more. A killed run is
known sooner: its connection is closed, and the server knows which there are.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from target_userflow.config.ledger_url import is_sqlite, url_of
from target_userflow.ledger.claims import BREAK, LEASE, Claim, is_alive
from target_userflow.ledger.database import failing, retried
from target_userflow.ledger.engine import engine_of, small_file_engine
from target_userflow.ledger.ledger import INTENT_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_userflow.clock import Clock

_FORGOTTEN = 3600.0  # seconds after which the row of a run that died is deleted
_LOCK = int.from_bytes(b"runs", "big")  # of those that renew at the same time

_runs = sa.Table(
    "ledger_runs",
    sa.MetaData(),  # apart from the ledger's own: nothing in it outlives a run
    sa.Column("owner", sa.LargeBinary(INTENT_SIZE), primary_key=True),
    sa.Column("limits", sa.LargeBinary(16), primary_key=True),
    sa.Column("wants", sa.Float(53), nullable=False),
    sa.Column("part", sa.Float(53), nullable=False),
    sa.Column("refused_until", sa.Float(53), nullable=False),
    sa.Column("until", sa.Float(53), nullable=False),
    sa.Column("backend", sa.Integer, nullable=False, server_default="0"),  # of its connection
)


class Now(NamedTuple):
    """What the database says of itself."""

    time: float
    """Seconds since the epoch, by the clock of a server, or of this machine for a file."""
    began: float = 0.0
    """When the server did begin."""
    backend: int = 0
    """The server's process of this connection."""


class Runs:
    """The rows of the runs that share a ledger.

    All methods raise StorageError if the database can't be read and written.
    """

    def __init__(self, setting: str, clock: Clock, max_retry_seconds: float = 0) -> None:
        """Open the database, and make the table where it is missing.

        Args:
            setting: A SQLAlchemy URL, or the path of a SQLite file that holds nothing else.
            clock: The time of rows in a file; in PostgreSQL its server's counts.
            max_retry_seconds: How long `alive` tries to reach a server that went away.

        Raises:
            StorageError: the database can't be opened.
        """
        self._url = url_of(setting)
        self._clock = clock
        self._max_retry_seconds = max_retry_seconds
        self.token = secrets.token_bytes(INTENT_SIZE)
        """What tells this run from others."""
        self._heard_at = self._since = 0.0
        """When the database last said anything, and since when it did so without a break."""
        with failing(self._url):
            is_file = is_sqlite(self._url)
            self._engine = small_file_engine(self._url) if is_file else engine_of(self._url)
            with self._engine.begin() as connection:
                now = self._take_turn(connection)
                _make_table(connection)
                connection.execute(sa.delete(_runs).where(_runs.c.until < now.time - _FORGOTTEN))

    def renew(self, limits: bytes, decide: Callable[[Sequence[Claim]], Claim]) -> list[Claim]:
        """Renew this run's row, in three statements: no other run decides at the same time.

        Args:
            limits: What tells these limits from others, 16 bytes.
            decide: What this run says of itself, given what the others say.

        Returns:
            What the others that are alive say.
        """
        with failing(self._url), self._engine.begin() as connection:
            now = self._take_turn(connection)
            rows = connection.execute(self._query.where(_runs.c.limits == limits)).all()
            others = [
                Claim(row.wants, row.part, max(0.0, row.refused_until - now.time))
                for row in rows
                if row.owner != self.token and self._is_alive(row, now)
            ]
            own = decide(others)
            connection.execute(self._upsert(), self._row(limits, own, now))
        return others

    def alive(self) -> set[bytes]:
        """Return the tokens of all runs that are alive."""
        with failing(self._url):
            return retried(
                self._alive,
                lambda error: isinstance(error, OperationalError),  # no connection, or not any more
                self._clock,
                self._max_retry_seconds,
            )

    def _alive(self) -> set[bytes]:
        with self._engine.begin() as connection:
            now = self._now(connection)
            rows = connection.execute(self._query).all()
        return {bytes(row.owner) for row in rows if self._is_alive(row, now)}

    def leave(self) -> None:
        """Delete this run's rows, so that others have its part at once, and close."""
        try:
            with failing(self._url), self._engine.begin() as connection:
                connection.execute(sa.delete(_runs).where(_runs.c.owner == self.token))
        finally:
            self._engine.dispose()

    @property
    def _query(self) -> sa.Select[Any]:
        """All rows, and whether the connection of each run is there: one look at all of them."""
        if is_sqlite(self._url):
            return sa.select(_runs, sa.true().label("is_connected"))
        pids: sa.Select[Any] = sa.select(sa.column("pid")).select_from(sa.text("pg_stat_activity"))
        unknown = _runs.c.backend == 0
        return sa.select(_runs, sa.or_(unknown, _runs.c.backend.in_(pids)).label("is_connected"))

    def _is_alive(self, row: Any, now: Now) -> bool:
        return is_alive(row.until, now.time, max(now.began, self._since), row.is_connected)

    def _row(self, limits: bytes, own: Claim, now: Now) -> dict[str, Any]:
        return {
            "owner": self.token,
            "limits": limits,
            "wants": own.wants,
            "part": own.part,
            "refused_until": now.time + own.refused_for if own.refused_for > 0 else 0.0,
            "until": now.time + LEASE,
            "backend": now.backend,
        }

    def _upsert(self) -> Any:
        statement = _INSERTS[self._url.get_backend_name()](_runs)
        columns = ("wants", "part", "refused_until", "until", "backend")
        return statement.on_conflict_do_update(
            index_elements=["owner", "limits"],
            set_={name: statement.excluded[name] for name in columns},
        )

    def _take_turn(self, connection: sa.Connection) -> Now:
        """Wait for others that renew."""
        if is_sqlite(self._url):  # each transaction locks the file
            return self._now(connection)
        return self._now(connection, sa.func.pg_advisory_xact_lock(_LOCK))

    def _now(self, connection: sa.Connection, *first: Any) -> Now:
        """Return the time by the database; note whether it had not answered for a while."""
        now = Now(self._clock.now().timestamp())
        if not is_sqlite(self._url):
            times = (sa.func.clock_timestamp(), sa.func.pg_postmaster_start_time())
            seconds = [sa.cast(sa.extract("epoch", time), sa.Float(53)) for time in times]
            query = sa.select(*first, *seconds, sa.func.pg_backend_pid())
            now = Now(*connection.execute(query).one()[-3:])
        if self._heard_at and now.time - self._heard_at > BREAK:
            self._since = now.time
        self._heard_at = now.time
        return now


def _make_table(connection: sa.Connection) -> None:
    """Make the table, in place of one that another version made: nothing in it outlives a run."""
    table = sa.inspect(connection)
    if table.has_table(_runs.name):
        columns = {column["name"] for column in table.get_columns(_runs.name)}
        if columns == set(_runs.c.keys()):
            return
        _runs.drop(connection)
    _runs.create(connection)


_INSERTS: dict[str, Any] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
