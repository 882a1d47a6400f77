"""Which records of a stream are sent at all, by what exists in the destination: its `mode`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from target_userflow.apis.registry import API_OF, APIS
from target_userflow.apis.userflow.match_by import with_id
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.delivery.existing_objects import Directories, Directory
    from target_userflow.delivery.pending import Entry
    from target_userflow.mapping.columns import Stream


class Admission:
    """Lets every record pass, whatever exists: `upsert`."""

    matches: ClassVar[bool] = False
    """Whether the ids of entries are only known once they are matched."""

    def match(self, entries: Sequence[Entry]) -> dict[int, str]:  # noqa: ARG002 - for `ByEmail`
        """Put ids where emails stand; why not, by the place of an entry."""
        return {}

    def learn(self, entries: Iterable[Entry]) -> None:
        """Find out what has to be known of these entries before they are sent."""

    def refusal(self, entry: Entry) -> str | None:  # noqa: ARG002 - for the others
        """Why an entry is not sent; None if it may be."""
        return None

    def rounds(self, entries: Sequence[Entry]) -> Iterable[Sequence[Entry]]:
        """The entries in the order they have to be settled: each round before the next."""
        return [entries]


class _Knowing(Admission):
    """Lets records pass by whether what they are about exists."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def learn(self, entries: Iterable[Entry]) -> None:
        """Find out which of them exist."""
        self._directory.learn(entry.request.identity[0] for entry in entries)

    def _exists(self, entry: Entry) -> bool:
        return entry.request.identity[0] in self._directory


class Update(_Knowing):
    """Lets pass what exists."""

    def refusal(self, entry: Entry) -> str | None:
        """Why an entry is not sent."""
        return None if self._exists(entry) else "does not exist yet, and mode is update"


class Insert(_Knowing):
    """Lets pass what does not exist, and of that the first record that is delivered."""

    def refusal(self, entry: Entry) -> str | None:
        """Why an entry is not sent; a deletion is, as only what exists can be deleted."""
        there = self._exists(entry) and not entry.request.deletes
        return "exists already, and mode is insert" if there else None

    def rounds(self, entries: Sequence[Entry]) -> Iterable[Sequence[Entry]]:
        """One entry of each id a round: what it creates exists for the others."""
        seen: defaultdict[str, int] = defaultdict(int)
        found: defaultdict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            key = entry.request.key
            found[seen[key]].append(entry)
            seen[key] += 1
        return found.values()


class ByEmail(Admission):
    """Lets pass what is about the one user that has an email: `match_by`."""

    matches = True

    def __init__(self, directory: Directory) -> None:
        """Look for the users in their directory."""
        self._directory = directory

    def match(self, entries: Sequence[Entry]) -> dict[int, str]:
        """Put the user's id where its email stands."""
        self._directory.learn_emails(entry.request.key for entry in entries if entry.request.key)
        found = enumerate(self._put(entry) for entry in entries)
        return {place: reason for place, reason in found if reason}

    def _put(self, entry: Entry) -> str | None:
        email = entry.request.key
        if not email:
            return "has no email to match by"
        ids = self._directory.ids_of(email)
        if len(ids) != 1:
            return "its email matches several users" if ids else "its email matches no user"
        entry.request = with_id(entry.request, *ids)
        return None


def admission(name: str, stream: Stream, directories: Directories) -> Admission:
    """What lets the records of a stream to the object `name` pass.

    Raises:
        ConfigError: its options ask for what nobody can know.
    """
    check(name, stream)
    if stream.options.match_by:
        return ByEmail(directories.of(name))
    mode = _MODES.get(stream.options.mode)
    return mode(directories.of(name)) if mode else Admission()


def check(name: str, stream: Stream) -> None:
    """Let options pass that can be kept.

    Raises:
        ConfigError: with the setting, and what to do.
    """
    mode, where = stream.options.mode, f"Stream '{stream.name}': streams.{stream.name}"
    if mode != "upsert" and name not in API_OF[name].listings:
        known = ", ".join(one for api in APIS for one in api.listings)
        raise ConfigError(
            f"{where}.mode '{mode}' needs to know what exists, which {API_OF[name].name} does not "
            f"tell of {name}. Remove it, or use it for {known}"
        )
    if stream.options.match_by and name != "users":
        raise ConfigError(
            f"{where}.match_by finds users, and the stream is routed to {name}. Remove it"
        )
    if stream.options.match_by and mode == "insert":
        raise ConfigError(
            f"{where}.match_by finds users that exist, and mode 'insert' skips those. Remove one"
        )


_MODES: dict[str, type[_Knowing]] = {"update": Update, "insert": Insert}
