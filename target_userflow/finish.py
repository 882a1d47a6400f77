"""The end of a run: its summary goes to the log, and to the report."""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click
from singer_sdk import metrics

from target_userflow.config import routing
from target_userflow.errors import StorageError
from target_userflow.escaping import escaped, escaped_lines
from target_userflow.plan.text import plan_text
from target_userflow.reporting import summary
from target_userflow.reporting.audience import audience_here
from target_userflow.reporting.conclusion import Conclusion
from target_userflow.reporting.replay import command
from target_userflow.run_files.report_file import ReportFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_userflow.accounts.tally import Tally
    from target_userflow.config.settings import Settings, StreamOptions
    from target_userflow.run_files.run_file import RunFile
    from target_userflow.services.run import Run
    from target_userflow.singer.reader import LineReader

_SIGNAL_STATUS = 128  # an exit status above it is this plus the signal
_NO_TERMINAL = 100  # characters of a line, where no terminal says how many it has


def run_files(settings: Settings) -> list[RunFile]:
    """Return the files that the settings ask for; they are only checked yet.

    Raises:
        ConfigError: one of them can't be written.
    """
    files: list[RunFile] = []
    if settings.report_path:
        files.append(ReportFile(settings.report_path))
    if settings.metrics_path and not (settings.dry_run or settings.verifies):
        from target_userflow.run_files.metrics_file import MetricsFile  # noqa: PLC0415 - a library that few need

        files.append(MetricsFile(settings.metrics_path))
    return files


def conclude(
    run: Run, files: Iterable[RunFile], logger: logging.Logger, status: int, error: str | None
) -> int:
    """Write the files of a run, and then its summary, which is the last that is printed.

    Args:
        run: The run, whose files and connections are closed.
        files: What else is left of the run.
        logger: The logger of the summary.
        status: The exit status of the run so far.
        error: The line that says why the run failed; None if it did not.

    Returns:
        The exit status: 1 if all went well but a file can't be written.
    """
    facts = summary.facts(run, status, error, command(sys.argv[1:], os.environ))
    for file in files:
        failure = _written(file, facts, logger)
        if failure:
            status = status or failure.exit_code
            facts |= {"exit_status": status, "error": facts["error"] or escaped(str(failure))}
    conclusion = Conclusion(facts, _dry_run_text(run))
    reader = audience_here(os.environ)
    if reader.is_person:
        conclusion.show(reader, logger)
    else:
        conclusion.log(logger)
    for (stream, reason), ids in run.tally.reasons.named.items():
        logger.debug("Rejected of %s (%s): %s", stream, reason, ", ".join(ids))
    return status


def _dry_run_text(run: Run) -> str:
    """Return what a dry run would have sent, below its plan; empty for another run."""
    text = run.dry_run.text(run.tally, run.dead_letters) if run.dry_run else ""
    return f"{plan_text(run.plan_facts, _width())}\n\n{text}" if run.plan_facts else text


def conclude_plan(  # noqa: PLR0913, PLR0917 - as `conclude`, and the form
    run: Run,
    files: Iterable[RunFile],
    logger: logging.Logger,
    form: str,
    status: int,
    error: str | None,
) -> int:
    """Print the plan, and write it to the report; for the rest see `conclude`.

    Args:
        run: The run, whose connections are closed.
        files: Where the report goes, if it goes anywhere.
        logger: The logger of failures.
        form: `text` or `json`.
        status: The exit status of reading the input.
        error: The line that says why the plan failed; None if it did not.

    Returns:
        The exit status: 1 if something is in doubt.
    """
    plan = run.plan_facts
    if plan:
        text = json.dumps(plan, indent=2) if form == "json" else plan_text(plan, _width())
        click.echo(escaped_lines(text))
        status = int(plan["doubtful"])
        error = f"{len(plan['doubts'])} in doubt" if plan["doubts"] else None
    facts = summary.facts(run, status, error, command(sys.argv[1:], os.environ))
    facts["would_send"] = None  # as nothing was made ready to be sent
    try:
        for file in files:
            file.write(facts)
    except StorageError as failure:
        logger.error("%s", failure)  # noqa: TRY400 - the line says it all
        return status or failure.exit_code
    return status


def exit_status(run: Run) -> int:
    """Return the exit status of a run that has read all of its input.

    Records that are in the dead letters of earlier runs already do not count against
    `max_rejects`; deletions that an API rejected do.
    """
    if run.verification:
        return int(not run.verification.is_same(run.tally))
    rejected = run.tally.rejected - run.dead_letters.repeated + run.tally.undeleted
    return int(rejected > run.settings.max_rejects)


def _width() -> int:
    """Characters of a line: those of the terminal, or of `COLUMNS`."""
    return shutil.get_terminal_size((_NO_TERMINAL, 24)).columns


def remind(
    reader: LineReader,
    streams: Mapping[str, StreamOptions],
    routed: list[str],
    logger: logging.Logger,
) -> None:
    """Warn of an empty input, and of names in `streams` that fitted no stream of the run.

    Args:
        reader: The reader of the input, at its end.
        streams: The setting `streams`.
        routed: The names of the run's streams.
        logger: The logger of the warnings.
    """
    if reader.is_empty:
        logger.warning("No message came in: pipe a tap into this, or look at the tap's log")
    unfitting = routing.unfitting(streams, routed)
    if routed and unfitting:
        logger.warning(
            "No stream of this run is named as in streams: %s. There were: %s",
            ", ".join(unfitting),
            ", ".join(dict.fromkeys(routed)),
        )


def send_metrics(tally: Tally, logger: logging.Logger) -> None:
    """Log the number of records of each stream and outcome, as the SDK's metric of records."""
    for stream, outcome, count in tally.counts():
        tags = {metrics.Tag.STREAM.value: stream, metrics.Tag.STATUS.value: outcome}
        point = metrics.Point("counter", metrics.Metric.RECORD_COUNT, count, tags)
        metrics.log(logger, point)


def leave(status: int) -> NoReturn:
    """Exit, at once after a signal: a request that hangs must not hold the process."""
    if status > _SIGNAL_STATUS:
        logging.shutdown()
        os._exit(status)
    atexit.register(_ignore_signals)
    sys.exit(status)


def _written(
    file: RunFile, facts: Mapping[str, Any], logger: logging.Logger
) -> StorageError | None:
    """Write a file, and say where it is; return why it can't be written."""
    try:
        file.write(facts)
    except StorageError as failure:
        logger.error("%s", failure)  # noqa: TRY400 - the line says it all
        return failure
    logger.info("%s: %s", file.title, file.path)
    return None


def _ignore_signals() -> None:
    """Let the exit status be that of the run, whose threads have ended.

    Python would drop its handlers now: a signal in its last milliseconds would kill the process.
    """
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
