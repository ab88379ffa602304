"""Proving a stored model again on a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper

import fasttrack
from fasttrack.bundle import GRAPH, Bundle
from fasttrack.errors import DataError, TrainingError
from fasttrack.jobs import verify
from fasttrack.store import open_store
from tests.serving import models

if TYPE_CHECKING:
    from pathlib import Path


def table(folder: Path, **changes: Any) -> Path:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "area": random.uniform(30, 200, 300),
            "district": random.choice(["north", "south", "old town"], 300),
            "built": pd.Timestamp("1950-01-01") + pd.to_timedelta(random.integers(0, 25_000, 300), unit="D"),
        }
    )
    frame.loc[::9, "district"] = None
    frame["price"] = frame["area"] * 3 + (frame["district"] == "old town") * 80
    frame = frame.assign(**changes).drop(columns=[name for name, value in changes.items() if value is None])
    path = folder / "houses.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    outcome = fasttrack.train(table(tmp_path), "price", estimator="boosting", store=tmp_path / "store")
    assert outcome.manifest.engine == "onnx"
    assert outcome.manifest.proof is not None
    assert outcome.manifest.proof.rows == 300
    return open_store(tmp_path / "store").open("houses")


def test_a_model_is_proved_on_another_table(bundle: Bundle, tmp_path: Path) -> None:
    other = table(tmp_path, area=np.linspace(-1e6, 1e6, 300), district=["atlantis", "north", None] * 100)
    proof = verify(bundle, other)
    assert proof.passed
    assert proof.rows == 300
    assert proof.edge_rows > 1000
    assert proof.worst <= 1e-9


def test_rows_that_the_contract_does_not_take_are_left_out(bundle: Bundle, tmp_path: Path) -> None:
    assert verify(bundle, table(tmp_path, area=[None, 50.0, 60.0] * 100)).rows == 200
    with pytest.raises(DataError, match="has no row with every value that the model needs"):
        verify(bundle, table(tmp_path, area=[np.nan] * 300))


def test_a_column_that_may_be_missing_may_lack(bundle: Bundle, tmp_path: Path) -> None:
    assert verify(bundle, table(tmp_path, district=None)).passed
    with pytest.raises(DataError, match=r"lacks columns that the model needs: 'area'"):
        verify(bundle, table(tmp_path, area=None))


def test_a_graph_that_answers_otherwise_fails(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = onnx.load_model_from_string(bundle.read(GRAPH))
    (trees,) = [node for node in graph.graph.node if node.op_type == "TreeEnsemble"]
    (weights,) = [attribute for attribute in trees.attribute if attribute.name == "leaf_weights"]
    changed = numpy_helper.to_array(weights.t).copy()
    changed[-1] += 1e-6 * np.abs(changed).max()
    weights.t.CopyFrom(numpy_helper.from_array(changed))
    read = Bundle.read
    monkeypatch.setattr(
        Bundle, "read", lambda self, name: graph.SerializeToString() if name == GRAPH else read(self, name)
    )
    proof = verify(bundle, table(tmp_path))
    assert not proof.passed
    assert "the predictions differ by" in proof.reason


def test_a_model_that_is_not_compiled_says_why(tmp_path: Path) -> None:
    bundle = models.touchy(tmp_path / "store").bundle
    with pytest.raises(TrainingError, match="Touchy: no lowering is registered for this class"):
        verify(bundle, table(tmp_path))
