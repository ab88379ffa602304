"""The workflow's steps, run by act on this machine: an emulator of GitHub's runner, with a stub for setup-python."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.real import ROOT, SCRIPTS, bare_environment, copy_of_the_project, run

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = ROOT / ".github" / "workflows" / "ci-cd.yml"
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
COMMANDS = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
SETUP = {
    step["uses"] for job in JOBS.values() for step in job["steps"] if step.get("uses", "").startswith("actions/setup")
}


@pytest.mark.parametrize("command", [command for command in COMMANDS if "GITHUB_ENV" not in command])
def test_each_step_is_a_make_target(command: str) -> None:
    make, target, *_ = command.removeprefix("sudo ").split()
    assert make == "make"
    assert re.search(rf"^{target}:.* ## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_only_a_tag_publishes_and_only_then_may_a_job_write() -> None:
    writers = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writers == {"publish"}
    assert JOBS["publish"]["if"] == "github.ref_type == 'tag'"
    ancestors: set[str] = set()
    waiting = ["publish"]
    while waiting:
        needs = JOBS[waiting.pop()].get("needs", [])
        ancestors.update(needs)
        waiting.extend(needs)
    assert ancestors == JOBS.keys() - {"publish"}


def test_the_job_that_trains_and_predicts_runs(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path / "project")
    stub = tmp_path / "stub"
    stub.mkdir()
    # the runner's own Python 3.11 does
    (stub / "action.yml").write_text(
        "name: stub\ndescription: stub\ninputs: {python-version: {required: true, description: unused}}\n"
        'runs: {using: composite, steps: [{run: "true", shell: bash}]}\n'
    )
    (setup,) = SETUP
    env = bare_environment() | {
        "DOCKER_HOST": "unix:///nonexistent",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "UV_CACHE_DIR": run(SCRIPTS / "uv", "cache", "dir").strip(),
    }
    said = run(
        SCRIPTS / "act",
        "push",
        f"--directory={project}",
        "--job=model",
        "--platform=ubuntu-24.04=-self-hosted",
        "--pull=false",
        f"--local-repository={setup}={stub}",
        env=env,
    )
    assert re.search(r"x = 10: 21\.0", said), said
    assert "Job succeeded" in said
