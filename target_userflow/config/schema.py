"""The JSON schema of the config: every setting with its type, default and meaning."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

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
    th.Property(
        "object",
        th.StringType,
        allowed_values=[*OBJECTS, IGNORE],
        description="What the stream is routed to.",
    ),
    th.Property(
        "mode",
        th.StringType,
        allowed_values=["upsert", "update", "insert"],
        description=(
            "`upsert`: create or update. `update`: skip what does not exist. `insert`: skip what "
            "does."
        ),
    ),
    th.Property(
        "match_by",
        th.StringType,
        description=(
            "An attribute such as `email`: find users or groups by it, and skip what matches none "
            "or several."
        ),
    ),
    th.Property(
        "fields",
        th.ObjectType(additional_properties=th.CustomType({"type": ["string", "null"]})),
        description=(
            "Which column has a role, where its name does not say so: role to column, or to null "
            "where none has it (with Meltano, which removes nulls, to `__NULL__`). `deleted_at` is "
            "the time of a row's deletion."
        ),
    ),
    th.Property(
        "event_name",
        th.StringType,
        description="The name of every event of the stream, where no column holds it.",
    ),
    th.Property(
        "nulls",
        th.StringType,
        allowed_values=["clear", "omit"],
        description="`clear`: a null unsets the attribute. `omit`: nulls are not sent.",
    ),
    th.Property(
        "operations",
        th.ObjectType(additional_properties=th.StringType(allowed_values=list(OPERATIONS))),
        description="Column to operation, for columns that hold its plain operand.",
    ),
    th.Property(
        "data_types",
        th.ObjectType(additional_properties=th.StringType(allowed_values=list(DATA_TYPES))),
        description="Column to data type, for attributes that must have one.",
    ),
    th.Property(
        "send",
        th.ArrayType(th.StringType),
        description=(
            "Columns to send that are left out otherwise: named like secrets, added by other "
            "loaders, or the key of an event."
        ),
    ),
    th.Property(
        "mirror",
        th.BooleanType,
        description=(
            "With `hard_delete`, for memberships that are read in full: end those of their users "
            "and groups that are not among them."
        ),
    ),
    additional_properties=False,
)

CONFIG_SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "api_key",
        th.StringType,
        secret=True,
        title="API key",
        description="Userflow API key of the environment to write to.",
    ),
    th.Property(
        "region",
        th.StringType,
        allowed_values=list(USERFLOW_URLS),
        default="us",
        title="Region",
        description="Where the Userflow environment is: `us` or `eu`.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        title="API URL",
        description=(
            "Another base URL, instead of `region`'s: https, or http on a loopback address, else "
            "see `allow_http`."
        ),
    ),
    th.Property(
        "allow_http",
        th.BooleanType,
        default=False,
        title="Allow http",
        description=(
            "Let the URLs of APIs be http beyond loopback addresses: for a sandbox in another "
            "container or on another machine. Keys and data go there in the clear."
        ),
    ),
    th.Property(
        "user_interviews_api_key",
        th.StringType,
        secret=True,
        title="User Interviews API key",
        description="User Interviews API key, for `participants`.",
    ),
    th.Property(
        "user_interviews_api_url",
        th.StringType,
        default=USER_INTERVIEWS_URL,
        title="User Interviews API URL",
        description="Base URL of User Interviews, such as that of its sandbox environment.",
    ),
    th.Property(
        "user_interviews_auth",
        th.StringType,
        allowed_values=["bearer", "apikey"],
        default="bearer",
        title="User Interviews authentication",
        description=(
            "`bearer`: the key goes into `Authorization`. `apikey`: into `user-interviews-apikey`. "
            "Sources differ."
        ),
    ),
    th.Property(
        "user_interviews_body",
        th.StringType,
        allowed_values=["json_api", "participants"],
        default="json_api",
        title="User Interviews body",
        description=(
            "`json_api`: a batch is a JSON:API document. `participants`: a plain list under that "
            "name. The reference is not public."
        ),
    ),
    th.Property(
        "userpilot_api_key",
        th.StringType,
        secret=True,
        title="Userpilot API key",
        description="Userpilot API token, for `userpilot_users`, `_companies` and `_events`.",
    ),
    th.Property(
        "userpilot_api_url",
        th.StringType,
        title="Userpilot API URL",
        description=(
            "Your region's base URL, such as https://analytex.userpilot.io (US) or "
            "https://analytex-eu.userpilot.io (EU); there is no default."
        ),
    ),
    th.Property(
        "streams",
        th.ObjectType(additional_properties=_STREAM_OPTIONS),
        default={},
        title="Stream options",
        description=(
            "Options per stream name or glob, the first that fits: `object`, `mode`, `match_by`, "
            "`fields`, `event_name`, `nulls`, `operations`, `data_types`, `send`."
        ),
    ),
    th.Property(
        "max_new_attributes",
        th.IntegerType(minimum=0),
        default=100,
        title="Max new attributes",
        description=(
            "Attribute names that a run may define in Userflow, where none can be deleted through "
            "the API: it stops before one more. 0: records with a new one are rejected."
        ),
    ),
    th.Property(
        "max_new_events",
        th.IntegerType(minimum=0),
        default=100,
        title="Max new events",
        description="Event names that a run may define in Userflow, likewise.",
    ),
    th.Property(
        "new_attributes",
        th.StringType,
        allowed_values=["allow", "reject"],
        default="allow",
        title="New attributes",
        description="`reject` is `max_new_attributes: 0`.",
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=100),
        default=10,
        title="Concurrency",
        description=(
            "Requests in flight to each product at most, 1 to 100; there are fewer where answers "
            "come so fast that more would take longer."
        ),
    ),
    th.Property(
        "requests_per_minute",
        th.IntegerType(minimum=1),
        title="Requests per minute",
        description="Hard budget per API key for all requests; unset, the API's 429 sets the pace.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1),
        default=30,
        title="Request timeout",
        description="Seconds a request and its whole answer may take; Userflow may hold it 15.",
    ),
    th.Property(
        "max_retry_seconds",
        th.IntegerType(minimum=0),
        default=300,
        title="Max retry seconds",
        description="How long one request is tried before its record is given up.",
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1),
        title="Batch size rows",
        description=(
            "Most records to hold before they are delivered and STATE is written; unset, as many "
            "as ten seconds deliver, at most 10,000."
        ),
    ),
    th.Property(
        "limit_group",
        th.StringType,
        default="",
        title="Limit group",
        description=(
            "Runs with the same one share `requests_per_minute` and what 429s taught, through a "
            "PostgreSQL ledger or the directory of a SQLite one; unset, those with the same key do."
        ),
    ),
    th.Property(
        "shard",
        th.StringType,
        title="Shard",
        description=(
            "`3/8`: deliver the third of eight parts of the keys, and skip the records of the "
            "others, which other runs deliver."
        ),
    ),
    th.Property(
        "max_rejects",
        th.IntegerType(minimum=0),
        default=0,
        title="Max rejects",
        description="Rejected records that a run may have and still exit with 0.",
    ),
    th.Property(
        "abort_reject_ratio",
        th.NumberType(minimum=0, maximum=1),
        default=0.5,
        title="Abort reject ratio",
        description=(
            "Stop early when more than this share of at least 100 records of a stream is rejected."
        ),
    ),
    th.Property(
        "dead_letter_dir",
        th.StringType,
        default=".target-userflow/dead-letters",
        title="Dead letter directory",
        description="Where rejected records are kept, as Singer messages ready to be replayed.",
    ),
    th.Property(
        "ledger",
        th.StringType,
        default=".target-userflow/ledger.db",
        title="Ledger",
        description=(
            "What was delivered, as hashes, and with `hard_delete` also the ids of what came with "
            "a version: a SQLite file, an SQLAlchemy URL when several machines share it, or an "
            "empty string for none."
        ),
    ),
    th.Property(
        "ledger_namespace",
        th.StringType,
        default="",
        title="Ledger namespace",
        description=(
            "Tells this tap's events from those of another tap that has streams of the same names: "
            "set it for all of these taps but the first."
        ),
    ),
    th.Property(
        "ledger_destination",
        th.StringType,
        default="",
        title="Ledger destination",
        description=(
            "What the ledger calls the environment that is written to, so that it stays the same "
            "one under a new key or URL; unset, it is one key of one URL."
        ),
    ),
    th.Property(
        "ledger_wait",
        th.IntegerType(minimum=0),
        default=60,
        title="Ledger wait",
        description=(
            "Seconds to wait for a SQLite ledger that another run has; 0: fail at once. A dry run "
            "reads it without waiting, and a PostgreSQL ledger takes several runs at a time."
        ),
    ),
    th.Property(
        "skip_unchanged",
        th.CustomType({"type": ["boolean", "string"], "pattern": "^(ledger|destination)$"}),
        default=False,
        title="Skip unchanged",
        description=(
            "Send only records that differ from what was last delivered (`true` or `ledger`), or "
            "from what Userflow has (`destination`), of which the attributes that differ."
        ),
    ),
    th.Property(
        "resync_days",
        th.IntegerType(minimum=0),
        default=7,
        title="Resync days",
        description=(
            "With `skip_unchanged: true`: send an unchanged record again after this many days; "
            "0: on every run."
        ),
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        default=False,
        title="Hard delete",
        description=(
            "Delete users, groups and memberships whose rows are gone: those with a date-time in "
            "`_sdc_deleted_at`, `_sdc_lsn_deleted_at` or the column of `fields.deleted_at`, and "
            "those that an `ACTIVATE_VERSION` leaves behind."
        ),
    ),
    th.Property(
        "max_delete_ratio",
        th.NumberType(minimum=0, maximum=1),
        default=0.1,
        title="Max delete ratio",
        description=(
            "Delete nothing, and stop, when an `ACTIVATE_VERSION` leaves more than this share of "
            "what the ledger knows behind, or when more than this share of a stream's records "
            "(20 or more) is of deleted rows."
        ),
    ),
    th.Property(
        "limit",
        th.IntegerType(minimum=1),
        title="Limit",
        description=(
            "Deliver the first records of each stream only, so many, to look at them: no STATE is "
            "written, nothing is deleted, and nothing of it hides them from a later run."
        ),
    ),
    th.Property(
        "report_path",
        th.StringType,
        title="Report path",
        description=(
            "Where the summary of a run goes, however it ends: as JSON, or as a page if its name "
            "ends with `.html`."
        ),
    ),
    th.Property(
        "metrics_path",
        th.StringType,
        title="Metrics path",
        description=(
            "Where counters of all runs go in the text format of Prometheus, such as "
            "`/var/lib/node_exporter/users.prom`; its name is that of the pipeline."
        ),
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        title="Dry run",
        description=(
            "Do everything but write to an API, the ledger or STATE, and show the first requests "
            "of each stream and what else would happen."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        default=USER_AGENT,
        title="User agent",
        description="The `User-Agent` header of every request.",
    ),
).to_dict()
