"""What `import fasttrack` offers: these names and no others, each loaded when it is first used."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import fasttrack
import fasttrack.jobs
from fasttrack.config import PackageConfig, TrainConfig, options
from tests.serving import models

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = [
    "AliasMove",
    "BundleError",
    "ConfigError",
    "DataError",
    "FastTrackError",
    "LoadedModel",
    "ModelVersion",
    "Outcome",
    "PredictionWarning",
    "Report",
    "StoreError",
    "StoreUnreachable",
    "TrackingError",
    "TrainConfig",
    "TrainingError",
    "VersionQuality",
    "load",
    "models",
    "package",
    "promote",
    "quality",
    "report",
    "rollback",
    "train",
]


def test_the_public_names_are_these() -> None:
    assert dir(fasttrack) == sorted(fasttrack.__all__) == PUBLIC
    with pytest.raises(AttributeError, match="module 'fasttrack' has no attribute 'trian'"):
        fasttrack.trian  # type: ignore[attr-defined]  # noqa: B018  # looking it up is the test


@pytest.mark.parametrize("package", [fasttrack, fasttrack.jobs], ids=lambda package: package.__name__)
def test_every_name_is_there_and_described(package: object) -> None:
    for name in dir(package):
        assert inspect.getdoc(getattr(package, name)), name


@pytest.mark.parametrize("module", ["fasttrack.jobs.train", "fasttrack.jobs.report", "fasttrack.report"])
def test_a_function_wins_over_a_module_of_its_name(module: str) -> None:
    loaded = importlib.import_module(module)
    package, _, name = module.rpartition(".")
    assert inspect.ismodule(loaded)
    assert inspect.isfunction(getattr(importlib.import_module(package), name))


@pytest.mark.parametrize(("function", "config"), [(fasttrack.train, TrainConfig), (fasttrack.package, PackageConfig)])
def test_signature_and_documentation_show_every_option(function: object, config: type[TrainConfig]) -> None:
    parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    text = " ".join((inspect.getdoc(function) or "").split())
    for name, option in options(config).items():
        if option.declared.keyword:
            assert name in parameters
            assert name == "target" or f" {name}: {' '.join(option.help.split())}" in text


def test_importing_it_and_loading_a_compiled_model_stay_light(tmp_path: Path) -> None:
    models.line(tmp_path)
    program = """
import sys
import fasttrack
assert not {"numpy", "msgspec", "fasttrack.jobs"} & set(sys.modules)
assert fasttrack.load("line", store=sys.argv[1]).predict([{"x": 1.0}, {"x": 2.0}]).tolist() == [3.0, 5.0]
assert [version.is_champion for version in fasttrack.models(store=sys.argv[1])] == [True]
fasttrack.promote("line", store=sys.argv[1])
heavy = {"sklearn", "pandas", "pyarrow", "scipy", "mlflow", "joblib", "onnx"}
print(sorted({name.partition(".")[0] for name in sys.modules} & heavy))
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_versions_are_promoted_listed_and_rolled_back(tmp_path: Path) -> None:
    first, second = models.line(tmp_path, 2.0), models.line(tmp_path, 3.0)
    versions = fasttrack.models("line", store=tmp_path)
    assert [(version.label, version.aliases) for version in versions] == [
        (first.label, ()),
        (second.label, ("champion",)),
    ]
    assert repr(versions[1]).startswith(f"<{second.label}, 20")
    assert repr(versions[1]).endswith(", LinearRegression, rmse 0, champion>")
    assert versions[1]._repr_html_().startswith(f"<code>{second.label}, ")
    assert fasttrack.promote(first.label, store=tmp_path).before == second.manifest.version
    assert fasttrack.rollback("line", store=tmp_path).version == second.manifest.version
    assert fasttrack.load(store=tmp_path).label == second.label
    with pytest.raises(fasttrack.StoreError, match=r"has no model 'lin'; did you mean line\?"):
        fasttrack.models("lin", store=tmp_path)
    assert fasttrack.models(store=tmp_path / "empty") == []


def test_an_outcome_is_shown_short_and_as_html(tmp_path: Path) -> None:
    outcome = models.mixed(tmp_path, name="sh-op")
    metric = outcome.metrics["log_loss"]
    assert repr(outcome) == (
        f"<Outcome {outcome.label}: log_loss {metric.value:.5g} ({metric.low:.5g} to {metric.high:.5g}), champion>"
    )
    page = outcome._repr_html_()
    assert f"<b>{outcome.label}</b>: Pipeline, promoted" in page
    assert f"<tr><td>log_loss</td><td>{metric.value:.5g}</td>" in page
    assert page.count("<tr>") == 1 + len(outcome.metrics)
