"""The help lists the commands by task and shows every default; the shell completes models; typos get a suggestion."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer

from fasttrack.cli.app import app
from fasttrack.store import LocalStore
from tests.bundles import line, writer
from tests.cli.commands import COMMAND, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TASKS = {
    "Train and serve": ["train", "init", "serve", "predict"],
    "Measure": ["check", "feedback", "quality", "report"],
    "Manage and watch": ["models", "journal", "monitor", "mlflow"],
}


def commands(group: Any, name: str = "fasttrack") -> Iterator[tuple[str, Any]]:
    for command_name, command in group.commands.items():
        full_name = f"{name} {command_name}"
        if hasattr(command, "commands"):
            yield from commands(command, full_name)
        else:
            yield full_name, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_the_help_lists_the_commands_by_task_in_the_order_of_use(tmp_path: Path) -> None:
    words = run("--help", cwd=tmp_path).stdout.split()
    text = " ".join(words)
    positions = []
    for heading, names in TASKS.items():
        positions += [text.index(f" {heading} "), *(text.index(f"│ {name} ") for name in names)]
    assert positions == sorted(positions)
    assert "--install-completion" in text
    assert "Exit codes: " in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does_and_what_its_default_is(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert parameter.help, f"{name} {parameter.name} has no help"
        assert parameter.help.endswith("."), f"{name} {parameter.name}: {parameter.help}"
        given = parameter.required or getattr(parameter, "is_flag", False) or parameter.default is not None
        described = isinstance(parameter.show_default, str)
        assert given or described, f"{name} {parameter.name} does not say what happens without it"


def test_a_typo_gets_a_suggestion(tmp_path: Path) -> None:
    assert "Did you mean 'models'?" in run("modles", cwd=tmp_path, code=2).stderr
    assert "Did you mean 'promote'?" in run("models", "promot", cwd=tmp_path, code=2).stderr
    assert "--store" in run("models", "list", "--stor", "x", cwd=tmp_path, code=2).stderr
    refused = run("train", "x.csv", "--target", "y", "--task", "regresion", cwd=tmp_path, code=1).stderr
    assert refused.endswith(
        '--task: expected one of regression, binary, multiclass, got "regresion"; did you mean regression?\n'
    )


@pytest.mark.parametrize(
    ("line_so_far", "candidates"),
    [
        ("fasttrack models show l", ["line"]),
        ("fasttrack serve --model ", ["line", "other"]),
        ("fasttrack models promote line@", ["line@champion", "line@challenger", "line@VERSION"]),
        ("fasttrack models show --store nowhere l", []),
        ("fasttrack models show --store s3://bucket/models l", []),
    ],
)
def test_the_shell_completes_models_and_versions(tmp_path: Path, line_so_far: str, candidates: list[str]) -> None:
    store = LocalStore(tmp_path / "model")
    version = store.add("line", writer(line(1.0))).manifest.version
    store.add("other", writer(line(1.0), "other"))
    environment = {
        **os.environ,
        "_FASTTRACK_COMPLETE": "complete_bash",
        "COMP_WORDS": line_so_far,
        "COMP_CWORD": str(len(line_so_far.split(" ")) - 1),
    }
    done = subprocess.run([COMMAND], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [candidate.replace("VERSION", version) for candidate in candidates]
    assert done.stderr == ""


def test_the_commands_load_nothing_heavy_before_they_run() -> None:
    program = "import sys, fasttrack.cli.app; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"fastapi", "mlflow", "numpy", "obstore", "onnxruntime", "pandas", "pyarrow", "scipy", "sklearn"}
    assert not heavy & set(loaded)
