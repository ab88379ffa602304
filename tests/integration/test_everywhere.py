"""The example that goes all the way: PostgreSQL, MLflow, object storage, two copies that answer alike."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from fasttrack.store import open_store
from tests.integration.real import ROOT, run

if TYPE_CHECKING:
    import pytest

    from tests.servers.mlflow import MlflowServer
    from tests.servers.object_store import ObjectStore
    from tests.servers.postgres import Postgres

pytestmark = pytest.mark.system  # whole projects, kills and races: minutes, not milliseconds


def test_flights_go_from_a_database_to_an_answer(
    postgres: Postgres,
    mlflow_server: MlflowServer,
    object_store: ObjectStore,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = {**os.environ, **object_store.environment}
    where = f"s3://{bucket}/models"
    said = run(
        *(sys.executable, ROOT / "examples" / "flights" / "everywhere.py"),
        *("--database", postgres.url, "--tracking", mlflow_server.url, "--bucket", where),
        *("--estimator", "linear", "--rows", "5000"),
        env=env,
    )
    answer = json.loads(said.splitlines()[-1])
    assert isinstance(answer["prediction"], float)
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    assert f"flights@{open_store(where).champion('flights')}" == answer["model"]
    assert "flights version 1 (champion)" in said
