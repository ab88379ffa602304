"""Live quality is computed for only a small share of the time, however long it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fasttrack.metrics import quality_series
from fasttrack.metrics.quality_series import QualitySeries

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_look_that_takes_long_is_followed_by_a_longer_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now, looks, takes = [1000.0], [0], [0.0]

    def look(*_: object) -> list[object]:
        looks[0] += 1
        time.sleep(takes[0])
        return []

    monkeypatch.setattr(quality_series, "live_quality", look)
    series = QualitySeries(str(tmp_path / "journal.sqlite"), clock=lambda: now[0])

    def asked_after(seconds: float) -> int:
        now[0] += seconds
        list(series.collect())
        return looks[0]

    assert [asked_after(seconds) for seconds in (0, 14, 1.5, 14, 1.5)] == [1, 1, 2, 2, 3]
    takes[0] = 1.0
    assert asked_after(16) == 4
    takes[0] = 0.0
    assert [asked_after(seconds) for seconds in (16, 10, 20, 16)] == [4, 4, 5, 6]
