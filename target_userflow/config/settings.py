"""The settings as the small frozen values that the rest receives; see `config_schema` for all."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
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
"""What the settings of each product start with."""
OPERATIONS = ("set", "set_once", "add", "subtract", "append", "prepend", "remove")
DATA_TYPES = ("string", "number", "boolean", "datetime", "list")
USERFLOW_URLS = MappingProxyType(
    {"us": "https://api.userflow.com", "eu": "https://api.eu.userflow.com"}  # eu: 3 other sources
)
USER_INTERVIEWS_URL = "https://www.userinterviews.com"  # secondary sources
USER_AGENT = f"target-userflow/{version('target-userflow')}"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """The options of one stream; each means what its setting says."""

    object: str | None = None
    mode: str = "upsert"
    match_by: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    event_name: str | None = None
    nulls: str = "clear"
    operations: Mapping[str, str] = field(default_factory=dict)
    data_types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Destination:
    """One API under one key; `auth` and `body` are for User Interviews."""

    url: str
    api_key: str = field(repr=False)
    auth: str = "bearer"
    body: str = "json_api"


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard an API may be asked; durations in seconds."""

    concurrency: int = 10
    requests_per_minute: int | None = None
    request_timeout: float = 30
    max_retry_seconds: float = 300
    user_agent: str = USER_AGENT


@dataclass(frozen=True, slots=True)
class Settings:
    """A config that has passed `config.problems`."""

    destinations: Mapping[str, Destination]
    """By the prefix of their settings, those with a key and a URL."""
    missing: Mapping[str, Sequence[str]]
    """By the same prefix, the settings that the others lack."""
    pace: Pace
    streams: Mapping[str, StreamOptions]
    max_rejects: int
    abort_reject_ratio: float
    dead_letter_dir: str
    ledger: str
    skip_unchanged: bool
    resync_days: int
    ledger_namespace: str = ""
    ledger_destination: str = ""
    splits: frozenset[str] = frozenset()
    """The streams that `stream_maps` makes beside others of the same tap stream."""
    new_attributes: str = "allow"
    hard_delete: bool = False
    max_delete_ratio: float = 0.1
    batch_size_rows: int | None = None
    report_path: str | None = None
    dry_run: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Make the values of a config whose defaults are filled in."""
        streams = {
            name: StreamOptions(**_named(options, StreamOptions))
            for name, options in config["streams"].items()
        }
        missing = {
            prefix: [name for name, text in _texts(config, prefix).items() if not text]
            for prefix in PREFIXES
        }
        parts = {
            "destinations": {p: _destination(config, p) for p in PREFIXES if not missing[p]},
            "missing": missing,
            "pace": Pace(**_named(config, Pace)),
            "splits": frozenset(_splits(config.get("stream_maps") or {})),
        }
        return cls(**{**_named(config, cls), **parts, "streams": streams})


def _splits(stream_maps: Mapping[str, Any]) -> Iterator[str]:
    for name, one in stream_maps.items():
        if isinstance(one, dict) and "__source__" in one:
            yield name


def _texts(config: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Key and URL of a product by the names of their settings; empty where there is none."""
    names = f"{prefix}api_key", f"{prefix}api_url"
    defaults = {"api_url": USERFLOW_URLS[config["region"]]}
    return {name: config.get(name) or defaults.get(name, "") for name in names}


def _destination(config: Mapping[str, Any], prefix: str) -> Destination:
    key, url = _texts(config, prefix).values()
    names = {name: f"{prefix}{name}" for name in ("auth", "body")}
    of_product = {name: config[full] for name, full in names.items() if full in config}
    return Destination(url.rstrip("/"), key, **of_product)


def _named(config: Mapping[str, Any], cls: type) -> dict[str, Any]:
    """What of `config` the class takes; an explicit null means its default."""
    names = {one.name for one in fields(cls)}
    return {name: value for name, value in config.items() if name in names and value is not None}
