"""The report of a run: a JSON file or an HTML page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_userflow.run_files.whole_file import WholeFile

if TYPE_CHECKING:
    from collections.abc import Mapping


class ReportFile:
    """The file that `report_path` names, readable by its owner alone."""

    title = "Report"

    def __init__(self, path: str) -> None:
        """Check that the file can be written, and keep what it holds.

        Args:
            path: The setting `report_path`.

        Raises:
            ConfigError: the file can't be written.
        """
        self._file = WholeFile("report_path", path)
        self.path = self._file.path
        self._is_page = self.path.suffix.lower() == ".html"

    def write(self, facts: Mapping[str, Any]) -> None:
        """Replace the file by the facts of a run.

        Args:
            facts: What `summary.facts` returns.

        Raises:
            StorageError: the file can't be written.
        """
        self._file.write(_page(facts) if self._is_page else _document(facts))


def _page(facts: Mapping[str, Any]) -> bytes:
    from target_userflow.run_files.html_report import page  # noqa: PLC0415 - for the few that want one

    return page(facts).encode(errors="backslashreplace")


def _document(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, indent=2).encode() + b"\n"
