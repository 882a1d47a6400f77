"""The command with which somebody types what the target can do, as it was typed for this run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from target_userflow.config.meltano import loader_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def command(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the command of this run, with its configs and nothing else.

    Args:
        arguments: The arguments that the run was started with.
        environ: The environment variables.

    Returns:
        A line for a shell; under Meltano, one that has Meltano run the target.
    """
    loader = loader_of(environ)
    if loader:
        return shlex.join(["meltano", "invoke", loader])
    configs = (part for config in _configs(arguments) for part in ("--config", config))
    return shlex.join(["target-userflow", *configs])


def _configs(arguments: Sequence[str]) -> Iterator[str]:
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument == "--config":
            yield following
        elif argument.startswith("--config="):
            yield argument.removeprefix("--config=")
