"""Live quality and reports from Python: as the commands show them, and as a notebook does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import numpy as np
import pandas as pd
import pytest

import fasttrack
from fasttrack.errors import ConfigError, StoreError
from fasttrack.report import read_report
from fasttrack.store import open_store
from tests.journal.places import wait_for
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model that predicted 40 rows, of which 30 have labels that are 2 too high."""
    folder = tmp_path_factory.mktemp("store")
    models.line(folder)
    with serving(folder, journal="on") as client:
        ids = client.post("/predict", json=[{"x": x % 9} for x in range(40)]).json()["ids"]
        labels = [{"id": identifier, "label": 2 * (x % 9) + 1 + 2} for x, identifier in enumerate(ids[:30])]
        assert client.post("/feedback", json=labels).json() == {"accepted": 30}
        wait_for(lambda: labelled(client) == 30)
    return folder


def labelled(client: httpx.Client) -> float:
    text = client.get("/metrics").text
    return sum(float(line.split()[-1]) for line in text.splitlines() if 'feedback_total{outcome="matched"}' in line)


def test_live_quality_is_listed_by_version(store: Path) -> None:
    (version,) = fasttrack.quality(store=store)
    assert version.label == fasttrack.models(store=store)[0].label
    assert [window.window for window in version.windows] == ["1h", "24h", "7d"]
    assert (version.windows[0].predictions, version.windows[0].labelled) == (40, 30)
    assert version.windows[0].figures["rmse"] == pytest.approx(2.0)
    assert version.manifest is not None
    assert repr(version).startswith(f"<quality of {version.label}; 1h: rmse 2, 30 of 40 labelled; ")
    page = version._repr_html_()
    assert "<td>30 (75%)</td><td>2</td>" in page
    assert "<td>hold-out</td>" in page
    assert fasttrack.quality("line", store=store)[0].label == version.label
    assert fasttrack.quality("other", store=store) == []


def test_without_a_journal_there_is_no_quality(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no journal at "):
        fasttrack.quality(store=tmp_path)


def test_a_report_is_shown_and_saved(store: Path, tmp_path: Path) -> None:
    report = fasttrack.report("line", store=store)
    assert report.html == read_report(open_store(store).open("line"))
    assert repr(report).startswith(f"<report of {report.label}, ")
    assert report._repr_html_().startswith('<iframe srcdoc="&lt;!DOCTYPE html')
    saved = report.save(tmp_path / "line.html")
    assert saved.read_text() == report.html
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        report.save(tmp_path / "nowhere" / "line.html")


def test_a_version_is_measured_again_on_another_table(store: Path, tmp_path: Path) -> None:
    x = np.arange(30.0)
    pd.DataFrame({"x": x, "y": 2 * x + 4}).to_csv(tmp_path / "fresh.csv", index=False)
    report = fasttrack.report(data=tmp_path / "fresh.csv", store=store)
    assert "fresh.csv" in report.html
    with pytest.raises(ConfigError, match="query, table, rows and reading are used with data only"):
        fasttrack.report("line", rows=5, store=store)
    with pytest.raises(StoreError, match="has no model to report on"):
        fasttrack.report(store=tmp_path / "empty")
