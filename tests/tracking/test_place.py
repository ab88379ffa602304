"""Where trainings are tracked: who is heard first, what is refused before any work, and that no password is kept."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fasttrack.config.publishing import TrackingConfig
from fasttrack.errors import ConfigError
from fasttrack.settings import Settings
from fasttrack.tracking import Place, configured_place, find_place, recall_place, spool_folder
from fasttrack.tracking.place import remember_place

if TYPE_CHECKING:
    from pathlib import Path


def test_the_nearest_word_counts() -> None:
    environment = {"FASTTRACK_TRACKING": "http://two:1", "MLFLOW_TRACKING_URI": "http://four:1"}
    uris = []
    for given in ("http://one:1", None):
        place = find_place(given, environment=environment)
        uris.append(place and place.uri)
    for rest in ({"MLFLOW_TRACKING_URI": "http://four:1"}, {}):
        place = find_place(None, environment=rest)
        uris.append(place and place.uri)
    assert uris == ["http://one:1", "http://two:1", "http://four:1", None]


@pytest.mark.parametrize("where", ["given", "environment"])
def test_off_is_nowhere_whatever_the_rest_says(where: str) -> None:
    place = find_place(
        "off" if where == "given" else None,
        environment={"FASTTRACK_TRACKING": "off" * (where == "environment"), "MLFLOW_TRACKING_URI": "http://there:1"},
    )
    assert place is None


def test_a_configured_file_lies_beside_its_configuration(tmp_path: Path) -> None:
    place = configured_place(TrackingConfig(uri="sqlite:///mlflow.db", origin="tracking.uri"), tmp_path)
    assert place is not None
    assert place == Place(f"sqlite:///{tmp_path}/mlflow.db")
    assert place.artifacts == f"{tmp_path}/mlruns"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (
            "mlruns",
            "--tracking mlruns is not an address of MLflow; write http://HOST:PORT, postgresql://… or ",
        ),
        ("ftp://me:hunter2@there", "--tracking ftp://me:***@there is not an address of MLflow; "),
        (
            "http://me:hun/ter2@there:5000",
            "--tracking http://me:***@there:5000 cannot be understood; write %40 for @ and %2F for / in the password",
        ),
        ("postgresql://me:12/3@there/mlflow", "--tracking postgresql://me:***@there/mlflow cannot be understood; "),
        ("sqlite://", "--tracking sqlite:// names no file; write sqlite:///mlflow.db"),
        ("sqlite:////nowhere/at/all.db", "--tracking: /nowhere/at/all.db cannot be written; "),
    ],
)
def test_what_cannot_be_used_is_said_before_any_work(uri: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_place(uri)
    assert str(caught.value).startswith(said)


def test_without_mlflow_it_is_said_what_to_install() -> None:
    program = """
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == sys.argv[1] else real(name, *more)
from fasttrack.tracking import find_place
try:
    find_place("sqlite:///mlflow.db", environment={})
except Exception as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program, "mlflow"], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "--tracking asks for MLflow, which is not installed; pip install 'fasttrack-mlops[mlflow]', or --tracking off\n"
    )
    done = subprocess.run([sys.executable, "-c", program, "sqlalchemy"], capture_output=True, text=True, check=True)
    assert "mlflow-skinny cannot open; pip install 'fasttrack-mlops[mlflow]'" in done.stdout


def test_a_place_is_remembered_without_its_password(tmp_path: Path) -> None:
    remember_place(tmp_path, "plain", Place("http://there:5000", "trials"))
    assert recall_place(tmp_path, "plain", environment={}) == Place("http://there:5000", "trials")
    assert recall_place(tmp_path, "other", environment={}) is None
    assert recall_place(tmp_path, "plain", "off", environment={}) is None

    whole = "http://me:hunter2@there:5000"
    remember_place(tmp_path, "secret", Place(whole))
    assert "hunter2" not in (tmp_path / "places" / "secret.json").read_text()
    assert recall_place(tmp_path, "secret", whole, environment={}) == Place(whole)
    with pytest.raises(
        ConfigError, match=r"the password of http://me:\*\*\*@there:5000 is not stored; give the complete"
    ):
        recall_place(tmp_path, "secret", environment={})


def test_runs_wait_in_a_local_store_else_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert spool_folder(tmp_path / "model") == tmp_path / "model" / ".tracking"
    far = [spool_folder(f"s3://bucket/{name}") for name in "ab"]
    assert far[0] != far[1]
    assert all(folder.is_relative_to(tmp_path / "fasttrack") for folder in far)


def test_a_server_takes_no_notice_of_where_trainings_are_tracked() -> None:
    assert Settings.from_environment({"FASTTRACK_TRACKING": "http://there:5000"}) == Settings()
