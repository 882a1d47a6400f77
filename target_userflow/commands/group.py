"""The commands `dead-letters` and `ledger`, as click has them."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol

import click

from target_userflow.commands import dead_letters, ledger
from target_userflow.dead_letters.letter_files import find, open_files
from target_userflow.errors import StopRun
from target_userflow.escaping import escaped_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class Host(Protocol):
    """The options of the command line that its commands read."""

    color: bool | None
    """Whether standard output may have colours; None lets click look at it."""

    def option(self) -> click.Option:
        """Return an option `--config` for a command."""

    def target(self, *, is_quiet: bool) -> Target:
        """Return the target of the configs that were given; with its log or without."""


class Target(dead_letters.Replayer, Protocol):
    """A target that is about to run."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Its config."""


def commands(host: Host) -> list[click.Command]:
    """Return the commands.

    Args:
        host: The command line that they are part of.
    """
    return [_DeadLetters(host).group(), _Ledger(host).group()]


class _DeadLetters:
    """The command `dead-letters`; without a command of its own it lists."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def group(self) -> click.Group:
        run = click.Argument(["run"], required=False)
        number = click.Argument(["number"], type=click.IntRange(1), default=1)
        listing = _command(
            self._host, "list", self.list, "Count the dead letters of each run by reason."
        )
        show = _command(
            self._host,
            "show",
            self.show,
            "Print one record with its reason: the first of the newest run, or NUMBER of RUN. It "
            "may hold personal data.",
            [run, number],
        )
        replay = _command(
            self._host,
            "replay",
            self.replay,
            "Deliver the dead letters of RUN, and move its file to replayed/. What is rejected "
            "again is in a new file.",
            [run],
        )
        text = "List, show and replay the records that were rejected."
        alone = _unless_named(self.list)
        return _group(self._host, "dead-letters", [listing, show, replay], text, alone)

    def list(self) -> None:
        for line in dead_letters.listing(self._directory()):
            click.echo(line)

    def show(self, run: str | None, number: int) -> None:
        path = self._file(run, newest=True)
        for line in dead_letters.shown(path, number):
            click.echo(line, color=self._host.color)

    def replay(self, run: str | None) -> None:
        path = self._file(run, newest=False)
        leave(dead_letters.replay(self._host.target(is_quiet=False), path))

    def _directory(self) -> str:
        return self._host.target(is_quiet=True).run.settings.dead_letter_dir

    def _file(self, run: str | None, *, newest: bool) -> Path:
        directory = self._directory()
        if run:
            return find(directory, run)
        files = open_files(directory)
        return files[-1] if files and newest else dead_letters.the_one(directory)


class _Ledger:
    """The command `ledger`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def group(self) -> click.Group:
        show = _command(
            self._host,
            "show",
            self.show,
            "Print what the ledger knows of a record of STREAM: whether and when it was "
            "delivered, as far as hashes tell. KEY is the values of its key properties, or the "
            "ids of its object (user, then group). Exits with 1 if nothing is known.",
            [click.Argument(["stream"]), click.Argument(["key"], nargs=-1, required=True)],
        )
        return _group(self._host, "ledger", [show], "Look up what was delivered.")

    def show(self, stream: str, key: tuple[str, ...]) -> None:
        target = self._host.target(is_quiet=True)
        stream_maps = target.config.get("stream_maps") or {}
        lines, is_known = ledger.shown(target.run.settings, stream_maps, stream, key)
        for line in lines:
            click.echo(line)
        leave(int(not is_known))


def _command(
    host: Host,
    name: str,
    callback: Callable[..., None],
    text: str,
    arguments: Sequence[click.Parameter] = (),
) -> click.Command:
    """Return a command with the option `--config`.

    Args:
        host: The command line.
        name: The name of the command.
        callback: What it does; it takes the arguments by name.
        text: The help.
        arguments: Its arguments.
    """
    params = [*arguments, host.option()]
    return click.Command(name, callback=_in_a_line(callback), params=params, help=text)


def _group(
    host: Host,
    name: str,
    commands: list[click.Command],
    text: str,
    alone: Callable[..., None] | None = None,
) -> click.Group:
    """Return a group with the option `--config`.

    Args:
        host: The command line.
        name: The name of the group.
        commands: Its commands.
        text: The help.
        alone: What it does without one of them; None if it then shows its help.
    """
    return click.Group(
        name,
        commands,
        params=[host.option()],
        help=text,
        callback=alone,
        invoke_without_command=alone is not None,
    )


def _unless_named(callback: Callable[..., None]) -> Callable[..., None]:
    """Return what a group does: nothing, if one of its commands is named."""

    def call() -> None:
        if click.get_current_context().invoked_subcommand is None:
            _in_a_line(callback)()

    return call


def leave(status: int) -> None:
    """End the command with an exit status."""
    click.get_current_context().exit(status)


def _in_a_line(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command end with the line of what stopped it, and exit status 1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except StopRun as error:
            raise click.ClickException(escaped_lines(str(error))) from None

    return run
