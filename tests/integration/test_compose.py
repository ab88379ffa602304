"""deploy/compose.yaml: resolved by Compose itself, and brought up on a Docker engine.

No image of Grafana can be had without an image registry, so that its service is only resolved, and what is mounted into
it is compared with its provisioning files. Prometheus runs from Debian's package, under the name of the pinned image.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.integration.conftest import BASE, SECRETS
from tests.integration.real import ROOT, docker_engine, free_port, poll, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = ROOT / "deploy" / "compose.yaml"
# the package's own console script loses the exit code
COMPOSE = Path(importlib.import_module("compose").__path__[0]) / "docker-compose"


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    env = {**os.environ, "GRAFANA_ADMIN_PASSWORD": "unused"}
    resolved: dict[str, Any] = json.loads(run(COMPOSE, "--file", FILE, "config", "--format=json", env=env))
    return resolved


def mounts(service: dict[str, Any]) -> dict[str, Path]:
    """Target in the container → source, of the mounts that are no volumes."""
    return {mount["target"]: Path(mount["source"]) for mount in service["volumes"] if mount["type"] == "bind"}


def test_grafana_does_not_start_without_a_password() -> None:
    env = {name: value for name, value in os.environ.items() if name != "GRAFANA_ADMIN_PASSWORD"}
    said = run(COMPOSE, "--file", FILE, "config", "--quiet", env=env, check=False)
    assert "choose a password for the admin of Grafana" in said


def test_everything_listens_on_loopback_and_is_pinned(resolved: dict[str, Any]) -> None:
    for service in resolved["services"].values():
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["image"].rpartition(":")[2] not in ("", "latest")


def test_grafana_finds_its_data_source_and_its_dashboard(resolved: dict[str, Any]) -> None:
    grafana = resolved["services"]["grafana"]
    mounted = mounts(grafana)
    provisioning = mounted["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "fasttrack.yml").read_text())["providers"]
    dashboard = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert str(Path(dashboard).parent) == provider["options"]["path"]
    document = json.loads(mounted[dashboard].read_text())
    (variable,) = [v for v in document["templating"]["list"] if v["type"] == "datasource"]
    assert variable["current"] == {"text": source["name"], "value": source["uid"]}
    host, _, port = source["url"].removeprefix("http://").partition(":")
    assert int(port) in [published["target"] for published in resolved["services"][host]["ports"]]


def test_prometheus_scrapes_the_service(resolved: dict[str, Any]) -> None:
    configuration = yaml.safe_load(
        mounts(resolved["services"]["prometheus"])["/etc/prometheus/prometheus.yml"].read_text()
    )
    (target,) = configuration["scrape_configs"][0]["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    assert int(port) in [published["target"] for published in resolved["services"][host]["ports"]]


class Stack:
    """The running services, and where they answer."""

    def __init__(self, folder: Path, project: Path, docker_host: str) -> None:
        self.api = free_port()
        self.prometheus = free_port()
        self.env = {
            **os.environ,
            "DOCKER_HOST": docker_host,
            "GRAFANA_ADMIN_PASSWORD": "unused",
            "API_PORT": str(self.api),
            "PROMETHEUS_PORT": str(self.prometheus),
        }
        secrets = {name: path for name, path in SECRETS.items() if path.exists()}
        override = folder / "override.yaml"
        override.write_text(
            json.dumps(
                {
                    "services": {"api": {"build": {"secrets": list(secrets)}}},
                    "secrets": {name: {"file": str(path)} for name, path in secrets.items()},
                }
            )
        )
        self.files = ("--file", str(project / "deploy" / "compose.yaml"), "--file", str(override))

    def compose(self, *arguments: str) -> str:
        return run(COMPOSE, *self.files, *arguments, env=self.env)

    def docker(self, *arguments: str | Path) -> str:
        return run("docker", *arguments, env=self.env)

    def inspect(self, service: str, template: str) -> str:
        return self.docker("inspect", "--format", template, self.compose("ps", "--quiet", service).strip()).strip()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, base_image: Path, project: Path) -> Iterator[Stack]:
    require("dockerd", "docker", "iptables", "prometheus", "promtool")
    folder = tmp_path_factory.mktemp("docker")
    with docker_engine(folder) as address:
        stack = Stack(folder, project, address)
        stack.docker("import", base_image, BASE)
        stand_in = folder / "prometheus"
        stand_in.mkdir()
        for tool in ("prometheus", "promtool"):
            shutil.copy(str(shutil.which(tool)), stand_in)
        image = yaml.safe_load(FILE.read_text())["services"]["prometheus"]["image"]
        (stand_in / "Dockerfile").write_text(
            f"FROM {BASE}\nCOPY prometheus promtool /bin/\nRUN install --directory --owner=nobody /prometheus\n"
            'USER nobody\nENTRYPOINT ["/bin/prometheus"]\n'
        )
        run("docker", "build", "--tag", image, stand_in, env={**stack.env, "DOCKER_BUILDKIT": "0"})
        try:
            stack.compose("up", "--build", "--wait", "api", "prometheus")
            yield stack
        finally:
            stack.compose("down", "--volumes", "--timeout=5")


@pytest.mark.system
def test_the_api_comes_up_healthy_and_answers(stack: Stack) -> None:
    assert stack.inspect("api", "{{.State.Health.Status}}") == "healthy"
    answer = httpx.get(f"http://127.0.0.1:{stack.api}/predict", params={"x": 5})
    assert answer.json() == {"x": 5.0, "prediction": 11.0}


@pytest.mark.system
def test_prometheus_comes_up_healthy_with_its_rules_and_finds_the_api_by_name(stack: Stack) -> None:
    assert stack.inspect("prometheus", "{{.State.Health.Status}}") == "healthy"

    def ask(path: str, **parameters: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{stack.prometheus}/api/v1/{path}", params=parameters).json()["data"]

    poll(lambda: ask("query", query="fasttrack_model_info")["result"], what="Prometheus has scraped the API")
    (target,) = ask("targets")["activeTargets"]
    assert target["scrapeUrl"] == "http://api:8000/metrics"
    assert target["health"] == "up"
    groups = ask("rules")["groups"]
    assert "FastTrackDown" in {rule["name"] for group in groups for rule in group["rules"]}


@pytest.mark.system
def test_the_api_stops_with_exit_code_0(stack: Stack) -> None:
    stack.compose("stop", "api")
    container = stack.compose("ps", "--all", "--quiet", "api").strip()
    assert stack.docker("inspect", "--format", "{{.State.ExitCode}}", container).strip() == "0"
