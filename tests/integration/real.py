"""Starting, waiting for and stopping what the tests run for real: commands, servers, container engines."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "ROOT",
    "Engine",
    "bare_environment",
    "copy_of_the_project",
    "docker_engine",
    "free_port",
    "poll",
    "process",
    "require",
    "run",
]

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = Path(sys.executable).parent

Environment = dict[str, str]


def require(*tools: str) -> None:
    """Fail, rather than skip, when a tool is not installed."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.fail(f"{', '.join(missing)} not found; run as root: make system-packages", pytrace=False)


def run(*command: str | Path, env: Environment | None = None, timeout_s: float = 300, check: bool = True) -> str:
    """What the command wrote, both streams."""
    done = subprocess.run(
        command, env=env, timeout=timeout_s, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if check and done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} exited with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def poll(ready: Callable[[], object], *, what: str, within_s: float = 30) -> None:
    """Return once `ready()` is true; a connection that is refused meanwhile is no failure."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            if ready():
                return
        except (httpx.TransportError, ConnectionError):
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {within_s} s")
        time.sleep(0.05)


def copy_of_the_project(folder: Path) -> Path:
    """What a clone holds: everything but what .gitignore names, without the history."""
    generated = shutil.ignore_patterns(
        ".git", ".venv", ".coverage*", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build", "dist"
    )

    def ignored(inside: str, names: list[str]) -> set[str]:
        return generated(inside, names) | ({"model"} if Path(inside) == ROOT else set())

    shutil.copytree(ROOT, folder, ignore=ignored)
    (folder / "model").mkdir()
    return folder


def bare_environment() -> Environment:
    """The environment of a user's own shell: without what this run, make or a server were told."""
    own = ("FASTTRACK_", "COV", "MAKE", "MFLAGS", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def process(
    command: Sequence[str | Path], log: Path, env: Environment | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is stopped at the end; what it says goes to `log`."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=env) as started:
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(30)
            except subprocess.TimeoutExpired:
                started.kill()


@contextmanager
def docker_engine(folder: Path, *options: str) -> Iterator[str]:
    """The address of a Docker engine of the test's own, whose images and bridge go with it."""
    require("dockerd", "docker", "iptables")
    address = f"unix://{folder}/docker.sock"
    had_bridge = Path("/sys/class/net/docker0").exists()
    command = (
        "dockerd",
        f"--host={address}",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/pid",
        "--default-ulimit=nofile=20000:20000",
        "--bip=172.31.250.1/24",  # not where another engine of this machine may be
        *options,
    )
    try:
        with process(command, folder / "dockerd.log"):

            def answers() -> bool:
                version = ["docker", "--host", address, "version"]
                return subprocess.run(version, capture_output=True).returncode == 0

            poll(answers, what="the Docker engine answers")
            yield address
    finally:
        if not had_bridge:
            run("ip", "link", "delete", "docker0", check=False)
        shutil.rmtree(folder / "data", ignore_errors=True)


@dataclass(frozen=True)
class Engine:
    """What builds and runs containers."""

    run: tuple[str, ...]
    build: tuple[str, ...]
    env: Environment

    def __call__(self, *arguments: str | Path, check: bool = True) -> str:
        return run(*self.run, *arguments, env=self.env, check=check)

    def image(self, project: Path, target: str) -> str:
        """The name of the image that the Dockerfile's target makes."""
        name = f"localhost/fasttrack-test:{target}"
        version = tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"]
        run(*self.build, "--target", target, "--build-arg", f"VERSION={version}", "--tag", name, project, env=self.env)
        return name
