"""Other servers of the same pipeline, each in its own environment, which uv creates on request.

In a shared environment, BentoML would stay at 0.9: its newer releases conflict with MLflow's requirements.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apps.request_model import PIPELINE
from benchmarks.servers import ROOT, Contender
from fasttrack.errors import ConfigError, FastTrackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.trained_model import PredictionRequest, TrainedModel

__all__ = ["NAMES", "install", "installed_contenders", "installed_versions"]

_REQUIREMENTS = {"mlflow": "mlflow>=3", "bentoml": "bentoml>=1.4", "litserve": "litserve>=0.2"}
NAMES = tuple(_REQUIREMENTS)
_ENVIRONMENTS = Path(__file__).parent / ".extras"
_NO_TELEMETRY = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
_SAVE = """\
import sys
import joblib, mlflow.sklearn
mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format="cloudpickle")
"""


def install() -> None:
    """Create the environments. Packages that the pipeline depends on get the same versions as here."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise ConfigError("--extras needs uv to create environments; install it: pip install uv")
    pinned = [f"{name}=={metadata.version(name)}" for name in ("joblib", "numpy", "pandas", "scikit-learn")]
    for name, requirement in _REQUIREMENTS.items():
        if not _python(name).exists():
            _run(uv, "venv", "--quiet", "--python", sys.executable, _ENVIRONMENTS / name)
        target = ("--python", _python(name))
        project = (f"{ROOT}[train]", "--reinstall-package", "fasttrack-mlops")
        _run(uv, "pip", "install", "--quiet", *target, requirement, *project, *pinned)


def installed_contenders(model: TrainedModel, folder: Path) -> list[Contender]:
    """A contender for each installed environment. Files that a server needs are saved in `folder`."""
    return [_MAKERS[name](model, folder) for name in NAMES if _python(name).exists()]


def installed_versions() -> dict[str, str]:
    """The installed versions by name."""
    versions = {}
    for name in NAMES:
        if _python(name).exists():
            code = f"from importlib.metadata import version; print(version({name!r}))"
            versions[name] = _run(_python(name), "-c", code)
    return versions


def _mlflow(model: TrainedModel, folder: Path) -> Contender:
    saved_model = folder / "mlflow-model"
    if not saved_model.exists():
        _run(_python("mlflow"), "-c", _SAVE, model.joblib_file, saved_model)

    def command(port: int) -> Sequence[str | Path]:
        options = ("--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
        return [_python("mlflow").with_name("mlflow"), "models", "serve", "--model-uri", saved_model, *options]

    # MLflow starts the first python on PATH
    return Contender("mlflow models serve", command, "/invocations", _records, {**_NO_TELEMETRY, **_path("mlflow")})


def _bentoml(model: TrainedModel, folder: Path) -> Contender:
    def command(port: int) -> Sequence[str | Path]:
        options = ("--host", "127.0.0.1", "--port", str(port))
        return [_python("bentoml"), "-m", "bentoml", "serve", "benchmarks.apps.bento:Flights", *options]

    env = {
        **_NO_TELEMETRY,
        **_path("bentoml"),
        PIPELINE: str(model.joblib_file),
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    return Contender("BentoML", command, "/predict", partial(_row_argument, "row"), env)


def _litserve(model: TrainedModel, folder: Path) -> Contender:
    def command(port: int) -> Sequence[str | Path]:
        return [_python("litserve"), "-m", "benchmarks.apps.lit", str(port)]

    return Contender("LitServe", command, "/predict", _row, {**_NO_TELEMETRY, PIPELINE: str(model.joblib_file)})


_MAKERS = {"mlflow": _mlflow, "bentoml": _bentoml, "litserve": _litserve}


def _python(name: str) -> Path:
    return _ENVIRONMENTS / name / "bin" / "python"


def _path(name: str) -> dict[str, str]:
    return {"PATH": f"{_python(name).parent}:/usr/local/bin:/usr/bin:/bin"}


def _run(*command: str | Path) -> str:
    process = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    if process.returncode:
        raise FastTrackError(f"{' '.join(map(str, command))[:200]} failed: {process.stderr.strip()[-2000:]}")
    return process.stdout.strip()


def _row(request: PredictionRequest) -> bytes:
    return json.dumps(request.rows[0]).encode()


def _row_argument(name: str, request: PredictionRequest) -> bytes:
    return json.dumps({name: request.rows[0]}).encode()


def _records(request: PredictionRequest) -> bytes:
    return json.dumps({"dataframe_records": request.rows}).encode()
