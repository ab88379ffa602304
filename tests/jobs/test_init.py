"""What `fasttrack init` writes where MLflow is installed, and where it is not."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from fasttrack.config import TrackingConfig, TrainConfig
from fasttrack.jobs import init

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("installed", "uri"), [(True, "sqlite:///mlflow.db"), (False, None)])
def test_trainings_are_tracked_in_a_file_where_mlflow_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool, uri: str | None
) -> None:
    table = tmp_path / "sales.csv"
    table.write_text("size,price\n" + "".join(f"{i},{i * 2}\n" for i in range(40)))
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "mlflow" and not installed else real(name)
    )
    assert init(str(table), "price", tmp_path / "fasttrack.toml") == tmp_path / "fasttrack.toml"
    assert TrainConfig.of(tmp_path / "fasttrack.toml").tracking == TrackingConfig(uri=uri)
    text = (tmp_path / "fasttrack.toml").read_text()
    assert ("# pip install 'fasttrack-mlops[mlflow]' first" in text) is not installed
