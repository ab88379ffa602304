"""Other servers of the same pipeline, each in an environment of its own, which uv makes when asked to.

One environment for all would hold BentoML back at 0.9: its newer releases do not go with MLflow's requirements.
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

from benchmarks.apps.rows import PIPELINE
from benchmarks.servers import ROOT, Contender
from fasttrack.errors import ConfigError, FastTrackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.questions import Question, Subject

__all__ = ["NAMES", "install", "installed", "versions"]

_REQUIREMENTS = {"mlflow": "mlflow>=3", "bentoml": "bentoml>=1.4", "litserve": "litserve>=0.2"}
NAMES = tuple(_REQUIREMENTS)
_ENVIRONMENTS = Path(__file__).parent / ".extras"
# None of them is to speak to its maker while it is measured.
_QUIET = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
_SAVE = """\
import sys
import joblib, mlflow.sklearn
mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format="cloudpickle")
"""


def install() -> None:
    """Make the environments, with the versions of this one where the pipeline depends on them."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise ConfigError("--extras needs uv to make environments: pip install uv")
    same = [f"{name}=={metadata.version(name)}" for name in ("joblib", "numpy", "pandas", "scikit-learn")]
    for name, requirement in _REQUIREMENTS.items():
        if not _python(name).exists():
            _run(uv, "venv", "--quiet", "--python", sys.executable, _ENVIRONMENTS / name)
        target = ("--python", _python(name))
        project = (f"{ROOT}[train]", "--reinstall-package", "fasttrack-mlops")
        _run(uv, "pip", "install", "--quiet", *target, requirement, *project, *same)


def installed(subject: Subject, folder: Path) -> list[Contender]:
    """A contender for each environment that is there; what it must have saved first goes to `folder`."""
    return [_MAKERS[name](subject, folder) for name in NAMES if _python(name).exists()]


def versions() -> dict[str, str]:
    """What is installed, by name."""
    found = {}
    for name in NAMES:
        if _python(name).exists():
            found[name] = _run(_python(name), "-c", f"from importlib.metadata import version; print(version({name!r}))")
    return found


def _mlflow(subject: Subject, folder: Path) -> Contender:
    model = folder / "mlflow-model"
    if not model.exists():
        _run(_python("mlflow"), "-c", _SAVE, subject.joblib, model)

    def command(port: int) -> Sequence[str | Path]:
        where = ("--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
        return [_python("mlflow").with_name("mlflow"), "models", "serve", "--model-uri", model, *where]

    # MLflow starts the python that PATH finds first
    return Contender("mlflow models serve", command, "/invocations", _records, {**_QUIET, **_path("mlflow")})


def _bentoml(subject: Subject, folder: Path) -> Contender:
    def command(port: int) -> Sequence[str | Path]:
        where = ("--host", "127.0.0.1", "--port", str(port))
        return [_python("bentoml"), "-m", "bentoml", "serve", "benchmarks.apps.bento:Flights", *where]

    env = {**_QUIET, **_path("bentoml"), PIPELINE: str(subject.joblib), "BENTOML_HOME": str(folder / "bentoml")}
    return Contender("BentoML", command, "/predict", partial(_named, "row"), env)


def _litserve(subject: Subject, folder: Path) -> Contender:
    def command(port: int) -> Sequence[str | Path]:
        return [_python("litserve"), "-m", "benchmarks.apps.lit", str(port)]

    return Contender("LitServe", command, "/predict", _row, {**_QUIET, PIPELINE: str(subject.joblib)})


_MAKERS = {"mlflow": _mlflow, "bentoml": _bentoml, "litserve": _litserve}


def _python(name: str) -> Path:
    return _ENVIRONMENTS / name / "bin" / "python"


def _path(name: str) -> dict[str, str]:
    return {"PATH": f"{_python(name).parent}:/usr/local/bin:/usr/bin:/bin"}


def _run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise FastTrackError(f"{' '.join(map(str, command))[:200]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def _row(question: Question) -> bytes:
    return json.dumps(question.rows[0]).encode()


def _named(name: str, question: Question) -> bytes:
    return json.dumps({name: question.rows[0]}).encode()


def _records(question: Question) -> bytes:
    return json.dumps({"dataframe_records": question.rows}).encode()
