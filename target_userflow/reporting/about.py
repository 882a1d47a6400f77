"""The text of `--about`: what the target is, and its settings with their meaning and default."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from target_userflow.reporting.stream_table import WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.about import AboutInfo

_INDENT = "      "


def about_text(info: AboutInfo) -> str:
    """Return the text.

    Args:
        info: What the SDK knows of the target.
    """
    return "\n".join(_lines(info))


def _lines(info: AboutInfo) -> Iterator[str]:
    yield f"{info.name} {info.version} (Meltano SDK {info.sdk_version})"
    yield f"{info.description}"
    yield ""
    yield f"Python: {', '.join(info.supported_python_versions or ())}"
    yield from _wrapped(f"Capabilities: {', '.join(map(str, info.capabilities))}", "", "  ")
    yield ""
    yield "Settings, in a config file or, with --config ENV, in environment variables:"
    for name, schema in info.settings["properties"].items():
        yield ""
        yield f"  {name}  ({_kind(schema)})"
        yield from _wrapped(f"{schema.get('description', '')}", _INDENT, _INDENT)
        yield from _default(schema)
        yield f"{_INDENT}Variable: {info.env_var_prefix}{name.upper()}"


def _kind(schema: Mapping[str, Any]) -> str:
    types = [kind for kind in schema.get("type", ()) if kind != "null"]
    choices = [str(choice) for choice in schema.get("enum", ()) if choice is not None]
    secret = ["secret"] if schema.get("secret") else []
    return ", ".join([" or ".join(choices) or " or ".join(types), *secret])


def _default(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("default") is not None:
        yield f"{_INDENT}Default: {json.dumps(schema['default'])}"


def _wrapped(text: str, first: str, others: str) -> list[str]:
    plain = " ".join(text.split())
    return textwrap.wrap(
        plain,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
