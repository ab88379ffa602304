"""`mlflow models serve` on the registered champion answers as scikit-learn does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from fasttrack import package
from tests.integration.real import bare_environment, poll, process
from tests.servers.ports import free_port
from tests.tracking.runs import new_name

if TYPE_CHECKING:
    import pytest

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds


def test_the_champion_served_by_mlflow_answers_as_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, registry = new_name(), f"sqlite:///{tmp_path}/mlflow.db"
    random = np.random.default_rng(0)
    X = pd.DataFrame({"delay": random.normal(size=200), "carrier": random.choice(["AA", "UA"], 200)})
    X["left"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 10**6, 200), unit="s")
    X["gust"] = np.where(random.random(200) < 0.3, np.nan, 1.0)
    y = pd.Series(np.where(X["delay"] > 0, "late", "on time"), name="status")
    features = make_column_transformer((OneHotEncoder(), ["carrier"]), ("passthrough", ["delay"]))
    pipeline = make_pipeline(features, LogisticRegression()).fit(X, y)
    outcome = package(pipeline, X, y, name=name, store=tmp_path / "model", tracking=registry)
    assert outcome.tracked is not None
    assert outcome.tracked.number == "1"

    port = free_port()
    programs = Path(sys.executable).parent
    command: list[str | Path] = [programs / "mlflow", "models", "serve", "--model-uri", f"models:/{name}@champion"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    env = {**bare_environment(), "MLFLOW_TRACKING_URI": registry, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with process(command, tmp_path / "log", env={**env, "PATH": f"{programs}:{env['PATH']}"}) as server:
        here = f"http://127.0.0.1:{port}"
        poll(lambda: httpx.get(f"{here}/ping").status_code == 200, what="an answer", within_s=150)
        cells = X.assign(left=X["left"].map(pd.Timestamp.isoformat)).astype(object)
        body: dict[str, Any] = {"dataframe_split": cells.where(X.notna(), None).to_dict("split", index=False)}
        reply = httpx.post(f"{here}/invocations", json=body, timeout=60)
        assert reply.json() == {"predictions": pipeline.predict(X).tolist()}
        body["params"] = {"predict_method": "predict_proba"}
        reply = httpx.post(f"{here}/invocations", json=body, timeout=60)
        np.testing.assert_allclose(reply.json()["predictions"], pipeline.predict_proba(X), rtol=0, atol=1e-9)
        row = {"delay": 0.5, "carrier": None, "left": "2024-01-01T00:00:00"}
        reply = httpx.post(f"{here}/invocations", json={"dataframe_records": [row]}, timeout=60)
        assert reply.status_code == 400
        assert "carrier" in reply.json()["message"]
        assert server.poll() is None
