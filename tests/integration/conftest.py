"""What the integration tests share: a trained store, a copy of the project, an engine with an image of it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.real import ROOT, Engine, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "python:3.11-slim-bookworm"  # BASE_IMAGE of the Dockerfile
SECRETS = {"ca": Path("/etc/ssl/certs/ca-certificates.crt"), "pipconf": Path("/etc/pip.conf")}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the default model, trained by the script that the README names."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    run(sys.executable, ROOT / "src" / "train.py", env={**os.environ, "FASTTRACK_STORE": str(folder)})
    return folder


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Path:
    """A copy of the project with a trained model, to build images in and to mount."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("api", "deploy", "monitoring", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dockerignore", "Dockerfile", "LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(store, folder / "model")
    return folder


@pytest.fixture(scope="session")
def base_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root file system that stands in for the Dockerfile's base image, which only an image registry has.

    Debian 12 with its own Python 3.11 in /usr, where the official image builds its Python into /usr/local.
    """
    require("mmdebstrap")
    archive = tmp_path_factory.mktemp("base") / "base.tar"
    run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--include=python3.11,python3.11-venv,python3-pip,ca-certificates",
        '--customize-hook=rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED;'
        ' ln -s /usr/bin/python3.11 "$1"/usr/local/bin/python; ln -s /usr/bin/pip3 "$1"/usr/local/bin/pip',
        "bookworm",
        archive,
    )
    return archive


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Docker where CONTAINER_IMAGE names an image to test; else Buildah and Podman with a storage of their own."""
    secrets = [f"--secret=id={name},src={path}" for name, path in SECRETS.items() if path.exists()]
    if "CONTAINER_IMAGE" in os.environ:
        require("docker")
        # Docker before 23 builds with BuildKit only where it is told to
        env = {**os.environ, "DOCKER_BUILDKIT": "1"}
        yield Engine(run=("docker",), build=("docker", "build", *secrets), env=env)
        return
    require("buildah", "podman", "runc")
    archive: Path = request.getfixturevalue("base_image")
    folder = tmp_path_factory.mktemp("containers")
    configuration = folder / "containers.conf"
    # The limits and the manager of control groups that a small virtual machine without systemd can give.
    configuration.write_text(
        '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        '[network]\nnetwork_backend = "netavark"\n'
    )
    env = {**os.environ, "CONTAINERS_CONF": str(configuration)}
    storage = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"))
    podman = ("podman", *storage)
    path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    run(*podman, "import", "--change", f"ENV {path}", archive, f"docker.io/library/{BASE}", env=env)
    # --format docker keeps the health check, which OCI's own format has no place for
    build = ("buildah", *storage, "bud", "--isolation=chroot", "--format=docker", "--pull-never", "--layers", *secrets)
    yield Engine(run=podman, build=build, env=env)
    run(*podman, "rmi", "--all", "--force", env=env)
    shutil.rmtree(folder, ignore_errors=True)
