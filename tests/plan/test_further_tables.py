"""Tables of many sources: those that are harmless are not stopped, and mistakes are."""

from __future__ import annotations

from typing import Any

import pytest

from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.config.settings import StreamOptions
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.secret_names import is_secret
from target_userflow.plan.doubts import Doubts

TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "int": {"type": ["integer", "null"]},
    "num": {"type": ["number", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "date": {"type": ["string", "null"], "format": "date"},
    "json": {"type": ["object", "null"]},
    "list": {"type": ["array", "null"]},
}


def doubts(kind: str, columns: str, keys: str = "", **options: Any) -> list[str]:
    """The doubts of a table whose columns are written as `name:type`; rows differ in all keys."""
    pairs = [part.split(":") for part in columns.split()]
    properties = {name: TYPES[kind_of[0] if kind_of else "text"] for name, *kind_of in pairs}
    stream = Stream("t", properties, keys.split(), StreamOptions(**options))
    found = Doubts(stream, mapper(OBJECT_TYPES[kind], stream))
    for row in range(3):
        found.see({name: f"{name}{row}" for name in properties})
    return found.lines()


Tables = dict[str, tuple[Any, ...]]
HARMLESS: Tables = {
    "dbt dim_users": ("users", "user_id email plan first_seen_at:time dbt_updated_at:time",
        "user_id"),
    "dbt fct_events": ("events", "event_id user_id event_name occurred_at:time loaded_at:time",
        "event_id"),
    "dbt hashed key": ("users", "customer_sk email segment", "customer_sk"),
    "dbt mart without a key": ("users", "id user_id email", ""),
    "rails users": ("users", "id:int email confirmed_at:time locked_at:time created_at:time", "id"),
    "rails organisations": ("groups", "id:int name owner_id:int created_at:time", "id"),
    "rails memberships": ("memberships", "id:int user_id:int group_id:int created_at:time", "id"),
    "rails join table": ("memberships", "user_id:int group_id:int", "user_id group_id"),
    "ahoy": ("events", "id:int visit_id:int user_id:int name properties:json time:time", "id"),
    "devise": ("users", "id:int email sign_in_count:int current_sign_in_at:time", "id"),
    "django users": ("users", "id:int username date_joined:time last_login:time", "id"),
    "django uuid": ("users", "uuid email is_staff:flag", "uuid"),
    "django log": ("events", "id:int user_id:int event timestamp:time", "id"),
    "laravel users": ("users", "id:int name email email_verified_at:time", "id"),
    "salesforce contact": ("users", "Id Email AccountId OwnerId LastModifiedDate:time", "Id"),
    "salesforce account": ("groups", "Id Name OwnerId ParentId", "Id"),
    "salesforce by email": ("users", "Id Email user_id", "Id", {"match_by": "Email"}),
    "hubspot contact": ("users", "id email hubspot_owner_id createdate:time", "id"),
    "hubspot company": ("groups", "id name domain hs_lastmodifieddate:time", "id"),
    "stripe customer": ("users", "id email default_source created:int", "id"),
    "stripe as groups": ("groups", "id name subscription_status", "id"),
    "segment track": ("events", "id user_id event timestamp:time sent_at:time", "id"),
    "segment group": ("groups", "group_id name employees:int", "group_id"),
    "snowplow": ("events", "event_id user_id event_name time:time derived_tstamp:time", "event_id"),
    "ga4": ("events", "user_id event_name timestamp:int event_date", ""),
    "amplitude": ("events", "uuid user_id event_type event_time:time", "uuid",
                  {"fields": {"name": "event_type", "time": "event_time"}}),
    "mixpanel": ("events", "distinct_id event time:int",
        "", {"fields": {"user_id": "distinct_id"}}),
    "intercom": ("users", "id email created_at:int last_seen_at:int", "id"),
    "zendesk org": ("groups", "id name domain_names:list", "id"),
    "pipedrive": ("users", "id email org_id owner_id", "id"),
    "chargebee": ("groups", "id plan_id trial_end:int", "id"),
    "airtable": ("users", "id Email Plan createdTime:time", "id"),
    "singer keys": ("users", "_sdc_primary_key id email", "_sdc_primary_key"),
    "singer sequence": ("users", "id email _sdc_sequence:int", "id _sdc_sequence"),
    "fivetran id": ("users", "_fivetran_id user_id email", "_fivetran_id"),
    "airbyte id": ("users", "_airbyte_raw_id user_id email", "_airbyte_raw_id"),
    "dlt id": ("users", "_dlt_id user_id email", "_dlt_id"),
    "same id twice": ("users", "user_id email", "user_id"),
    "api timings": ("events", "id user_id event time:time response_time:num load_time_ms:int",
        "id"),
    "no time at all": ("events", "id user_id event page referrer", "id"),
    "day of an event": ("events", "id user_id event day:date", "id"),
    "durations": ("events", "id user_id event wait_time:num", "id"),
    "flags": ("events", "id user_id event is_at:flag was_created:flag", "id"),
    "list of groups": ("users", "id group_id:list prune_memberships:flag", "id"),
    "a row for a user": ("users", "id group_id prune_memberships:flag", "id"),
    "nps": ("events", "id user_id event score:int responded_at:time", "id",
            {"fields": {"time": "responded_at"}}),
    "arrival meant": ("events", "id user_id event created_at:time",
        "id", {"fields": {"time": None}}),
    "userpilot": ("userpilot_users", "id email created_at:time company:json", "id"),
    "research": ("participants", "id email first_name created_at:time", "id"),
}  # fmt: skip
MISTAKEN: Tables = {
    "rails contacts": ("users", "id:int user_id:int email", "id"),
    "segment identifies": ("users", "id user_id email received_at:time", "id"),
    "devices": ("users", "device_id user_id os", "device_id"),
    "subscriptions": ("groups", "subscription_id group_id plan", "subscription_id"),
    "tenants": ("users", "tenant_id id email", "tenant_id id"),
    "history": ("users", "user_id valid_from:time plan", "user_id valid_from"),
    "snapshot": ("groups", "group_id dbt_scd_id", "dbt_scd_id"),
    "django log": ("events", "id user_id event created_at:time", "id"),
    "rails versions": ("events", "id user_id event created_at:time item_type", "id"),
    "laravel log": ("events", "id user_id event created_at updated_at", "id"),
    "stripe": ("events", "id user_id event created:int", "id"),
    "snowplow": ("events", "event_id user_id event_name collector_tstamp:time", "event_id"),
    "ga4": ("events", "user_id event_name event_timestamp:int", ""),
    "camel case": ("events", "id user_id event createdAt", "id"),
    "any date-time": ("events", "id user_id event happened:time", "id"),
    "orgs": ("users", "user_id group_id prune_memberships:flag", ""),
    "orgs with a key": ("users", "row user_id group_id prune_memberships:flag", "row",
                        {"fields": {"user_id": "user_id"}}),
}  # fmt: skip
SECRETS = (
    "password", "password_hash", "passwordDigest", "encrypted_password", "hashed_password",
    "reset_password_token", "authToken", "access_token", "refresh_token", "id_token", "api_key",
    "apiKey", "API_KEY", "x-api-key", "stripe_secret", "client_secret", "otp", "mfa_otp", "salt",
    "password_salt", "ssn", "iban", "card_number", "cardNumber", "db_passwd", "secret_key",
    "api_token", "bearer_token", "private_key", "passwd_hash",
)  # fmt: skip
OPEN = (
    "tokens_used", "token_count", "password_changed_at", "password_set", "has_password",
    "secretary",
    "secret_santa", "salted", "salt_level", "basalt", "api_key_count", "api_keys", "tokens",
    "iban_country", "ssn_verified", "card_number_last4", "card_brand", "otp_enabled", "passwords",
    "hotpot", "token_balance", "max_tokens", "last_token_at", "secretion", "broken", "lesson",
    "issn", "key", "public_key", "primary_key", "foreign_key", "keyboard", "monkey",
)  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_table_is_not_stopped(name: str) -> None:
    """A doubt that cries wolf is soon not read any more."""
    kind, columns, keys, *options = HARMLESS[name]
    assert doubts(kind, columns, keys, **(options[0] if options else {})) == []


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_mistaken_table_is_stopped_once(name: str) -> None:
    """For one reason each."""
    kind, columns, keys, *options = MISTAKEN[name]
    assert len(doubts(kind, columns, keys, **(options[0] if options else {}))) == 1


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    """However it is written."""
    assert is_secret(name, TYPES["text"])


@pytest.mark.parametrize("name", OPEN)
def test_what_only_sounds_like_a_secret_is_sent(name: str) -> None:
    """Numbers of tokens, times of changes, and words that hold one of a secret's."""
    assert not is_secret(name, TYPES["text"])


@pytest.mark.parametrize("kind", ["text", "int", "flag"])
def test_whether_there_is_a_secret_is_no_secret(kind: str) -> None:
    """Also where a database has no booleans."""
    assert not any(is_secret(name, TYPES[kind]) for name in ("has_password", "is_otp", "hasToken"))
