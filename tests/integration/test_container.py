"""The image that the Dockerfile makes, run as strictly as a cluster would run it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.real import ROOT, Engine, free_port, poll

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

HARDENED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=100")


@dataclass(frozen=True)
class Container:
    """A running container and where it answers."""

    engine: Engine
    name: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def exec(self, *command: str) -> str:
        return self.engine("exec", self.name, *command, check=False).strip()

    def inspect(self, template: str) -> str:
        return self.engine("inspect", "--format", template, self.name).strip()


@contextmanager
def running(engine: Engine, image: str, name: str, *options: str) -> Iterator[Container]:
    container = Container(engine, f"fasttrack-test-{name}-{os.getpid()}", free_port())
    publish = f"--publish=127.0.0.1:{container.port}:8000"
    engine("run", "--detach", "--name", container.name, publish, *HARDENED, *options, image)
    try:
        poll(lambda: httpx.get(f"{container.url}/health/ready").status_code == 200, what=f"{name}: ready")
        yield container
    finally:
        print(engine("logs", container.name))  # noqa: T201  # pytest shows it beside a failure
        engine("rm", "--force", container.name)


@pytest.fixture(scope="module")
def image(engine: Engine, project: Path) -> str:
    return os.environ.get("CONTAINER_IMAGE") or engine.image(project, "serve")


@pytest.fixture(scope="module")
def mounted(engine: Engine, image: str, project: Path) -> Iterator[Container]:
    """The server with the store of the project mounted."""
    with running(engine, image, "mounted", f"--volume={project / 'model'}:/app/model:ro") as container:
        yield container


def test_a_mounted_model_answers(mounted: Container) -> None:
    assert httpx.get(f"{mounted.url}/predict", params={"x": 5}).json() == {"x": 5.0, "prediction": 11.0}
    assert httpx.post(f"{mounted.url}/predict", json={"x": 5}).json()["prediction"] == 11.0
    assert 'http_requests_total{handler="/predict"' in httpx.get(f"{mounted.url}/metrics").text


def test_it_runs_without_any_privilege(mounted: Container) -> None:
    assert mounted.exec("id", "-u") == "10001"
    assert mounted.exec("id", "-g") == "10001"
    status = mounted.exec("cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Read-only file system" in mounted.exec("touch", "/app/file")


def test_its_health_check_passes(mounted: Container) -> None:
    if mounted.engine.run[0] == "docker":
        poll(lambda: mounted.inspect("{{.State.Health.Status}}") == "healthy", what="healthy", within_s=60)
    else:  # its timer is systemd's, which a machine may not have
        mounted.engine("healthcheck", "run", mounted.name)


def test_it_holds_nothing_that_only_training_or_installing_needs(mounted: Container) -> None:
    absent = (
        "pip",
        "uv",
        "setuptools",
        "sklearn",
        "scipy",
        "pandas",
        "joblib",
        "pyarrow",
        "onnx",
        "mlflow",
        "hatchling",
    )
    found = mounted.exec(
        "python", "-c", f"from importlib.util import find_spec; print([n for n in {absent} if find_spec(n)])"
    )
    assert found == "[]"


def test_a_baked_model_answers_without_any_mount(engine: Engine, project: Path) -> None:
    with running(engine, engine.image(project, "baked"), "baked") as container:
        answer = httpx.get(f"{container.url}/predict", params={"x": 5}).json()
    assert answer == {"x": 5.0, "prediction": 11.0}


def test_a_stop_lets_the_request_in_flight_finish(engine: Engine, image: str, project: Path) -> None:
    body = json.dumps({"x": 5}).encode()
    head = (
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    volume = f"--volume={project / 'model'}:/app/model:ro"
    with running(engine, image, "stopped", volume) as container:
        with socket.create_connection(("127.0.0.1", container.port), timeout=30) as client:
            client.sendall(head.encode())
            # the server has begun to answer, and waits for the body
            assert client.recv(4096).startswith(b"HTTP/1.1 100")
            with subprocess.Popen([*engine.run, "stop", "-t", "30", container.name], env=engine.env) as stop:
                poll(lambda: "Shutting down" in engine("logs", container.name), what="the server begins to stop")
                client.sendall(body)
                answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"prediction":11.0' in answer
        assert stop.returncode == 0
        assert container.inspect("{{.State.ExitCode}}") == "0"


def test_what_a_server_needs_adds_less_than_300_mb_to_its_base(engine: Engine, image: str) -> None:
    """The layers from the Dockerfile's own label on; an engine that builds does not list the base under its name."""
    layers = "{{.Size}} {{.CreatedBy}}"
    newest_first = engine("history", "--no-trunc", "--human=false", "--format", layers, image).splitlines()
    first = next(number for number, layer in enumerate(newest_first) if "org.opencontainers.image.title" in layer)
    assert 50e6 < sum(map(size_of, newest_first[: first + 1])) < 300e6


def size_of(layer: str) -> float:
    """Bytes: Docker writes them as a number, Podman with a unit even where it is asked not to."""
    match = re.match(r"([\d.]+)(?: ?([kMG]?)B)? ", layer)
    assert match, layer
    return float(match[1]) * {None: 1, "": 1, "k": 1e3, "M": 1e6, "G": 1e9}[match[2]]


def test_its_label_names_the_version(engine: Engine, image: str) -> None:
    template = '{{index .Config.Labels "org.opencontainers.image.version"}}'
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert engine("image", "inspect", "--format", template, image).strip() == project["version"]


def test_telemetry_is_off(mounted: Container) -> None:
    assert mounted.exec("printenv", "ORT_DISABLE_TELEMETRY") == "1"


def test_an_empty_store_is_told_in_one_line(engine: Engine, image: str) -> None:
    said = engine("run", "--rm", *HARDENED, image, check=False)
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("error: store /app/model has no model to serve")
