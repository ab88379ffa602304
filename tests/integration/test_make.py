"""The commands of the README, in a copy of the project that has neither an environment nor a model."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.real import ROOT, bare_environment, copy_of_the_project, free_port, poll, process, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system  # whole projects, kills and races: minutes, not milliseconds


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_project(tmp_path_factory.mktemp("fresh") / "clone")


def test_make_serve_sets_up_trains_and_serves(fresh: Path) -> None:
    port = free_port()
    log = fresh / "log"
    with process(("make", "--directory", fresh, "serve", f"PORT={port}"), log, bare_environment()):

        def said(pattern: str) -> bool:
            return re.search(pattern, log.read_text()) is not None

        poll(lambda: said(f'curl "http://localhost:{port}/predict'), what="the server says how to try it", within_s=180)
        assert said(f"http://localhost:{port}/docs")
        answer = httpx.get(f"http://localhost:{port}/predict", params={"x": 5}).json()
    assert answer == {"x": 5.0, "prediction": 11.0}


def test_a_second_call_has_nothing_left_to_set_up(fresh: Path) -> None:
    said = run("make", "--directory", fresh, "--dry-run", "inference")
    assert "uv pip install" not in said
    assert "src/predict.py" in said


def test_a_machine_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    done = subprocess.run(["make", "--directory", tmp_path, "lock", f"PYTHON={python}"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "on Debian: apt-get install python3-venv" in done.stderr


def test_help_names_every_command_once() -> None:
    said = run("make", "--directory", ROOT)
    for target in (
        "serve",
        "train",
        "test",
        "test-system",
        "lint",
        "types",
        "format",
        "lock",
        "image",
        "image-archive",
        "image-load",
        "image-test",
        "publish",
        "package",
        "release",
        "release-check",
        "release-notes",
        "ci",
    ):
        assert len(re.findall(rf"^  make {target} ", said, re.MULTILINE)) == 1
