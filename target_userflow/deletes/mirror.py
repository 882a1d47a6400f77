"""The memberships that a stream holds in full, and those that exist beside them: `mirror`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.apis.userflow.reading import MEMBERSHIPS, users
from target_userflow.errors import TooManyDeletions
from target_userflow.listed.seen import SeenObjects
from target_userflow.listed.view import key_of
from target_userflow.lookup.object_list import ObjectList

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.listing import ExistingObject
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.ledger.delivered_rows import Ids
    from target_userflow.lookup.pages import Reads


class MembershipMirror:
    """The memberships of the users and groups of one stream, as the API tells them.

    Those that the stream does not hold are left behind. Users and groups that it does not hold
    either are no concern of it, and nor are their memberships among themselves.
    """

    def __init__(
        self, reads: Reads, stream: str, object_type: ObjectType, max_delete_ratio: float
    ) -> None:
        """Begin without a membership.

        Args:
            reads: The way to the API.
            stream: The stream's name, for messages.
            object_type: The memberships.
            max_delete_ratio: The share of the memberships that may be left behind.
        """
        self._reads = reads
        self._stream = stream
        self.object_type = object_type
        self._ratio = max_delete_ratio
        self._held = SeenObjects()
        self._is_empty = True
        self._has_unnamed = False
        self.announced: int | None = None
        """Its version, or 0, until what it leaves behind is deleted."""
        self.line = 0
        """As in `Table`."""

    @property
    def is_watched(self) -> bool:
        """Whether it matters which of its rows are delivered: what exists is asked for."""
        return False

    def see(self, version: int, line: int, ids: Ids | None, *, rejected: bool) -> None:  # noqa: ARG002 - a rejected one is held too
        """Note that the stream holds a membership; see `Table.see`."""
        self.announced, self.line, self._is_empty = version, line, False
        if ids is None:
            self._has_unnamed = True
        else:
            user_id, group_id = ids
            keys = _key(ids), key_of("user", user_id), key_of("group", group_id)
            self._held.see(keys)

    def note_read(self) -> None:
        """Write nothing down: what exists is asked for at the end."""

    def note_settled(self, records: Iterable[PendingRecord]) -> None:
        """Strike nothing out, likewise."""

    def is_ahead(self, version: int) -> bool:  # noqa: ARG002 - there is one reading of the table
        """Return whether no record came."""
        return self._is_empty

    def left_behind(self, version: int) -> int:  # noqa: ARG002 - likewise
        """Read what exists, and return how many memberships are left behind.

        Raises:
            TooManyDeletions: more than may be deleted.
            StopRun: the API does not tell.
        """
        ObjectList(users(MEMBERSHIPS), self._reads, "Userflow", self._take).finish()
        known, left = self._held.existing(), sum(self._held.unseen().values())
        if left > round(self._ratio * known, 6):
            raise TooManyDeletions(
                f"Stream '{self._stream}': mirror would end {left} of the {known} memberships that "
                f"its users and groups have, and max_delete_ratio is {self._ratio:g}. Nothing was "
                "deleted. If their rows are gone on purpose, run once with a higher "
                "max_delete_ratio; if the stream is not read in full, set mirror to false"
            )
        return left

    def doubt(self, version: int) -> str | None:  # noqa: ARG002 - likewise
        """Return why it can't be told what is left behind; None if it can."""
        if not self._has_unnamed:
            return None
        return "some records were rejected before it was known whose they are"

    def obsolete(self, version: int) -> Iterator[dict[bytes, Ids]]:  # noqa: ARG002 - likewise
        """Yield keys and ids of what is to be deleted."""
        for chunk in self._held.unseen_ids():
            yield {key.to_bytes(8, "big", signed=True): ids for key, ids in chunk.items()}

    def deleted(self, keys: Iterable[bytes]) -> None:
        """Strike nothing out: the next run asks again."""

    def _take(self, users: Iterable[ExistingObject]) -> None:
        """Keep the memberships of users that are the stream's concern."""
        members = [
            (user.id, member.group_id) for user in users for member in user.memberships or ()
        ]
        keys = {pair: {key_of("user", pair[0]), key_of("group", pair[1])} for pair in members}
        seen = self._held.seen(set().union(*keys.values())) if keys else set()
        self._held.keep((_key(pair), "memberships", pair) for pair in members if keys[pair] & seen)


def _key(membership: Ids) -> int:
    """Return the key of a membership, which no user and no group has."""
    return key_of("membership", *membership)
