"""The sink of a stream that is left out on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.singer.sdk import SdkSink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.singer.message import Message


class IgnoredSink(SdkSink):
    """Drops all messages of its stream."""

    def leaves(self, record: Mapping[str, Any]) -> bool:  # noqa: ARG002 - as `UserflowSink.leaves`
        """Return that no other shard delivers it."""
        return False

    def take(self, message: Message, version: int | None, record: dict[str, Any]) -> None:
        """Do nothing with a record."""

    def reject_unmapped(self, message: Message, version: int | None, error: Exception) -> None:
        """Do nothing with a record that the stream maps could not handle."""

    def announce(self, message: Message, version: int) -> None:
        """Do nothing with a version."""

    def activate(self, *, complete: bool) -> None:
        """Do nothing with a version that was announced."""
