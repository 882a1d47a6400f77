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
    from collections.abc import Callable, Mapping
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
    return [_dead_letters(host), _ledger(host)]


def _dead_letters(host: Host) -> click.Group:
    @_in_a_line
    def show_list() -> None:
        for line in dead_letters.listing(_directory(host)):
            click.echo(line)

    @_in_a_line
    def show(run: str | None, number: int) -> None:
        path = _file(host, run, newest=True)
        for line in dead_letters.shown(path, number):
            click.echo(line, color=host.color)

    @_in_a_line
    def replay(run: str | None) -> None:
        path = _file(host, run, newest=False)
        leave(dead_letters.replay(host.target(is_quiet=False), path))

    def unless_one_is_named() -> None:
        if click.get_current_context().invoked_subcommand is None:
            show_list()

    run = click.Argument(["run"], required=False)
    number = click.Argument(["number"], type=click.IntRange(1), default=1)
    return click.Group(
        "dead-letters",
        invoke_without_command=True,
        callback=unless_one_is_named,
        params=[host.option()],
        help="List, show and replay the records that were rejected.",
        commands=[
            click.Command(
                "list",
                callback=show_list,
                params=[host.option()],
                help="Count the dead letters of each run by reason.",
            ),
            click.Command(
                "show",
                callback=show,
                params=[run, number, host.option()],
                help="Print one record with its reason: the first of the newest run, or NUMBER of "
                "RUN. It may hold personal data.",
            ),
            click.Command(
                "replay",
                callback=replay,
                params=[run, host.option()],
                help="Deliver the dead letters of RUN, and move its file to replayed/. What is "
                "rejected again is in a new file.",
            ),
        ],
    )


def _ledger(host: Host) -> click.Group:
    @_in_a_line
    def show(stream: str, key: tuple[str, ...]) -> None:
        target = host.target(is_quiet=True)
        stream_maps = target.config.get("stream_maps") or {}
        lines, is_known = ledger.shown(target.run.settings, stream_maps, stream, key)
        for line in lines:
            click.echo(line)
        leave(int(not is_known))

    return click.Group(
        "ledger",
        params=[host.option()],
        help="Look up what was delivered.",
        commands=[
            click.Command(
                "show",
                callback=show,
                params=[
                    click.Argument(["stream"]),
                    click.Argument(["key"], nargs=-1, required=True),
                    host.option(),
                ],
                help="Print what the ledger knows of a record of STREAM: whether and when it was "
                "delivered, as far as hashes tell. KEY is the values of its key properties, or the "
                "ids of its object (user, then group). Exits with 1 if nothing is known.",
            )
        ],
    )


def leave(status: int) -> None:
    """End the command with an exit status."""
    click.get_current_context().exit(status)


def _directory(host: Host) -> str:
    return host.target(is_quiet=True).run.settings.dead_letter_dir


def _file(host: Host, run: str | None, *, newest: bool) -> Path:
    directory = _directory(host)
    if run:
        return find(directory, run)
    files = open_files(directory)
    return files[-1] if files and newest else dead_letters.the_one(directory)


def _in_a_line(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command end with the line of what stopped it, and exit status 1."""

    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except StopRun as error:
            raise click.ClickException(escaped_lines(str(error))) from None

    return told
