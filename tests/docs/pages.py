"""The code blocks of the README and of the documentation, and running them as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["BIN", "README", "ROOT", "blocks", "page", "run", "shell_lines"]

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent


def page(name: str) -> str:
    """The text of a page below docs/, or of a file at the top."""
    top = ROOT / f"{name}.md"
    return (top if top.exists() else ROOT / "docs" / f"{name}.md").read_text()


README = page("README")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def shell_lines(text: str) -> list[str]:
    """The lines of the shell blocks, continued lines joined."""
    return [line for block in blocks(text, "sh") for line in block.replace("\\\n", " ").splitlines()]


def run(command: str, folder: Path) -> str:
    """What a shell command prints in `folder`; it must succeed."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout
