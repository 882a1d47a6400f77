"""Text that holds a JSON array or object, as Snowflake's VARIANT, OBJECT and ARRAY columns do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from target_userflow.errors import RejectRecord

_decode = msgspec.json.Decoder(float_hook=Decimal).decode  # no digit gets lost


def unpacked(value: Any) -> Any:
    """Return the array or object that a text holds; any other value as it is.

    Raises:
        RejectRecord: the array or object is nested too deeply.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in {"[", "{"}:
        return value
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return value
    except RecursionError:
        raise RejectRecord("it is nested too deeply") from None
