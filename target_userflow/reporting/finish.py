"""How a run ends: what is told of it in the log, and what its report keeps."""

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
    """Tell how a run went.

    Args:
        run: The run, all of which is closed.
        report: Where its report goes, if it is to have one.
        logger: Where the summary goes.
        status: How it ended.
        error: The line that says why it failed, if it did.

    Returns:
        The exit status: 1 for a run that went well but for its report.
    """
    found = summary.facts(run, status, error)
    _tell(run, logger, found)
    try:
        if report:
            report.write(found)
            logger.info("Report: %s", report.path)
    except StorageError as failed:
        logger.error("%s", failed)  # noqa: TRY400 - the line says it all
        return status or failed.exit_code
    return status


def remind(
    reader: LineReader,
    streams: Mapping[str, StreamOptions],
    routed: list[str],
    logger: logging.Logger,
) -> None:
    """Say what a run without errors may have been meant to do, and did not.

    Args:
        reader: What has been read.
        streams: The setting.
        routed: The streams of the run.
        logger: Where it is said.
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
    """Log the SDK's metric of records for each of their outcomes."""
    for stream, outcome, count in tally.counts():
        tags = {metrics.Tag.STREAM.value: stream, metrics.Tag.STATUS.value: outcome}
        point = metrics.Point("counter", metrics.Metric.RECORD_COUNT, count, tags)
        metrics.log(logger, point)


def _tell(run: Run, logger: logging.Logger, found: dict[str, object]) -> None:
    if run.tally.accounts:
        logger.info("Summary\n%s", Block(run.tally.table()))
    text = summary.text(found)
    if text:
        level = logging.WARNING if summary.is_wrong(found) else logging.INFO
        logger.log(level, "To be looked at\n%s", Block(text))
    if run.dry_run:
        logger.info("%s", Block(run.dry_run.text(run.tally, run.dead_letters)))
    for (stream, reason), ids in run.tally.named.items():
        logger.debug("Rejected of %s (%s): %s", stream, reason, ", ".join(ids))
