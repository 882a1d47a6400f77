"""The end of a run: its summary goes to the log, and to the report."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from singer_sdk import metrics

from target_userflow.config import routing
from target_userflow.errors import StorageError
from target_userflow.escaping import Block
from target_userflow.reporting import summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.config.settings import StreamOptions
    from target_userflow.delivery.tally import Tally
    from target_userflow.reporting.report_file import ReportFile
    from target_userflow.services import Run
    from target_userflow.singer.reader import LineReader


def conclude(
    run: Run, report: ReportFile | None, logger: logging.Logger, status: int, error: str | None
) -> int:
    """Write the summary of a run to the log and to the report.

    Args:
        run: The run, whose files and connections are closed.
        report: The file of the report; None for no report.
        logger: The logger of the summary.
        status: The exit status of the run so far.
        error: The line that says why the run failed; None if it did not.

    Returns:
        The exit status: 1 if all went well but the report can't be written.
    """
    facts = summary.facts(run, status, error)
    _log(run, logger, facts)
    try:
        if report:
            report.write(facts)
            logger.info("Report: %s", report.path)
    except StorageError as failure:
        logger.error("%s", failure)  # noqa: TRY400 - the line says it all
        return status or failure.exit_code
    return status


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


def _log(run: Run, logger: logging.Logger, facts: dict[str, object]) -> None:
    if run.tally.accounts:
        logger.info("Summary\n%s", Block(run.tally.table()))
    text = summary.text(facts)
    if text:
        level = logging.WARNING if summary.needs_attention(facts) else logging.INFO
        logger.log(level, "To be looked at\n%s", Block(text))
    if run.dry_run:
        logger.info("%s", Block(run.dry_run.text(run.tally, run.dead_letters)))
    for (stream, reason), ids in run.tally.named.items():
        logger.debug("Rejected of %s (%s): %s", stream, reason, ", ".join(ids))
