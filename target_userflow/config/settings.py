"""The settings as small frozen values, which the rest receives; `schema` describes each."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OBJECTS = (
    "users",
    "groups",
    "memberships",
    "events",
    "participants",
    "userpilot_users",
    "userpilot_companies",
    "userpilot_events",
)
IGNORE = "ignore"
PREFIXES = ("", "user_interviews_", "userpilot_")
"""The prefix of the settings of each product."""
OPERATIONS = ("set", "set_once", "add", "subtract", "append", "prepend", "remove")
DATA_TYPES = ("string", "number", "boolean", "datetime", "list")
USERFLOW_URLS = MappingProxyType(
    {"us": "https://api.userflow.com", "eu": "https://api.eu.userflow.com"}  # its newer reference
)
USER_INTERVIEWS_URL = "https://www.userinterviews.com"  # secondary sources
USER_AGENT = f"target-userflow/{version('target-userflow')}"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """The options of a stream; see the schema of the setting `streams`."""

    object: str | None = None
    mode: str = "upsert"
    match_by: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    event_name: str | None = None
    nulls: str = "clear"
    operations: Mapping[str, str] = field(default_factory=dict)
    data_types: Mapping[str, str] = field(default_factory=dict)
    send: Sequence[str] = ()
    mirror: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """The URL and key of an API; `auth` and `body` are for User Interviews."""

    url: str
    api_key: str = field(repr=False)
    auth: str = "bearer"
    body: str = "json_api"


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of requests to an API; times are in seconds."""

    concurrency: int = 10
    requests_per_minute: int | None = None
    request_timeout: float = 30
    max_retry_seconds: float = 300
    user_agent: str = USER_AGENT


@dataclass(frozen=True, slots=True)
class Settings:
    """A config without problems."""

    destinations: Mapping[str, Destination]
    """Prefix of a product's settings → its destination, if it has a key and a URL."""
    missing: Mapping[str, Sequence[str]]
    """Prefix of a product's settings → names of the settings that its destination lacks."""
    pace: Pace
    streams: Mapping[str, StreamOptions]
    max_rejects: int
    abort_reject_ratio: float
    dead_letter_dir: str
    ledger: str
    skip_unchanged: bool | str
    resync_days: int
    ledger_namespace: str = ""
    ledger_destination: str = ""
    ledger_wait: float = 60
    limit_group: str = ""
    shard: str | None = None
    splits: frozenset[str] = frozenset()
    """Streams that `stream_maps` makes beside others of the same stream of the tap."""
    new_attributes: str = "allow"
    max_new_attributes: int = 100
    max_new_events: int = 100
    limit: int | None = None
    hard_delete: bool = False
    max_delete_ratio: float = 0.1
    batch_size_rows: int | None = None
    report_path: str | None = None
    metrics_path: str | None = None
    dry_run: bool = False
    verifies: bool = False
    """Whether the run only compares: the option `--verify`."""
    counts_extra: bool = False
    """Whether it looks for what exists and is not in the input: the option `--extra`."""

    plan_of: Settings | None = None
    """The settings of the run that is planned: the option `--plan`."""

    def to_plan(self) -> Settings:
        """Return the settings of a run that only says what would become of its input."""
        plain = replace(self, ledger="", hard_delete=False, skip_unchanged=False)
        return replace(plain, dry_run=True, plan_of=self)

    def to_verify(self, *, extra: bool) -> Settings:
        """Return the settings of a run that only compares.

        Args:
            extra: Whether to look for what exists and is not in the input.
        """
        compared = replace(self, skip_unchanged="destination", ledger="", hard_delete=False)
        return replace(compared, verifies=True, counts_extra=extra, dry_run=True)

    @property
    def plans(self) -> bool:
        """Whether the run only says what would become of its input."""
        return self.plan_of is not None

    @property
    def compares_destination(self) -> bool:
        """Whether records are compared with what the destination has."""
        return self.skip_unchanged == "destination"

    @property
    def matched(self) -> set[str]:
        """The attributes by which records are matched with what exists: `match_by`."""
        return {options.match_by for options in self.streams.values() if options.match_by}

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Return the settings of a config.

        Args:
            config: A config without problems, with its defaults filled in.
        """
        missing = {
            prefix: [name for name, text in _key_and_url(config, prefix).items() if not text]
            for prefix in PREFIXES
        }
        values = {
            "destinations": {p: _destination(config, p) for p in PREFIXES if not missing[p]},
            "missing": missing,
            "pace": Pace(**_fields_of(Pace, config)),
            "splits": frozenset(_splits(config.get("stream_maps") or {})),
            "streams": _streams(config["streams"]),
        }
        if config.get("limit"):  # what is not read is not gone
            values["hard_delete"] = False
        return cls(**{**_fields_of(cls, config), **values})


def _streams(streams: Mapping[str, Any]) -> dict[str, StreamOptions]:
    return {
        name: StreamOptions(**_fields_of(StreamOptions, options))
        for name, options in streams.items()
    }


def _splits(stream_maps: Mapping[str, Any]) -> Iterator[str]:
    for name, stream_map in stream_maps.items():
        if isinstance(stream_map, dict) and "__source__" in stream_map:
            yield name


def _key_and_url(config: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return setting → key or URL of a product; empty where there is none."""
    names = f"{prefix}api_key", f"{prefix}api_url"
    defaults = {"api_url": USERFLOW_URLS[config["region"]]}
    return {name: config.get(name) or defaults.get(name, "") for name in names}


def _destination(config: Mapping[str, Any], prefix: str) -> Destination:
    key, url = _key_and_url(config, prefix).values()
    names = {name: f"{prefix}{name}" for name in ("auth", "body")}
    options = {name: config[setting] for name, setting in names.items() if setting in config}
    return Destination(url.rstrip("/"), key, **options)


def _fields_of(cls: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are fields of a class; an explicit null means the default."""
    names = {each.name for each in fields(cls)}
    return {name: value for name, value in config.items() if name in names and value is not None}
