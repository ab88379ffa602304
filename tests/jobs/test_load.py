"""A stored version in this process answers as the server does: predictions, probabilities, refusals and warnings."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import fasttrack
from fasttrack.contract.frame import json_columns
from fasttrack.errors import DataError, StoreError
from tests.serving import models
from tests.serving.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

ROWS: dict[str, list[Any]] = {"size": [9.5, None, 12.0], "rooms": [2, 3, 1], "garden": [True, False, True]}
ROWS |= {"district": ["north", None, "south"], "built": ["2001-02-03", "2010-01-01T05:06:07Z", "2020-12-31"]}
ROWS |= {'odd "name"\\': [0.5, -1.0, 2.25]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    models.without_probabilities(folder)
    models.line(folder)
    models.mixed(folder)
    return folder


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[httpx.Client]:
    with serving(store, model="mixed") as client:
        yield client


@pytest.fixture(scope="module")
def model(store: Path) -> fasttrack.LoadedModel:
    return fasttrack.load("mixed@champion", store=store)


def listed(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("given", [dict, listed, pd.DataFrame, pa.table], ids=["columns", "rows", "frame", "arrow"])
def test_the_answers_are_the_server_s(model: fasttrack.LoadedModel, client: httpx.Client, given: Any) -> None:
    rows = given({name: cells for name, cells in ROWS.items() if name != "rooms"} | {"rooms": [2, 3, 1]})
    reply = client.post("/predict", json={"columns": ROWS}).json()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(rows).tolist() == reply["predictions"]
        probabilities = model.predict_proba(rows)
    assert model.contract.target.classes == ["cheap", "dear"]
    assert dict(zip(["cheap", "dear"], probabilities.T.tolist(), strict=True)) == reply["probabilities"]


def test_the_frame_that_it_was_fitted_on_gets_the_server_s_answers_too(
    model: fasttrack.LoadedModel, client: httpx.Client
) -> None:
    frame = models.mixed_frame()
    reply = client.post("/predict", json={"columns": json_columns(model.contract, frame)}).json()
    assert model.predict(frame).tolist() == reply["predictions"]
    assert model.predict(frame.iloc[:0]).tolist() == []


def test_one_row_is_a_dictionary(model: fasttrack.LoadedModel, store: Path) -> None:
    row = {name: cells[0] for name, cells in ROWS.items()}
    assert model.predict(row).tolist() == model.predict([row]).tolist()
    line = fasttrack.load("line", store=store)
    assert line.predict({"x": 5}).tolist() == [11.0]
    assert line.predict(pd.DataFrame({"x": [5, 6]})).dtype == np.float64
    assert line.predict([]).tolist() == []


def test_what_the_server_refuses_is_a_data_error(model: fasttrack.LoadedModel, client: httpx.Client) -> None:
    for change in ({"rooms": [2, "three", 1]}, {"rooms": [2, None, 1]}, {"garden": [1, 0, 1]}):
        columns = ROWS | change
        detail = client.post("/predict", json={"columns": columns}).json()["detail"]
        with pytest.raises(DataError) as caught:
            model.predict(columns)
        assert str(caught.value) == f"{model.label}: {detail}"
    with pytest.raises(DataError, match="a list of rows must hold dictionaries"):
        model.predict([[1, 2, 3]])
    with pytest.raises(DataError, match="a int is not a table"):
        model.predict(5)


def test_what_the_server_warns_of_is_a_warning(model: fasttrack.LoadedModel, client: httpx.Client) -> None:
    columns = ROWS | {"district": ["north", "atlantis", "south"], "note": ["a", "b", "c"]}
    reply = client.post("/predict", json={"columns": columns}).json()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert model.predict(columns).tolist() == reply["predictions"]
    assert len(caught) == len(reply["warnings"]) == 2
    for warning, issue in zip(caught, reply["warnings"], strict=True):
        assert warning.category is fasttrack.PredictionWarning
        assert warning.filename == __file__
        assert str(warning.message).startswith(f"{model.label}: ")
        assert str(warning.message).endswith(f"column {issue['column']!r}: {issue['message']}")


def test_a_model_without_probabilities_says_so(store: Path) -> None:
    model = fasttrack.load("margins", store=store)
    assert set(model.predict(ROWS)) <= {"cheap", "dear"}
    with pytest.raises(DataError, match=r"margins@\w+ gives no probabilities; use predict"):
        model.predict_proba(ROWS)


def test_it_is_shown_short_and_as_html(model: fasttrack.LoadedModel) -> None:
    assert repr(model) == f"<{model.label}: Pipeline, binary of 'price', 6 columns, {model.engine}>"
    page = model._repr_html_()
    assert "<td>odd &quot;name&quot;\\</td><td>number</td>" in page
    assert page.count("<tr>") == 1 + 6
    assert model.metrics["accuracy"].value == model.manifest.metrics["accuracy"].value


def test_the_store_is_that_of_the_environment(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTTRACK_STORE", str(store))
    assert fasttrack.load().label.startswith("mixed@")
    with pytest.raises(StoreError, match="has no model to serve"):
        fasttrack.load(store=tmp_path / "empty")
    with pytest.raises(StoreError, match="has no model 'mixd'"):
        fasttrack.load("mixd")
