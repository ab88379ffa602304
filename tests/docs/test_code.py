"""The Python code of the README and of the documentation runs as it stands, and the site builds without a warning."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import fasttrack
from fasttrack.config import TrainConfig
from fasttrack.serving.app import create_app
from fasttrack.settings import Settings
from tests.docs.pages import README, ROOT, blocks, page

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted(path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md"))


@pytest.fixture
def flights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the examples take as given: a table, and a pipeline that was fitted on it."""
    monkeypatch.chdir(tmp_path)
    X = pd.DataFrame({"a": np.arange(40.0) * 7 % 41, "b": np.arange(40.0) % 3})
    X.assign(arr_delay=X["a"] * 2).to_csv("flights.csv", index=False)
    return {"fitted_pipeline": LinearRegression().fit(X, X["a"]), "X": X, "y": X["a"].rename("arr_delay")}


def test_training_packaging_and_loading_run(flights: dict[str, Any]) -> None:
    (code,) = blocks(README, "python")
    exec(code, flights)


def test_the_guide_to_python_runs(flights: dict[str, Any]) -> None:
    first, *others = blocks(page("howto/python"), "python")
    exec(first.replace('estimator="boosting"', 'estimator="linear"'), flights)
    assert flights["outcome"].promoted
    packaging, loading, managing = others
    exec(packaging, flights)
    exec(loading, flights)
    version = fasttrack.models()[-1].version
    code = managing.replace("3f2a", version[:6])
    code = "\n".join(row for row in code.splitlines() if "quality" not in row)  # it needs a server's journal
    exec(code, flights)


class Doubler(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """What docs/extending.md compiles."""

    def fit(self, X: pd.DataFrame, y: Any = None) -> Doubler:
        self.fitted_ = True
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return X * 2.0


def test_the_recipe_for_a_lowering_works(tmp_path: Path) -> None:
    lowering, _ = blocks(page("extending"), "python")
    exec(lowering, {"Doubler": Doubler})
    X = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
    pipeline = make_pipeline(Doubler(), LinearRegression()).fit(X, X["a"] - X["b"])
    manifest = fasttrack.package(pipeline, X, X["a"] - X["b"], store=tmp_path).manifest
    assert (manifest.engine, manifest.engine_reason) == ("onnx", "")


async def _request(app: Any, headers: dict[str, str]) -> httpx.Response:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        return await client.post("/predict", json={"x": 1}, headers=headers)


def test_the_recipes_for_a_guard_and_an_observer_work(tmp_path: Path) -> None:
    X = pd.DataFrame({"x": np.arange(20.0)})
    fasttrack.package(LinearRegression().fit(X, X["x"]), X, X["x"], store=tmp_path)
    names: dict[str, Any] = {}
    exec(blocks(page("howto/access"), "python")[0], names)
    exec(blocks(page("extending"), "python")[1], names)
    observer = names["CountNulls"]()
    settings = Settings(store=str(tmp_path), journal="off")

    def ask(headers: dict[str, str]) -> int:
        app = create_app(settings, guards=[names["ApiKey"]()], observers=[observer])
        return asyncio.run(_request(app, headers)).status_code

    assert ask({}) == 401
    assert ask({"x-api-key": "change-me"}) == 200
    assert observer.nulls == 0


def test_every_configuration_of_the_guides_is_one(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    found = 0
    for name in ("README", *PAGES):
        for block in blocks(page(name), "toml"):
            whole = block.startswith("[data]\nsource")
            content = block if whole else '[data]\nsource = "t.csv"\ntarget = "y"\n' + block
            tomllib.loads(content)
            (tmp_path / "fasttrack.toml").write_text(content)
            TrainConfig.of(tmp_path / "fasttrack.toml")
            found += 1
    assert found >= 4


def test_every_setting_and_route_is_described() -> None:
    text = README + "".join(map(page, PAGES))
    for route in ("/feedback", "/docs", "/openapi.json", "/model", "/contract", "/health/live", "/metrics"):
        assert route in text
    assert len(README.splitlines()) < 200


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "--builder", "html"]
    done = subprocess.run([*command, ROOT / "docs", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    commands = (tmp_path / "reference" / "cli.html").read_text()
    assert all(f"fasttrack {name}" in commands for name in ("train", "serve", "models promote", "mlflow pull"))
    assert "FASTTRACK_JOURNAL_DAYS" in (tmp_path / "reference" / "settings.html").read_text()
    assert "fasttrack_predictions_total" in (tmp_path / "reference" / "metrics.html").read_text()
    assert "split_share" in (tmp_path / "reference" / "config.html").read_text()
