"""Wide models: pages stay short, say what they leave out, and tell where a whole example row is."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import fasttrack
from fasttrack.report import read_report
from fasttrack.serving.run import try_line
from tests.report.pages import parse_page, table_rows
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack import Outcome


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def wide(store: Path) -> Outcome:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(200, 120)), columns=[f"column {j}" for j in range(120)])
    y = pd.Series((X["column 7"] * 4).round().astype(int).astype(str), name="y")
    tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(X, y)
    return fasttrack.package(tree, X, y, name="wide", store=store)


def test_the_report_stays_small_and_says_what_is_not_shown(wide: Outcome) -> None:
    text = read_report(wide.bundle)
    page = parse_page(text)
    assert "Measured for the 40 of 120 columns" in page.texts["importance"]
    assert "The first 25 are shown." in page.texts["importance"]
    assert len(table_rows(text, "importance")) == 25
    assert "the 60 most important of 120" in page.texts["features"]
    assert len(table_rows(text, "features")) == 60
    assert "most frequent of" in page.texts["errors"]
    assert table_rows(text, "importance")[0][0] == "column 7"
    assert len(text.encode()) < 300_000


def test_the_request_in_the_report_is_short_and_works(wide: Outcome, store: Path) -> None:
    call = parse_page(read_report(wide.bundle)).texts["call"]
    assert len(call.splitlines()) < 40
    assert re.search(r'\{"column 0": [-0-9.]+, "column 1": [-0-9.]+, "column 2": [-0-9.]+, … 117 more\}', call)
    program = call[call.index("import json") : call.index("The same request")]
    with serving(store) as client:
        program = program.replace("http://localhost:8000", str(client.base_url).rstrip("/"))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in (wide.manifest.contract.target.classes or [])


def test_the_pages_of_the_server_are_short(wide: Outcome, store: Path) -> None:
    with serving(store) as client:
        assert '"docExpansion": "list"' in client.get("/docs").text
        post = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]
        example = post["content"]["application/json"]["examples"]["row"]["value"]
        assert client.post("/predict", json=example).status_code == 200
    assert try_line("http://server", wide.manifest.contract) == (
        "http://server/docs has a row of the 120 columns to send"
    )


def test_many_columns_that_are_left_out_are_counted(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({f"constant {j}": [1.0] * 60 for j in range(30)})
    table["x"], table["y"] = random.normal(size=60), random.normal(size=60)
    outcome = fasttrack.train(table, "y", estimator="linear", store=tmp_path)
    assert len(outcome.manifest.training.left_out) == 30
    left_out = re.search(r"Left out: (.*?)\.\n", parse_page(read_report(outcome.bundle)).texts["features"])
    assert left_out is not None
    assert re.fullmatch(r"constant 0, constant 1, .*, constant 19 and 10 more \([^()]*\)", left_out[1])
