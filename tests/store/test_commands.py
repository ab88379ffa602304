"""The command line on a store in a bucket: train into it, look, promote, predict, and copy to and from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fasttrack.store import LocalStore, open_store
from tests.bundles import line, writer
from tests.cli.commands import run
from tests.store.places import add
from tests.test_cli import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.places import Objects

pytestmark = pytest.mark.system  # several processes or servers: minutes, not milliseconds


def test_a_model_is_trained_into_a_bucket_and_used_from_it(objects: Objects, tmp_path: Path) -> None:
    here = ("--store", objects.location)
    trained = run("train", str(ROOT / "examples" / "linear" / "fasttrack.toml"), *here)
    assert f"writing the bundle to {objects.location}" in trained.stderr
    assert f"next: fasttrack serve --store {objects.location} --model linear" in trained.stdout
    (version,) = open_store(objects.location).identifiers("linear")
    assert version in run("models", "list", *here).stdout
    assert f"linear@{version}  champion" in run("models", "show", "linear", *here).stdout
    assert run("predict", "10", *here).stdout == "21.0\n"
    assert f"linear@{version}: ok" in run("models", "verify", *here).stdout
    objects.write(f"linear/{version}/model.onnx", b"damaged")
    assert "was changed after it was written" in run("models", "verify", *here, code=1).stderr
    assert run("predict", "10", *here).stdout == "21.0\n", "the cache holds what was published"
    assert "was changed after it was written" in run("models", "promote", f"linear@{version}", *here, code=1).stderr
    assert "wrote" in run("monitor", "build", *here, "--output", str(tmp_path / "monitoring")).stdout


def test_versions_are_pushed_and_pulled(objects: Objects, tmp_path: Path) -> None:
    local = LocalStore(tmp_path / "model")
    first, second = add(local, 1), add(local, 2)
    local.point("line", first)
    here = ("--store", str(local.folder))
    pushed = run("models", "push", "line", objects.location, *here)
    assert pushed.stdout.startswith(f"line@{first}: in {objects.location}, 0.0 MB")
    remote = open_store(objects.location)
    assert remote.identifiers("line") == [first]
    assert remote.champion("line") is None
    run("models", "push", f"line@{second}", objects.location, "--promote", *here)
    assert remote.champion("line") == second
    there = ("--store", str(tmp_path / "other"))
    pulled = run("models", "pull", objects.location, "line@champion", "--promote", *there)
    assert f"line: {second} is champion there" in pulled.stdout
    other = open_store(tmp_path / "other")
    assert other.identifiers("line") == [second]
    assert other.champion("line") == second
    assert other.open("line").load_pipeline().coef_ == local.open(f"line@{second}").load_pipeline().coef_
    again = run("models", "pull", objects.location, f"line@{first[:6]}", *there)
    assert again.stdout.startswith(f"line@{first}: in {tmp_path / 'other'}")
    assert other.champion("line") == second


def test_what_cannot_be_copied_is_said_in_one_line(objects: Objects, tmp_path: Path) -> None:
    local = LocalStore(tmp_path / "model")
    here = ("--store", str(local.folder))
    assert run("models", "pull", objects.location, "line", *here, code=1).stderr == (
        f"error: store {objects.location} has no model 'line'; it is empty; train a model first: fasttrack train\n"
    )
    version = local.add("line", writer(line(1))).manifest.version
    assert run("models", "push", f"line@{version}", "ftp://host/models", *here, code=1).stderr == (
        "error: ftp://host/models cannot hold models; use a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX "
        "or az://CONTAINER/PREFIX\n"
    )
    assert run("models", "push", "line", "s3://key:secret@bucket/models", *here, code=1).stderr == (
        "error: s3://key:***@bucket/models holds a key; keys belong into the environment, such as AWS_ACCESS_KEY_ID\n"
    )
