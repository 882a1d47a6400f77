"""The remedies of rejections: the next step for each kind of reason."""

from __future__ import annotations

import re

_COLUMN = re.compile(r"^`.*?`: ")
"""The column that a reason names; the remedy is the same for all columns."""
_AT_THE_SOURCE = "mend it at the source or with stream_maps"
KEYS_STEP = (
    "if they are other events, set __key_properties__ in stream_maps, for instance with the "
    "status, or ledger_namespace where they are another tap's; if only columns changed, do nothing"
)
"""The remedy of duplicates whose body differs from what was delivered."""
_STEPS = (
    (
        r"breaks '.*' of the stream's schema",
        f"{_AT_THE_SOURCE}, or set validate_records to false to send what the API takes",
    ),
    (
        r"new_attributes is reject",
        "define the attribute in Userflow, leave its column out, or set new_attributes to allow",
    ),
    (
        r"^HTTP 409\b",
        "its dead letter holds what the API said, under error; something else has its place there",
    ),
    (r"^HTTP \d", "its dead letter holds what the API said, under error"),
    (
        r"^gave up",
        "nothing is wrong with it: replay it when the API is well, or raise max_retry_seconds",
    ),
    (r"^stream_maps (or flattening )?failed", "mend the expression in stream_maps"),
    (r"meet in attribute names", "rename one of the columns with stream_maps"),
    (
        r"operation|data_type|can't be read as",
        "look at operations and data_types of the stream, or convert the column with stream_maps",
    ),
    (
        r"event name",
        "set event_name or the column in fields, under streams, or mend the name with stream_maps",
    ),
    (r"^key property", "the tap's key must be in every record: mend it at the source"),
    (
        r"^([\w' ]+ is (missing|blank|neither|the word)|neither user_id|email is)",
        "name the column that holds it in fields, under streams, or leave such rows out",
    ),
)


def next_step(reason: str) -> str:
    """Return the remedy of a rejection.

    Args:
        reason: The reason of the rejection, as in the dead letter.
    """
    text = _COLUMN.sub("", reason)
    return next((step for pattern, step in _STEPS if re.search(pattern, text)), _AT_THE_SOURCE)
