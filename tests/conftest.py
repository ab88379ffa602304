"""Rules of every test run: a skipped test has not shown anything, so it fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.budget import budget

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = [
    "tests.servers.azure_store",
    "tests.servers.google_store",
    "tests.servers.mlflow",
    "tests.servers.object_store",
    "tests.servers.postgres",
]

# Fits of some hundred rows: more threads only wait for each other, for seconds where other tests need the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("budget", max_examples=budget(100), deadline=None)
settings.load_profile("budget")

_HOLE = "skipped or expected to fail; a test either shows something or is deleted"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "system: needs Debian packages and root; `make test-system` runs these")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", _HOLE
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", _HOLE
    return report
