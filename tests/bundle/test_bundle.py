"""A bundle is whole or refused: every byte is pinned, and nothing is unpickled or imported before it was checked."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sklearn.linear_model import LinearRegression

import fasttrack.bundle
from fasttrack.bundle import Bundle, Manifest, open_bundle, read_manifest, write_bundle
from fasttrack.contract.metric import Metric
from fasttrack.errors import BundleError
from tests.bundles import line, manifest

MODULE = """
from sklearn.base import BaseEstimator, RegressorMixin

class Own(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.n_features_in_ = 1
        return self

    def predict(self, X):
        return [{answer}] * len(X)
"""


FIRST_RELEASE = """{
  "format": 1, "name": "line", "version": "7736e344bddf", "created": "2024-01-01T00:00:00.000+00:00",
  "git_commit": null,
  "contract": {
    "columns": [
      {"name": "x", "kind": "number", "nullable": false, "dtype": "float64",
       "minimum": 0.0, "maximum": 2.0, "example": 1.0}
    ],
    "target": {"name": "y", "task": "regression"}
  },
  "engine": "sklearn", "engine_reason": "",
  "training": {
    "estimator": "linear", "rows": 3, "holdout_rows": 0, "split": "none", "dropped_rows": 0,
    "left_out": {}, "notes": [], "source": null, "schema": {}, "content_sha256": null
  },
  "primary_metric": "rmse", "greater_is_better": false,
  "metrics": {"rmse": {"value": 1.5, "low": 1.0, "high": 2.0}}, "baseline": {}, "packages": {"python": "3.11.0"},
  "files": {
    "model.joblib": {"sha256": "82872b670d2e6fcf0f49dbabbc167a95f4981698da67dfc272f34a5b940c9c86", "size": 15}
  },
  "seal": "40e2afe13f5f16ede55c4c13d1b206914db2ce631470a7bbdc8f905fdfc936b0"
}"""


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    folder = tmp_path / "bundle"
    folder.mkdir()
    return write_bundle(folder, manifest(), line(2.0), others={"notes.txt": b"first\nsecond\n"})


def refused(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        open_bundle(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def reseal(folder: Path, **changes: Any) -> None:
    """Rewrite a manifest as someone would who knows how digests are made."""
    path = folder / "manifest.json"
    content = json.loads(path.read_bytes()) | changes

    def digest(*without: str) -> str:
        kept = {key: value for key, value in content.items() if key not in without}
        return hashlib.sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()

    content["version"] = digest("version", "created", "git_commit", "seal")[:12]
    content["seal"] = digest("seal")
    path.write_bytes(json.dumps(content).encode())


def test_what_was_written_is_what_is_opened(bundle: Bundle) -> None:
    opened = open_bundle(bundle.folder)
    assert opened == bundle
    assert opened.label == f"line@{opened.manifest.version}"
    assert sorted(opened.manifest.files) == ["model.joblib", "notes.txt"]
    assert opened.read("notes.txt") == b"first\nsecond\n"
    assert opened.load_pipeline().predict([[3.0]]).tolist() == pytest.approx([6.0])


def test_a_flipped_bit_anywhere_is_noticed(bundle: Bundle) -> None:
    for path in sorted(bundle.folder.iterdir()):
        content = path.read_bytes()
        places = range(len(content)) if len(content) < 5000 else range(0, len(content), 97)
        for place in places:
            bit = 1 << (place % 8)
            path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
            assert str(path) in refused(bundle.folder), (path.name, place)
        path.write_bytes(content)
    assert open_bundle(bundle.folder) == bundle


def test_a_file_that_was_cut_short_is_noticed(bundle: Bundle) -> None:
    for path in bundle.folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-1] if path.name != "manifest.json" else content[: len(content) // 2])
        assert str(path) in refused(bundle.folder)
        path.write_bytes(content)


def test_when_and_where_a_bundle_was_made_is_pinned_too(bundle: Bundle) -> None:
    path = bundle.folder / "manifest.json"
    path.write_text(path.read_text().replace("2024-01-01", "2023-01-01"))
    assert refused(bundle.folder) == (
        f"{path} was changed after it was written: its digests do not match its content; "
        "restore it from a copy, or train again"
    )


def test_a_changed_file_is_named_with_both_digests(bundle: Bundle) -> None:
    (bundle.folder / "notes.txt").write_bytes(b"other")
    digest = hashlib.sha256(b"other").hexdigest()[:12]
    pinned = bundle.manifest.files["notes.txt"].sha256[:12]
    assert refused(bundle.folder) == (
        f"{bundle.folder}/notes.txt was changed after it was written: its SHA-256 is {digest}…, in the manifest it is "
        f"{pinned}…; restore it from a copy, or train again"
    )


def test_a_missing_file_is_named(bundle: Bundle) -> None:
    (bundle.folder / "model.joblib").unlink()
    assert refused(bundle.folder) == (
        f"{bundle.folder}/model.joblib cannot be read: No such file or directory; restore the bundle, or train again"
    )


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path} is not a bundle: it has no manifest.json"
    assert refused(tmp_path / "nowhere") == f"{tmp_path}/nowhere is not a bundle: it has no manifest.json"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format":1}', b"[" * 100_000, b'{"format":true}'])
def test_a_manifest_that_is_none_is_damaged(bundle: Bundle, content: bytes) -> None:
    (bundle.folder / "manifest.json").write_bytes(content)
    message = refused(bundle.folder)
    assert message.startswith(f"{bundle.folder}/manifest.json is damaged: ")
    assert message.endswith("; restore it from a copy, or train again")


def test_an_unknown_format_is_named_whatever_else_it_holds(bundle: Bundle) -> None:
    path = bundle.folder / "manifest.json"
    for content in (b'{"format":3}', path.read_bytes().replace(b'"format": 2', b'"format": 3')):
        path.write_bytes(content)
        assert refused(bundle.folder) == (
            f"{path} has format 3, and this version of fasttrack-mlops reads formats 1 to 2; update fasttrack-mlops"
        )


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret", "nul\0"])
def test_a_file_outside_the_bundle_is_never_read(bundle: Bundle, name: str) -> None:
    (bundle.folder.parent / "secret").write_bytes(b"x")
    digest = {"sha256": hashlib.sha256(b"x").hexdigest(), "size": 1}
    reseal(bundle.folder, files={name: digest})
    assert refused(bundle.folder) == f"{bundle.folder}/manifest.json lists {name!r}, which lies outside of the bundle"


def test_a_field_that_a_later_version_added_does_not_damage_a_bundle(bundle: Bundle) -> None:
    reseal(bundle.folder, added="later")
    assert open_bundle(bundle.folder).manifest.contract == bundle.manifest.contract


def test_a_bundle_without_a_pipeline_says_so(bundle: Bundle) -> None:
    reseal(bundle.folder, files={})
    with pytest.raises(BundleError, match=r"manifest.json does not list model.joblib"):
        open_bundle(bundle.folder).load_pipeline()


def test_the_version_is_the_digest_of_the_content_alone(tmp_path: Path) -> None:
    versions = []
    for i, changes in enumerate([{}, {"created": "2030-01-01", "git_commit": "abc"}, {"name": "other"}]):
        folder = tmp_path / str(i)
        folder.mkdir()
        versions.append(write_bundle(folder, manifest(**changes), line(2.0)).manifest.version)
    assert versions[0] == versions[1] != versions[2]
    assert len(versions[0]) == 12


def test_a_manifest_of_the_first_release_is_still_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(FIRST_RELEASE)
    (tmp_path / "model.joblib").write_bytes(b"always the same")
    opened = open_bundle(tmp_path)
    assert opened.label == "line@7736e344bddf"
    assert opened.manifest.metrics == {"rmse": Metric(1.5, 1.0, 2.0)}


def test_two_processes_write_the_same_version(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from tests.bundles import line, manifest; from fasttrack.bundle import write_bundle;"
        "folder = Path(sys.argv[1]); folder.mkdir();"
        "print(write_bundle(folder, manifest(), line(2.0)).manifest.version)"
    )
    root = str(Path(__file__).parent.parent)
    versions = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / seed), root],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(versions) == 1


def test_a_metric_that_is_not_a_number_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"the manifest of line cannot be written as JSON: .*metrics"):
        write_bundle(tmp_path, manifest(metrics={"r2": Metric(float("nan"), 0.0, 1.0)}), line(1.0))
    assert not (tmp_path / "manifest.json").exists()


def test_a_pipeline_that_cannot_be_pickled_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        write_bundle(tmp_path, manifest(), lambda: None)
    assert str(caught.value).startswith("the pipeline cannot be pickled: ")
    assert "define its classes and functions in a module" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- unpickling


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, (str(self.trace),)


def test_nothing_is_unpickled_before_its_digest_matched(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    evil, good = tmp_path / "evil", tmp_path / "good"
    evil.mkdir()
    good.mkdir()
    write_bundle(evil, manifest(), Canary(trace))
    bundle = write_bundle(good, manifest(), line(2.0))
    opened = open_bundle(good)
    (good / "model.joblib").write_bytes((evil / "model.joblib").read_bytes())  # swapped after it was opened
    with pytest.raises(BundleError, match=r"model.joblib was changed after it was written"):
        opened.load_pipeline()
    assert str(good) in refused(good)
    assert not trace.exists()
    open_bundle(evil).load_pipeline()
    assert trace.exists()  # the canary sings: the checks above could have failed
    assert bundle.manifest.version != read_manifest(evil).version


def test_another_minor_version_of_scikit_learn_is_refused_with_both_named(tmp_path: Path) -> None:
    here = fasttrack.bundle.installed_packages()["scikit-learn"]
    packages = {"python": "3.11.0", "scikit-learn": "0.99.1"}
    bundle = write_bundle(tmp_path, manifest(packages=packages), line(2.0))
    with pytest.raises(BundleError) as caught:
        bundle.load_pipeline()
    assert str(caught.value) == (
        f"{bundle.label} was trained with scikit-learn 0.99.1, and {here} is installed; "
        "pip install 'scikit-learn==0.99.1', train again, or set FASTTRACK_ALLOW_VERSION_MISMATCH=1"
    )
    pipeline = bundle.load_pipeline(allow_version_mismatch=True)
    assert isinstance(pipeline, LinearRegression)


def test_another_patch_version_of_scikit_learn_is_fine(tmp_path: Path) -> None:
    here = fasttrack.bundle.installed_packages()["scikit-learn"]
    other = ".".join([*here.split(".")[:2], "999"])
    bundle = write_bundle(tmp_path, manifest(packages={"scikit-learn": other}), line(2.0))
    assert isinstance(bundle.load_pipeline(), LinearRegression)


# --- own code


def own_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: float) -> Bundle:
    """A bundle whose estimator lives in `shop.py`, which is gone afterwards."""
    project = tmp_path / f"project{answer}"
    folder = tmp_path / f"bundle{answer}"
    project.mkdir()
    folder.mkdir()
    (project / "shop.py").write_text(MODULE.format(answer=answer))
    with monkeypatch.context() as patch:
        patch.syspath_prepend(project)
        patch.delitem(sys.modules, "shop", raising=False)
        own = importlib.import_module("shop").Own()
        bundle = write_bundle(folder, manifest(), own.fit([[0]], [0]), code=[project / "shop.py"])
    sys.modules.pop("shop", None)
    return bundle


@pytest.fixture(autouse=True)
def forget_modules() -> Any:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("shop", "parts"):
            del sys.modules[name]


def test_own_code_travels_with_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = own_bundle(tmp_path, monkeypatch, 1.5)
    assert sorted(bundle.manifest.files) == ["code/shop.py", "model.joblib"]
    path, hooks = [*sys.path], [*sys.meta_path]
    assert open_bundle(bundle.folder).load_pipeline().predict([[0]]) == [1.5]
    assert (sys.path, sys.meta_path) == (path, hooks)
    assert not list(bundle.folder.rglob("__pycache__"))
    assert {path.name for path in (bundle.folder / "code").iterdir()} == {"shop.py"}


def test_two_versions_of_a_module_of_one_name_answer_each_by_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = [own_bundle(tmp_path, monkeypatch, answer) for answer in (1.0, 2.0)]
    pipelines = [bundle.load_pipeline() for bundle in bundles]
    assert [pipeline.predict([[0]]) for pipeline in pipelines] == [[1.0], [2.0]]
    assert bundles[0].load_pipeline().predict([[0]]) == [1.0]


def test_the_process_keeps_its_own_module_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = own_bundle(tmp_path, monkeypatch, 1.0)
    (tmp_path / "shop.py").write_text("mine = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("shop")
    assert bundle.load_pipeline().predict([[0]]) == [1.0]
    assert sys.modules["shop"] is mine
    assert importlib.import_module("shop").mine


def test_a_package_travels_with_its_modules_and_can_import_them_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "project" / "parts"
    (package / "deep").mkdir(parents=True)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "old.pyc").write_bytes(b"")
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text("from .deep.answer import ANSWER\n" + MODULE.format(answer="ANSWER"))
    (package / "deep" / "answer.py").write_text("ANSWER = 7.0\n")  # a folder without __init__.py
    folder = tmp_path / "bundle"
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path / "project")
        own = importlib.import_module("parts.model").Own().fit([[0]], [0])
        bundle = write_bundle(folder, manifest(), own, code=[package])
    for name in [name for name in sys.modules if name.startswith("parts")]:
        del sys.modules[name]
    files = ["code/parts/__init__.py", "code/parts/deep/answer.py", "code/parts/model.py", "model.joblib"]
    assert sorted(bundle.manifest.files) == files
    assert bundle.load_pipeline().predict([[0]]) == [7.0]


def test_a_file_put_beside_the_code_is_never_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = own_bundle(tmp_path, monkeypatch, 1.0)
    for name in ("joblib.py", "sklearn.py", "shop/__init__.py"):
        path = bundle.folder / "code" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit('executed')\n")
    program = (
        "import sys; from pathlib import Path; from fasttrack.bundle import open_bundle;"
        "print(open_bundle(Path(sys.argv[1])).load_pipeline().predict([[0]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bundle.folder)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[1.0]\n", "")


def test_changed_code_is_never_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = own_bundle(tmp_path, monkeypatch, 1.0)
    opened = open_bundle(bundle.folder)
    trace = tmp_path / "trace"
    (bundle.folder / "code" / "shop.py").write_text(
        f"import os; os.mkdir({str(trace)!r})\n" + MODULE.format(answer=2.0)
    )
    with pytest.raises(BundleError, match=r"code/shop.py was changed after it was written"):
        opened.load_pipeline()
    assert not trace.exists()


def test_a_module_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "shop.py").write_text(MODULE.format(answer=1.0))
    with monkeypatch.context() as patch:
        patch.syspath_prepend(project)
        patch.delitem(sys.modules, "shop", raising=False)
        own = importlib.import_module("shop").Own()
        bundle = write_bundle(tmp_path, manifest(), own)  # without its code
    del sys.modules["shop"]
    (project / "shop.py").unlink()
    importlib.invalidate_caches()
    with pytest.raises(BundleError) as caught:
        bundle.load_pipeline()
    assert str(caught.value) == (
        f"{bundle.label}: the pipeline needs the module 'shop', which is not installed here; "
        "install it, or put its folder on PYTHONPATH"
    )


def test_a_manifest_says_what_it_was_made_with() -> None:
    packages = fasttrack.bundle.installed_packages()
    assert {"python", "scikit-learn", "numpy", "joblib", "fasttrack-mlops"} <= set(packages)
    assert isinstance(manifest(), Manifest)
