"""The report of a run: a JSON file or an HTML page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_userflow.run_files.run_file import RunFile

if TYPE_CHECKING:
    from collections.abc import Mapping


class ReportFile(RunFile):
    """The file that `report_path` names: a page if its name ends with `.html`."""

    title = "Report"
    setting = "report_path"

    def content(self, facts: Mapping[str, Any]) -> bytes:
        """Return the facts of a run as a page or as JSON."""
        return _page(facts) if self.path.suffix.lower() == ".html" else _document(facts)


def _page(facts: Mapping[str, Any]) -> bytes:
    from target_userflow.run_files.html_report import page  # noqa: PLC0415 - for the few that want one

    return page(facts).encode(errors="backslashreplace")


def _document(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, indent=2).encode() + b"\n"
