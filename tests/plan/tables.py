"""Tables as people have them: columns and types after public docs, values invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TEXT: dict[str, Any] = {"type": ["string", "null"]}
INT: dict[str, Any] = {"type": ["integer", "null"]}
NUMBER: dict[str, Any] = {"type": ["number", "null"]}
FLAG: dict[str, Any] = {"type": ["boolean", "null"]}
TIME: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
JSON: dict[str, Any] = {"type": ["object", "null"]}
LIST: dict[str, Any] = {"type": ["array", "null"], "items": {"type": ["string"]}}
WHEN = "2026-01-02T03:04:05+00:00"
_VALUES: dict[str, Any] = {
    "string": "some text",
    "integer": 12,
    "number": 12.5,
    "boolean": True,
    "object": {"theme": "dark"},
    "array": ["a", "b"],
}


@dataclass(frozen=True)
class Table:
    """A table of a source, and what is likely to go wrong with it."""

    name: str
    object: str
    columns: dict[str, Any]
    keys: str = "id"
    values: dict[str, Any] = field(default_factory=dict)
    """Values of columns that the type alone does not say."""
    options: dict[str, Any] = field(default_factory=dict)
    rows: int = 3
    vary: dict[str, str] = field(default_factory=dict)
    """Columns whose values differ: a format of the row's number."""

    def records(self) -> list[dict[str, Any]]:
        """The rows."""
        return [
            {column: self._value(column, number) for column in self.columns}
            for number in range(self.rows)
        ]

    def _value(self, column: str, number: int) -> Any:
        if column in self.vary:
            return self.vary[column].format(number)
        if column in self.values:
            return self.values[column]
        schema = self.columns[column]
        if schema.get("format") == "date-time":
            return WHEN
        kind = schema["type"][0]
        if column in self.keys.split() or column.endswith("_id"):
            return number if kind == "integer" else f"{column}-{number}"
        return _VALUES[kind]


TABLES = [
    Table(
        "dbt-dim_customers",
        "users",
        {
            "customer_id": TEXT,
            "email": TEXT,
            "full_name": TEXT,
            "mrr": TEXT,
            "is_trial": INT,
            "first_order_at": TIME,
        },
        "customer_id",
        {"mrr": "12.50", "is_trial": 1, "email": "ada@example.com"},
    ),
    Table(
        "dbt-fct_orders",
        "events",
        {"order_id": TEXT, "user_id": TEXT, "status": TEXT, "ordered_at": TIME, "total": NUMBER},
        "order_id",
        options={"event_name": "order placed"},
    ),
    Table(
        "dbt-dim_accounts",
        "groups",
        {"account_id": TEXT, "account_name": TEXT, "seats": INT, "valid_from": TEXT},
        "account_id",
        {"valid_from": "2026-01-02 03:04:05"},
    ),
    Table(
        "dbt-scd_users",
        "users",
        {"user_id": TEXT, "dbt_valid_from": TIME, "plan": TEXT},
        "user_id dbt_valid_from",
        vary={"dbt_valid_from": "2026-01-1{0}T00:00:00+00:00", "user_id": "u"},
    ),
    Table(
        "rails-users",
        "users",
        {
            "id": INT,
            "email": TEXT,
            "encrypted_password": TEXT,
            "reset_password_token": TEXT,
            "otp_secret": TEXT,
            "sign_in_count": INT,
            "created_at": TIME,
        },
        values={"email": "ada@example.com"},
    ),
    Table(
        "rails-contacts",
        "users",
        {"id": INT, "user_id": INT, "first_name": TEXT, "email": TEXT, "created_at": TIME},
        values={"user_id": 7, "email": "ada@example.com"},
    ),
    Table(
        "rails-ahoy_events",
        "events",
        {
            "id": INT,
            "visit_id": INT,
            "user_id": INT,
            "name": TEXT,
            "properties": JSON,
            "time": TIME,
        },
        values={"name": "Viewed book"},
    ),
    Table(
        "rails-memberships",
        "memberships",
        {"id": INT, "user_id": INT, "group_id": INT, "role": TEXT, "created_at": TIME},
    ),
    Table(
        "django-auth_user",
        "users",
        {
            "id": INT,
            "password": TEXT,
            "last_login": TIME,
            "is_superuser": FLAG,
            "username": TEXT,
            "email": TEXT,
            "date_joined": TIME,
        },
        values={"email": "ada@example.com"},
    ),
    Table(
        "django-audit_log",
        "events",
        {"id": INT, "user_id": INT, "event": TEXT, "created_at": TIME, "detail": TEXT},
        values={"event": "login"},
    ),
    Table(
        "stripe-customers",
        "users",
        {
            "id": TEXT,
            "object": TEXT,
            "email": TEXT,
            "name": TEXT,
            "balance": INT,
            "created": INT,
            "metadata": JSON,
        },
        values={"object": "customer", "created": 1767323045},
    ),
    Table(
        "stripe-events",
        "events",
        {"id": TEXT, "customer": TEXT, "type": TEXT, "created": INT, "livemode": FLAG},
        values={"type": "invoice paid", "created": 1767323045, "customer": "cus_1"},
        options={"fields": {"user_id": "customer", "name": "type"}},
    ),
    Table(
        "hubspot-contacts",
        "users",
        {
            "id": TEXT,
            "email": TEXT,
            "firstname": TEXT,
            "lifecyclestage": TEXT,
            "num_notes": TEXT,
            "hs_email_optout": TEXT,
            "updatedAt": TIME,
        },
        values={"num_notes": "3", "hs_email_optout": "false"},
    ),
    Table(
        "hubspot-companies",
        "groups",
        {"id": TEXT, "company_name": TEXT, "annualrevenue": TEXT, "numberofemployees": TEXT},
        values={"annualrevenue": "100000", "numberofemployees": "40"},
    ),
    Table(
        "salesforce-Contact",
        "users",
        {"Id": TEXT, "Email": TEXT, "Name": TEXT, "IsDeleted": FLAG, "CreatedDate": TIME},
        "Id",
    ),
    Table(
        "salesforce-Account",
        "groups",
        {"Id": TEXT, "Name": TEXT, "Industry": TEXT, "NumberOfEmployees": INT},
        "Id",
    ),
    Table(
        "segment-tracks",
        "events",
        {
            "id": TEXT,
            "user_id": TEXT,
            "event": TEXT,
            "event_text": TEXT,
            "timestamp": TIME,
            "received_at": TIME,
            "context_page_path": TEXT,
        },
        values={"event": "order_completed"},
    ),
    Table(
        "segment-identifies",
        "users",
        {"id": TEXT, "user_id": TEXT, "email": TEXT, "received_at": TIME},
    ),
    Table(
        "snowplow-events",
        "events",
        {
            "event_id": TEXT,
            "user_id": TEXT,
            "event_name": TEXT,
            "event": TEXT,
            "collector_tstamp": TIME,
            "derived_tstamp": TIME,
            "app_id": TEXT,
        },
        "event_id",
        {"event_name": "page_view", "event": "unstruct"},
    ),
    Table(
        "ga4-events",
        "events",
        {"user_id": TEXT, "event_name": TEXT, "event_date": TEXT, "event_timestamp": INT},
        "",
        {"event_timestamp": 1767323045000000, "event_date": "20260102", "event_name": "scroll"},
    ),
    Table(
        "fivetran-users",
        "users",
        {
            "id": INT,
            "Email": TEXT,
            "_fivetran_synced": TIME,
            "_fivetran_deleted": FLAG,
            "api_key": TEXT,
            "tokens_used": INT,
        },
    ),
    Table(
        "airbyte-customers",
        "users",
        {
            "id": TEXT,
            "_airbyte_raw_id": TEXT,
            "_airbyte_extracted_at": TIME,
            "display-name": TEXT,
            "subscribed_at": INT,
        },
        values={"subscribed_at": 1767323045},
    ),
    Table(
        "app-projects",
        "users",
        {"id": TEXT, "usage": JSON},
        values={"usage": {f"project {number}": number for number in range(101)}},
    ),
    Table(
        "app-user_orgs",
        "users",
        {"user_id": TEXT, "group_id": TEXT, "prune_memberships": FLAG},
        "",
    ),
    Table(
        "app-customer_events",
        "events",
        {"user_id": TEXT, "event": TEXT, "name": TEXT},
        "",
        {"event": "signed in"},
        vary={"name": "customer {0}"},
    ),
    Table(
        "app-tags",
        "users",
        {"id": TEXT, "tags": LIST, "logins": TEXT, "plan": TEXT},
        values={"logins": "many"},
    ),
]
