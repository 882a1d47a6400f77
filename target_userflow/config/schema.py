"""The JSON schema of the config: every setting with its type, default and meaning."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from target_userflow.config.properties import choice, count, flag, schema_of, setting, share, text
from target_userflow.config.settings import (
    DATA_TYPES,
    IGNORE,
    OBJECTS,
    OPERATIONS,
    USER_AGENT,
    USER_INTERVIEWS_URL,
    USERFLOW_URLS,
)

_STREAM_OPTIONS = th.ObjectType(
    choice("object", [*OBJECTS, IGNORE], "What the stream is routed to."),
    choice(
        "mode",
        ["upsert", "update", "insert"],
        "`upsert`: create or update. `update`: skip what does not exist. `insert`: skip what does.",
    ),
    setting(
        "match_by",
        th.StringType(min_length=1),
        "An attribute such as `email`: find users or groups by it, and skip what matches none "
        "or several.",
    ),
    setting(
        "fields",
        th.ObjectType(
            additional_properties=th.CustomType({"type": ["string", "null"], "minLength": 1})
        ),
        "Which column has a role, where its name does not say so: role to column, or to null "
        "where none has it (with Meltano, which removes nulls, to `__NULL__`). `deleted_at` is "
        "the time of a row's deletion.",
    ),
    text("event_name", "The name of every event of the stream, where no column holds it."),
    choice(
        "nulls",
        ["clear", "omit"],
        "`clear`: a null unsets the attribute. `omit`: nulls are not sent.",
    ),
    setting(
        "operations",
        th.ObjectType(additional_properties=th.StringType(allowed_values=list(OPERATIONS))),
        "Column to operation, for columns that hold its plain operand.",
    ),
    setting(
        "data_types",
        th.ObjectType(additional_properties=th.StringType(allowed_values=list(DATA_TYPES))),
        "Column to data type, for attributes that must have one.",
    ),
    setting(
        "send",
        th.ArrayType(th.StringType),
        "Columns to send that are left out otherwise: named like secrets, added by other "
        "loaders, or the key of an event.",
    ),
    flag(
        "mirror",
        "With `hard_delete`, for memberships that are read in full: end those of their users "
        "and groups that are not among them.",
    ),
    additional_properties=False,
)

CONFIG_SCHEMA: dict[str, Any] = schema_of(
    text("api_key", "Userflow API key of the environment to write to.", secret=True),
    choice(
        "region", USERFLOW_URLS, "Where the Userflow environment is: `us` or `eu`.", default="us"
    ),
    text(
        "api_url",
        "Another base URL, instead of `region`'s: https, or http on a loopback address, else "
        "see `allow_http`.",
    ),
    flag(
        "allow_http",
        "Let the URLs of APIs be http beyond loopback addresses: for a sandbox in another "
        "container or on another machine. Keys and data go there in the clear.",
        default=False,
    ),
    text("user_interviews_api_key", "User Interviews API key, for `participants`.", secret=True),
    text(
        "user_interviews_api_url",
        "Base URL of User Interviews, such as that of its sandbox environment.",
        default=USER_INTERVIEWS_URL,
    ),
    choice(
        "user_interviews_auth",
        ["bearer", "apikey"],
        "`bearer`: the key goes into `Authorization`. `apikey`: into `user-interviews-apikey`. "
        "Sources differ.",
        title="User Interviews authentication",
        default="bearer",
    ),
    choice(
        "user_interviews_body",
        ["json_api", "participants"],
        "`json_api`: a batch is a JSON:API document. `participants`: a plain list under that "
        "name. The reference is not public.",
        default="json_api",
    ),
    text(
        "userpilot_api_key",
        "Userpilot API token, for `userpilot_users`, `_companies` and `_events`.",
        secret=True,
    ),
    text(
        "userpilot_api_url",
        "Your region's base URL, such as https://analytex.userpilot.io (US) or "
        "https://analytex-eu.userpilot.io (EU); there is no default.",
    ),
    setting(
        "streams",
        th.ObjectType(additional_properties=_STREAM_OPTIONS),
        "Options per stream name or glob, the first that fits: `object`, `mode`, `match_by`, "
        "`fields`, `event_name`, `nulls`, `operations`, `data_types`, `send`, `mirror`.",
        title="Stream options",
        default={},
    ),
    count(
        "max_new_attributes",
        "Attribute names that a run may define in Userflow, where none can be deleted through "
        "the API: it stops before one more. 0: records with a new one are rejected.",
        default=100,
    ),
    count(
        "max_new_events", "Event names that a run may define in Userflow, likewise.", default=100
    ),
    choice(
        "new_attributes",
        ["allow", "reject"],
        "`reject` is `max_new_attributes: 0`.",
        default="allow",
    ),
    count(
        "concurrency",
        "Requests in flight to each product at most, 1 to 100; there are fewer where answers "
        "come so fast that more would take longer.",
        minimum=1,
        maximum=100,
        default=10,
    ),
    count(
        "requests_per_minute",
        "Hard budget per API key for all requests; unset, the API's 429 sets the pace.",
        minimum=1,
    ),
    count(
        "request_timeout",
        "Seconds a request and its whole answer may take; Userflow may hold it 15.",
        minimum=1,
        default=30,
    ),
    count(
        "max_retry_seconds",
        "How long one request is tried before its record is given up.",
        default=300,
    ),
    count(
        "batch_size_rows",
        "Most records that are read and not settled: reading waits while they are that many, or "
        "have 32 MB. Unset, 3,000; 4,000 with `skip_unchanged: destination`.",
        minimum=1,
    ),
    text(
        "limit_group",
        "Runs with the same one share `requests_per_minute` and what 429s taught, through a "
        "PostgreSQL ledger or the directory of a SQLite one; unset, those with the same key do.",
        default="",
    ),
    text(
        "shard",
        "`3/8`: deliver the third of eight parts of the keys, and skip the records of the "
        "others, which other runs deliver.",
    ),
    count("max_rejects", "Rejected records that a run may have and still exit with 0.", default=0),
    share(
        "abort_reject_ratio",
        "Stop early when more than this share of at least 100 records of a stream is rejected.",
        default=0.5,
    ),
    text(
        "dead_letter_dir",
        "Where rejected records are kept, as Singer messages ready to be replayed.",
        title="Dead letter directory",
        default=".target-userflow/dead-letters",
    ),
    text(
        "ledger",
        "What was delivered, as hashes, and with `hard_delete` also the ids of what came with "
        "a version: a SQLite file, an SQLAlchemy URL when several machines share it, or an "
        "empty string for none.",
        default=".target-userflow/ledger.db",
    ),
    text(
        "ledger_namespace",
        "Tells this tap's events from those of another tap that has streams of the same names: "
        "set it for all of these taps but the first.",
        default="",
    ),
    text(
        "ledger_destination",
        "What the ledger calls the environment that is written to, so that it stays the same "
        "one under a new key or URL; unset, it is one key of one URL.",
        default="",
    ),
    count(
        "ledger_wait",
        "Seconds to wait for a SQLite ledger that another run has; 0: fail at once. A dry run "
        "reads it without waiting, and a PostgreSQL ledger takes several runs at a time.",
        default=60,
    ),
    setting(
        "skip_unchanged",
        th.CustomType({"type": ["boolean", "string"], "pattern": "^(ledger|destination)$"}),
        "Send only records that differ from what was last delivered (`true` or `ledger`), or "
        "from what Userflow has (`destination`), of which the attributes that differ.",
        default=False,
    ),
    count(
        "resync_days",
        "With `skip_unchanged: true`: send an unchanged record again after this many days; "
        "0: on every run.",
        default=7,
    ),
    flag(
        "hard_delete",
        "Delete users, groups and memberships whose rows are gone: those with a date-time in "
        "`_sdc_deleted_at`, `_sdc_lsn_deleted_at` or the column of `fields.deleted_at`, and "
        "those that an `ACTIVATE_VERSION` leaves behind.",
        default=False,
    ),
    share(
        "max_delete_ratio",
        "Delete nothing, and stop, when an `ACTIVATE_VERSION` leaves more than this share of "
        "what the ledger knows behind, or when more than this share of a stream's records "
        "(20 or more) is of deleted rows.",
        default=0.1,
    ),
    count(
        "limit",
        "How many records of each stream are delivered, from its first, to look at them. No STATE "
        "is written, nothing is deleted, and a later run delivers all but the same events.",
        minimum=1,
    ),
    text(
        "report_path",
        "Where the summary of a run goes, however it ends: as JSON, or as a page if its name "
        "ends with `.html`.",
    ),
    text(
        "metrics_path",
        "Where counters of all runs go in the text format of Prometheus, such as "
        "`/var/lib/node_exporter/users.prom`; its name is that of the pipeline.",
    ),
    flag(
        "dry_run",
        "Do everything but write to an API, the ledger or STATE, and show the first requests "
        "of each stream and what else would happen.",
        default=False,
    ),
    text("user_agent", "The `User-Agent` header of every request.", default=USER_AGENT),
)
