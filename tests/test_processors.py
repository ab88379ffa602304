"""As many processors as this process may really use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fasttrack.processors import available_processors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "processors"), [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("", 8)]
)
def test_the_quota_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, processors: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    (tmp_path / "cpu.max").write_text(written)
    assert available_processors(tmp_path) == processors


def test_the_quota_of_control_groups_of_version_1_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    (tmp_path / "cpu").mkdir()
    for name, value in (("cpu.cfs_quota_us", "150000"), ("cpu.cfs_period_us", "100000")):
        (tmp_path / "cpu" / name).write_text(value)
    assert available_processors(tmp_path) == 2


def test_an_affinity_mask_counts(tmp_path: Path) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert available_processors(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, allowed)
