"""An installation of the wheel away from the source tree, and every command with arguments that make it do its work."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fasttrack.cli.app import app
from tests.integration.real import ROOT, SCRIPTS, bare_environment, process, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["USES", "Installation", "Use", "build_wheel", "commands", "faults"]

_ADVICE = re.compile(r"^error: [^\n]*pip install 'fasttrack-mlops\[(\w+)\]'[^\n]*$", re.MULTILINE)


@dataclass(frozen=True)
class Use:
    """A command, arguments, and the extras without which it may refuse."""

    command: str
    arguments: str
    needs: tuple[str, ...] = ()
    runs_until: str = ""
    """What a command that does not end by itself writes once it works."""

    def __str__(self) -> str:
        return f"fasttrack {self.command} {self.arguments}".rstrip()


USES = [
    Use("train", "sales.csv --target y --estimator linear", ("train",)),
    Use("train", "sales.csv --target y --estimator linear --trials 1", ("train", "search")),
    Use("train", "sales.csv --target y --estimator linear --tracking {registry}", ("train", "mlflow")),
    Use("train", "{database} --table sales --target y --estimator linear", ("train", "sources")),
    Use("train", "sales.xlsx --target y --estimator linear", ("train", "excel")),
    Use("train", "sales.csv --target y --estimator lightgbm", ("train", "lightgbm")),
    Use("train", "sales.csv --target y --estimator xgboost", ("train", "xgboost")),
    Use("init", "sales.csv --target y", ("train",)),
    Use("serve", "--port 0", runs_until="Application startup complete"),
    Use("predict", "5"),
    Use("check", "sales.csv", ("train",)),
    Use("feedback", "labels.csv --label y", ("train",)),
    Use("quality", ""),
    Use("report", "line --output report.html"),
    Use("report", "line --data sales.csv", ("train",)),
    Use("models list", ""),
    Use("models show", "line"),
    Use("models promote", "line@{first}"),
    Use("models rollback", "line"),
    Use("models verify", ""),
    Use("models verify", "line --data sales.csv", ("train",)),
    Use("models push", "line other"),
    Use("models push", "line {bucket}", ("objects",)),
    Use("models pull", "model line --store other"),
    Use("journal show", ""),
    Use("journal show", "--journal {database}", ("postgres",)),
    Use("journal export", "predictions.parquet", ("train",)),
    Use("monitor build", "line --output watched"),
    Use("mlflow status", ""),
    Use("mlflow send", "--tracking {registry}", ("mlflow",)),
    Use("mlflow pull", "models:/line@champion --store other --tracking {registry}", ("mlflow",)),
    Use(
        "mlflow follow",
        "models:/line@champion --store other --tracking {registry}",
        ("mlflow",),
        runs_until=r"models:/line@champion is .*champion|promoted",
    ),
]
"""`{name}` is filled in by the test: where the servers are, and the first version of the model."""


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that the command line has, with its group."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name))


def build_wheel(folder: Path) -> Path:
    """The wheel of this source tree."""
    run(SCRIPTS / "uv", "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


class Installation:
    """A virtual environment with nothing but the wheel, some of its extras, and what they need, as locked."""

    def __init__(self, folder: Path, wheel: Path, extras: tuple[str, ...] = ()) -> None:
        self.extras = extras
        self._folder = folder
        self._environment = folder / "environment"
        pins = folder / "pins.txt"
        locked = (ROOT / "requirements-dev.txt").read_text().splitlines()
        pins.write_text("\n".join(line for line in locked if "==" in line))
        uv = SCRIPTS / "uv"
        run(uv, "venv", "--quiet", "--python", sys.executable, self._environment)
        wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        python = self._environment / "bin" / "python"
        run(uv, "pip", "install", "--quiet", "--python", python, "--constraints", pins, wanted)

    def fault(self, use: Use, work: Path, values: Mapping[str, str], env: Mapping[str, str]) -> str | None:
        """What is wrong with how the command ends in a copy of the folder `work`; None where nothing is."""
        folder = Path(self._folder / re.sub(r"\W+", "-", str(use)))
        shutil.copytree(work, folder)
        arguments = [self._environment / "bin" / "fasttrack", *use.command.split()]
        arguments += [argument.format(**values) for argument in use.arguments.split()]
        code, output = _outcome(arguments, folder, {**_own_environment(), **env}, use.runs_until)
        advised = _ADVICE.findall(output)
        missing = [extra for extra in use.needs if extra not in self.extras]
        if "Traceback" not in output and (
            code == 0 or (code == 1 and len(advised) == 1 and advised[0] in missing and output.count("error: ") == 1)
        ):
            return None
        told = f"works or asks for one of {missing}" if missing else "works"
        return f"with {list(self.extras) or 'no extra'}, `{use}` {told}; it ended with {code}:\n{output[-1500:]}"


def faults(installation: Installation, work: Path, values: Mapping[str, str], env: Mapping[str, str]) -> list[str]:
    """What is wrong with any use of any command."""
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda use: installation.fault(use, work, values, env), USES)
    return [fault for fault in results if fault is not None]


def _own_environment() -> dict[str, str]:
    """That of a shell that knows nothing of this source tree."""
    return {name: value for name, value in bare_environment().items() if not name.startswith(("PYTHON", "MLFLOW"))}


def _outcome(command: list[Any], folder: Path, env: dict[str, str], runs_until: str) -> tuple[int, str]:
    if not runs_until:
        done = subprocess.run(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
        )
        return done.returncode, done.stdout
    log = folder / "log"
    command = ["env", f"--chdir={folder}", *command]
    with process(command, log, env) as started:
        deadline = time.monotonic() + 60
        while started.poll() is None and not re.search(runs_until, log.read_text()):
            if time.monotonic() > deadline:
                return -1, f"it does not say {runs_until!r} within 60 s:\n{log.read_text()}"
            time.sleep(0.05)
        started.terminate()
        return started.wait(30), log.read_text()
