"""How a run ends: what is told of it in the log, and what its report keeps."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_userflow import summary
from target_userflow.errors import StorageError

if TYPE_CHECKING:
    from target_userflow.report_file import ReportFile
    from target_userflow.run import Run


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


def _tell(run: Run, logger: logging.Logger, found: dict[str, object]) -> None:
    if run.report.accounts:
        logger.info("Summary\n%s", run.report.table())
    text = summary.text(found)
    if text:
        level = logging.WARNING if summary.is_wrong(found) else logging.INFO
        logger.log(level, "To be looked at\n%s", text)
    for (stream, reason), ids in run.report.named.items():
        logger.debug("Rejected of %s (%s): %s", stream, reason, ", ".join(ids))
