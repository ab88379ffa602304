"""`report.html`: how good a version is, on what it depends, where it errs, in one file for people.

`examine` measures what the report shows, `build_report` writes it, `rebuild` does both for a stored version and another
table. One self-contained page: no script, nothing loaded from elsewhere; the same findings give the same bytes.
"""

from fasttrack.report.examine import Measurements, examine
from fasttrack.report.page import ReportData, build_report
from fasttrack.report.plots import plots_in
from fasttrack.report.rebuild import read_report, rebuild

__all__ = ["Measurements", "ReportData", "build_report", "examine", "plots_in", "read_report", "rebuild"]
