"""`report.html`: how good a version is, what it depends on, and where it errs, in one file for people.

`examine` measures what the report shows, `build_report` writes it, `rebuild` does both for a stored version and another
table. The page is self-contained: no script, nothing loaded from elsewhere; the same measurements give the same bytes.
Modules are loaded when first used, because a stored report can be read where only what serves a model is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.lazy import offer

if TYPE_CHECKING:
    from fasttrack.report.measurements import Measurements, examine
    from fasttrack.report.page import ReportData, build_report
    from fasttrack.report.plots import extract_plots
    from fasttrack.report.remeasurement import rebuild
    from fasttrack.report.stored import read_report

__all__ = ["Measurements", "ReportData", "build_report", "examine", "extract_plots", "read_report", "rebuild"]

offer(
    __name__,
    {
        "Measurements": "fasttrack.report.measurements",
        "ReportData": "fasttrack.report.page",
        "build_report": "fasttrack.report.page",
        "examine": "fasttrack.report.measurements",
        "extract_plots": "fasttrack.report.plots",
        "read_report": "fasttrack.report.stored",
        "rebuild": "fasttrack.report.remeasurement",
    },
)
