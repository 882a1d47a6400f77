"""The command `target-userflow dead-letters`: lists, prints and replays dead letters."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import click

from target_userflow.dead_letters.letter_files import letters, move_replayed, open_files, to_replay
from target_userflow.errors import ConfigError
from target_userflow.escaping import escaped
from target_userflow.reporting.remedies import next_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import IO

    from target_userflow.dead_letters.letter_files import Letter
    from target_userflow.services.run import Run

_COLUMN = re.compile(r"^`([^`.]*)|^'([^']*)' breaks ")
"""The column that a reason begins with."""


class Replayer(Protocol):
    """A target that is about to run."""

    error: str | None
    """Why its run ended early; None if all of the input has its outcome."""

    @property
    def run(self) -> Run:
        """Its run, of which nothing has happened yet."""

    def finish(self, file_input: IO[str] | None) -> int:
        """Read the input to its end, and return the exit status."""


def listing(directory: str) -> Iterator[str]:
    """Yield the runs whose dead letters are open, each with the number of letters by reason.

    Args:
        directory: The setting `dead_letter_dir`.
    """
    files = open_files(directory)
    if not files:
        yield f"No dead letters in {escaped(directory)}"
        return
    total = 0
    for path in files:
        counts = Counter((letter.stream, letter.reason) for letter in letters(path))
        total += sum(counts.values())
        yield f"{path.stem}  {_letters(sum(counts.values()))}"
        for (stream, reason), count in counts.most_common():
            yield f"  {count:>6,} of {escaped(stream)}: {escaped(reason)}"
            yield f"         next: {next_step(reason)}"
    yield ""
    yield f"{_letters(total)} of {len(files):,} {'run' if len(files) == 1 else 'runs'}"


def shown(path: Path, number: int) -> Iterator[str]:
    """Yield a dead letter: its reason, the next step, and the record as the tap wrote it.

    Args:
        path: The file.
        number: Which of the file's dead letters, from 1.

    Raises:
        ConfigError: the file has no such letter.
    """
    letter, total = None, 0
    for total, each in enumerate(letters(path), 1):
        letter = each if total == number else letter
    if letter is None:
        raise ConfigError(f"{path} has {_letters(total)}, and none of number {number}")
    yield click.style(
        f"{escaped(letter.stream)}, dead letter {number:,} of {total:,} in {path.stem}", bold=True
    )
    yield click.style(f"Rejected: {escaped(letter.reason)}", fg="red")
    yield from _details(letter.error)
    yield f"Next: {next_step(letter.reason)}"
    yield ""
    yield from _record(letter)


def replay(target: Replayer, path: Path) -> int:
    """Deliver the records of a file, and move it to those that were replayed.

    What is rejected again is in the file of the new run. The file stays where it is if the run
    stops early, or is a dry run.

    Args:
        target: The target that delivers them.
        path: The file.

    Returns:
        The exit status of the run.

    Raises:
        ConfigError: the file can't be replayed.
        StorageError: it can't be moved.
    """
    with to_replay(path) as file:
        status = target.finish(file)  # type: ignore[arg-type] # it reads bytes
        if target.error is None and not target.run.settings.dry_run:
            click.echo(f"Replayed, and moved to {move_replayed(path)}", err=True)
    return status


def the_one(directory: str) -> Path:
    """Return the only open file.

    Raises:
        ConfigError: there is none, or there are several.
    """
    files = open_files(directory)
    if len(files) == 1:
        return files[0]
    if not files:
        raise ConfigError(f"No dead letters in {directory}")
    names = "\n".join(f"  {path.stem}" for path in files)
    raise ConfigError(f"Say of which run; the oldest first, so that newer values win:\n{names}")


def _details(error: Mapping[str, Any]) -> Iterator[str]:
    names = {"message": "API's message", "request_id": "Request id", "at": "At"}
    for name, label in names.items():
        if error.get(name):
            yield f"{label}: {escaped(str(error[name]))}"


def _record(letter: Letter) -> Iterator[str]:
    """Yield the record as JSON; the column that the reason names stands out."""
    match = _COLUMN.match(letter.reason)
    column = (match[1] or match[2]) if match else None
    lines = [
        (name, f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
        for name, value in letter.record.items()
    ]
    yield "{"
    for place, (name, line) in enumerate(lines, 1):
        text = escaped(line + ("," if place < len(lines) else ""))
        yield click.style(text, fg="red", bold=True) if name == column else text
    yield "}"


def _letters(count: int) -> str:
    return f"{count:,} {'dead letter' if count == 1 else 'dead letters'}"
