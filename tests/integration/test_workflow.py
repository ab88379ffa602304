"""The workflow's steps, run by act on this machine: an emulator of GitHub's runner, with stubs for the actions."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.integration.conftest import BASE, SECRETS
from tests.integration.real import (
    ROOT,
    SCRIPTS,
    bare_environment,
    copy_of_the_project,
    docker_engine,
    free_port,
    poll,
    process,
    require,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKFLOW = ROOT / ".github" / "workflows" / "ci-cd.yml"
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
COMMANDS = [step["run"] for step in STEPS if "run" in step]
ACTIONS = {step["uses"] for step in STEPS if "uses" in step} - {
    step["uses"]
    for step in STEPS
    if step.get("uses", "").startswith("actions/checkout@")  # which act brings
}
PUBLISHERS = {"publish-image", "publish-package", "release"}
_STUB = """
name: stub
description: stub
inputs: {{{inputs}}}
runs:
  using: composite
  steps:
    - shell: bash
      run: {command}
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_step_is_a_make_target(command: str) -> None:
    make, target, *_ = command.removeprefix("sudo ").split()
    assert make == "make"
    assert re.search(rf"^{target}:.* ## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def ancestors_of(job: str) -> set[str]:
    needs = set(JOBS[job].get("needs", []))
    return needs.union(*(ancestors_of(needed) for needed in needs))


def test_only_a_tag_publishes_and_only_then_may_a_job_write() -> None:
    writers = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writers == PUBLISHERS
    for name in PUBLISHERS:
        assert JOBS[name]["if"] == "github.ref_type == 'tag'"
        assert JOBS.keys() - PUBLISHERS <= ancestors_of(name)


def test_the_image_is_built_once_and_what_was_tested_is_published() -> None:
    assert len([command for command in COMMANDS if re.search(r"make (image|image-archive)\b(?!-)", command)]) == 1
    for name in ("image-test", "publish-image"):
        assert "image" in [step["with"]["name"] for step in JOBS[name]["steps"] if "download" in step.get("uses", "")]


def test_no_cache_reaches_a_release() -> None:
    assert JOBS["image"]["env"]["CACHE"].startswith("${{ github.ref_type != 'tag' && ")


def stubs(folder: Path, artifacts: Path) -> list[str]:
    """act's options that put a stub in place of each action: those for artifacts copy, the others do nothing."""
    copies = {
        "upload-artifact": f'mkdir -p "{artifacts}/$NAME" && cp -r "$PLACE" "{artifacts}/$NAME"',
        "download-artifact": f'mkdir -p "$PLACE" && cp -r "{artifacts}/$NAME/." "$PLACE"',
    }
    options = []
    for action in sorted(ACTIONS):
        name = action.partition("@")[0].rpartition("/")[2]
        stub = folder / name
        stub.mkdir(parents=True)
        used = {key for step in STEPS if step.get("uses") == action for key in step.get("with", {})}
        inputs = ", ".join(f"{key}: {{required: false, description: unused}}" for key in sorted(used))
        text = _STUB.format(inputs=inputs, command=json.dumps(copies.get(name, "true")))
        if name in copies:
            text += '      env: {NAME: "${{ inputs.name }}", PLACE: "${{ inputs.path }}"}\n'
        (stub / "action.yml").write_text(text)
        options.append(f"--local-repository={action}={stub}")
    return options


@dataclass(frozen=True)
class Runner:
    """act, where it works and what its jobs find in their environment."""

    project: Path
    folder: Path
    env: dict[str, str]

    def __call__(self, job: str, *options: str) -> str:
        """What the job said, without those that it needs: they run elsewhere, before."""
        workflow = yaml.safe_load(WORKFLOW.read_text())
        workflow["on"] = workflow.pop(True)  # what YAML 1.1 makes of the key
        workflow["jobs"] = {job: {key: value for key, value in JOBS[job].items() if key != "needs"}}
        only = self.folder / f"{job}.yml"
        only.write_text(yaml.safe_dump(workflow))
        said = run(
            SCRIPTS / "act",
            "push",
            f"--workflows={only}",
            f"--directory={self.project}",
            f"--job={job}",
            "--platform=ubuntu-24.04=-self-hosted",
            "--pull=false",
            *stubs(self.folder / f"stubs-{job}", self.folder / "artifacts"),
            *(f"--env={name}={value}" for name, value in self.env.items()),
            *options,
            env=bare_environment()
            | {
                "DOCKER_HOST": "unix:///nonexistent",  # the jobs run on this machine, not in containers
                "XDG_CACHE_HOME": str(self.folder / "cache"),
                "UV_CACHE_DIR": run(SCRIPTS / "uv", "cache", "dir").strip(),
                "PATH": self.env.get("PATH", os.environ["PATH"]),
            },
            timeout_s=900,
        )
        assert "Job succeeded" in said, said
        return said


@pytest.mark.system
def test_the_job_that_trains_and_predicts_runs(tmp_path: Path) -> None:
    runner = Runner(copy_of_the_project(tmp_path / "project"), tmp_path, {})
    assert re.search(r"x = 10: 21\.0", runner("model"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an image registry of the test's own listens."""
    require("docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    address = f"127.0.0.1:{free_port()}"
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(yaml.safe_dump(configuration))
    with process(("docker-registry", "serve", folder / "config.yml"), folder / "log"):
        poll(lambda: httpx.get(f"http://{address}/v2/").status_code == 200, what="the registry answers")
        yield address
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, registry: str, base_image: Path) -> Iterator[Runner]:
    """A runner with a Docker engine that has no image; the base is what its registry gives for the name."""
    require("skopeo")
    folder = tmp_path_factory.mktemp("runner")
    tools = folder / "tools"
    tools.mkdir()
    (tools / "sudo").write_text('#!/bin/sh\nexec "$@"\n')  # of the runner, where root needs none
    (tools / "sudo").chmod(0o755)
    with docker_engine(folder, f"--registry-mirror=http://{registry}") as address:
        docker = ("docker", "--host", address)
        base = f"{registry}/library/{BASE}"
        path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        run(*docker, "import", "--change", f"ENV {path}", base_image, base)
        run(*docker, "push", "--quiet", base)
        run(*docker, "rmi", base)
        assert run(*docker, "images", "--all", "--quiet") == ""
        secrets = [f"--secret id={name},src={file}" for name, file in SECRETS.items() if file.exists()]
        env = {
            "DOCKER_HOST": address,
            "IMAGE_OPTIONS": " ".join(secrets),
            "REPOSITORY": f"{registry}/fasttrack-mlops",
            "PUBLISH_OPTIONS": "--dest-tls-verify=false",
            # the engine's own client: another one may lack BuildKit
            "PATH": os.pathsep.join([str(tools), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
        }
        yield Runner(copy_of_the_project(folder / "project"), folder, env)


@pytest.fixture(scope="module")
def built(runner: Runner) -> Path:
    """The archive that the image job leaves for the next ones, built for a tag."""
    event = runner.folder / "event.json"
    event.write_text(json.dumps({"ref": "refs/tags/v0.0.0"}))
    runner("image", f"--eventpath={event}")
    return runner.folder / "artifacts" / "image" / "image.tar"


@pytest.mark.system
def test_the_jobs_that_build_and_test_the_image_pass_without_the_base_image(runner: Runner, built: Path) -> None:
    assert built.stat().st_size > 50e6
    said = runner("image-test", "--matrix=runner:ubuntu-24.04")
    assert re.search(r"\d+ passed", said), said
    assert BASE not in run("docker", "--host", runner.env["DOCKER_HOST"], "images", "--format={{.Repository}}:{{.Tag}}")


@pytest.mark.system
def test_the_image_that_was_tested_is_published_under_the_version_s_tags(
    runner: Runner, built: Path, registry: str
) -> None:
    configuration = json.loads(run("skopeo", "inspect", "--config", "--raw", f"docker-archive:{built}"))
    for version, tags in (("1.2.3", {"1.2.3", "1.2", "1", "latest"}), ("0.4.0rc1", {"0.4.0rc1"})):
        repository = f"{registry}/of-{version}"
        make = ("make", "--directory", ROOT, "publish", f"VERSION={version}", f"IMAGE_ARCHIVE={built}")
        run(*make, f"REPOSITORY={repository}", "PUBLISH_OPTIONS=--dest-tls-verify=false")
        listed = httpx.get(f"http://{registry}/v2/of-{version}/tags/list").json()["tags"]
        assert set(listed) == tags
        for tag in tags:
            source = f"docker://{repository}:{tag}"
            published = run("skopeo", "inspect", "--tls-verify=false", "--config", "--raw", source)
            assert json.loads(published) == configuration
