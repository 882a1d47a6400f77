"""The command line: ``target-userflow-sandbox``."""

from __future__ import annotations

import ipaddress
import sys
from typing import TYPE_CHECKING, Any

import click

from target_userflow.sandbox.faults import FAULTS
from target_userflow.sandbox.sample import lines
from target_userflow.sandbox.settings import Settings

if TYPE_CHECKING:
    import socket

_DEFAULTS = Settings()
_FAULT_HELP = "; ".join(f"{fault} {effect}" for fault, effect in FAULTS.items())


def main() -> None:
    """Run the command line; print an error in one line."""
    try:
        status = cli(prog_name="target-userflow-sandbox", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        status = error.exit_code
    except click.Abort:  # Ctrl-C before it listens
        status = 0
    sys.exit(status)


@click.group(invoke_without_command=True, context_settings={"show_default": True})
@click.pass_context
def cli(context: click.Context) -> None:
    """A local stand-in for the APIs that target-userflow writes to."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _address(context: click.Context, _parameter: click.Parameter, host: str) -> str:
    """Check that the host is a loopback address, or that other machines are allowed.

    Returns:
        The IP address.
    """
    text = "127.0.0.1" if host == "localhost" else host
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise click.BadParameter(f"{host} is no loopback address such as 127.0.0.1") from None
    if not address.is_loopback and not context.params["allow_remote"]:
        raise click.BadParameter(
            f"{host} is no loopback address such as 127.0.0.1; other machines could read and change"
            " all that the sandbox keeps, which --allow-remote allows"
        )
    return text


def _odds(
    _context: click.Context, _parameter: click.Parameter, chances: tuple[str, ...]
) -> dict[str, float]:
    """Return the probabilities by fault; a repeated fault has its last probability."""
    return dict(_chance(chance) for chance in chances)


def _chance(chance: str) -> tuple[str, float]:
    fault, _, probability = chance.partition(":")
    try:
        return fault, float(probability)
    except ValueError:
        raise click.BadParameter(f"{chance!r} is not of the form NAME:PROBABILITY") from None


def _per_minute(context: click.Context, parameter: click.Parameter, text: str) -> int | None:
    """Return the limit, or None for ``none``."""
    return None if text == "none" else click.IntRange(1)(text, parameter, context)


@cli.command()
@click.option(
    "--host",
    default="127.0.0.1",
    callback=_address,
    help="The IP address to listen on: a loopback address, unless --allow-remote is given.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    is_eager=True,
    help="Allow a --host that other machines reach, such as 0.0.0.0 in a container.",
)
@click.option("--port", default=8765, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--api-key", default=_DEFAULTS.api_key, help="The API key that Userflow accepts.")
@click.option(
    "--user-interviews-api-key",
    default=_DEFAULTS.user_interviews_api_key,
    help="The API key that User Interviews accepts.",
)
@click.option(
    "--userpilot-api-key",
    default=_DEFAULTS.userpilot_api_key,
    help="The API key that Userpilot accepts.",
)
@click.option(
    "--latency-ms",
    default=_DEFAULTS.latency_ms,
    type=click.FloatRange(0),
    help="How long every answer takes.",
)
@click.option(
    "--slow-ms",
    default=_DEFAULTS.slow_ms,
    type=click.FloatRange(0),
    help="How much longer the fault slow makes it.",
)
@click.option(
    "--rate-limit",
    default="none",
    metavar="NUMBER|none",
    callback=_per_minute,
    help="Requests that Userflow and User Interviews let in per minute, each.",
)
@click.option(
    "--userpilot-rate-limit",
    default=str(_DEFAULTS.userpilot_rate_limit),
    metavar="NUMBER|none",
    callback=_per_minute,
    help="Requests that each endpoint of Userpilot lets in per minute.",
)
@click.option(
    "--user-interviews-media-type",
    default=_DEFAULTS.user_interviews_media_type,
    type=click.Choice(["any", "json", "vendor"]),
    help="What User Interviews takes a body as: JSON, its own type of it, or both.",
)
@click.option(
    "--userpilot-success",
    default=_DEFAULTS.userpilot_success,
    type=click.Choice([200, 202]),
    help="The status with which Userpilot answers what it takes.",
)
@click.option(
    "--rate-limit-window",
    default=_DEFAULTS.rate_limit_window,
    type=click.Choice(["sliding", "fixed"]),
    help="Whether a minute is any 60 seconds, or one of the clock.",
)
@click.option(
    "--retry-after",
    default=_DEFAULTS.retry_after,
    type=click.Choice(["seconds", "date", "none"]),
    help="The form of the Retry-After header on a 429.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME:PROBABILITY",
    callback=_odds,
    help=f"What goes wrong and how often, such as 503:0.05; repeatable. {_FAULT_HELP}.",
)
@click.option("--seed", type=int, help="Makes the sequence of the faults reproducible.")
@click.option(
    "--reject-email",
    "rejected_emails",
    multiple=True,
    metavar="GLOB",
    help="Participants that User Interviews refuses by rules of its own; repeatable.",
)
def serve(host: str, port: int, *, allow_remote: bool, **options: Any) -> None:
    """Serve until Ctrl-C, keeping everything in memory."""
    try:
        settings = _DEFAULTS.changed(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _serve(host, port, settings, allow_remote=allow_remote)


@cli.command()
@click.option("--exit", "leave", is_flag=True, help="End when the sample is delivered.")
def demo(*, leave: bool) -> None:
    """Run the real target on a sample of made-up data, and show what arrived."""
    from target_userflow.sandbox.demo import demo as show  # noqa: PLC0415 (needs the extra)

    sys.exit(show(click.echo, stay=not leave))


@cli.command()
def sample() -> None:
    """Write the sample of made-up data, as a tap would."""
    for line in lines():
        click.echo(line)


def _serve(host: str, port: int, settings: Settings, *, allow_remote: bool) -> None:
    try:
        from target_userflow.sandbox.app import App  # noqa: PLC0415 (needs the extra)
        from target_userflow.sandbox.http import server  # noqa: PLC0415 (needs the extra)
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"{missing.name} is missing: pip install 'target-userflow[sandbox]'"
        ) from None
    try:
        listener: socket.socket = server.listen(host, port)
    except OSError as error:
        raise click.ClickException(
            f"can't listen on {host} port {port}: {error.strerror or error}"
        ) from None
    server.serve(listener, App(settings, allow_remote=allow_remote))


if __name__ == "__main__":
    main()
