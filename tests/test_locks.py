"""The locks say what may be installed; `make lint` says whether they are what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SERVED = ["deploy/requirements-serve.txt", "deploy/requirements-sklearn.txt"]
LOCKS = ["requirements.txt", "requirements-dev.txt", *SERVED, "deploy/requirements-build.txt"]


def pins(lock: str) -> dict[str, set[str]]:
    """Name → versions; there are several where they differ by the version of Python."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?://|file:|--index|--find-links|^/", text, re.MULTILINE)


def test_the_runtime_lock_installs_the_project_and_what_training_and_serving_need() -> None:
    assert re.search(r"^-e \.( |$)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    project = PROJECT["project"]
    assert names(project["dependencies"] + project["optional-dependencies"]["train"]) <= pins("requirements.txt").keys()


def test_what_is_tested_is_what_is_served() -> None:
    tested = pins("requirements-dev.txt")
    for lock in ("requirements.txt", *SERVED):
        for name, versions in pins(lock).items():
            assert versions == tested[name]


@pytest.mark.parametrize("lock", [*SERVED, "deploy/requirements-build.txt"])
def test_every_pin_of_the_image_has_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert pinned
    assert all("--hash=sha256:" in entry for entry in pinned)


def test_the_image_serves_without_what_only_training_needs() -> None:
    heavy = {"scikit-learn", "pandas", "scipy", "joblib"}
    assert not (heavy | {"onnx", "spox", "pyarrow", "pytest", "uv"}) & pins("deploy/requirements-serve.txt").keys()
    assert heavy <= pins("deploy/requirements-sklearn.txt").keys()
