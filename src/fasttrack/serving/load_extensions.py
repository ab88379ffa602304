"""Guards and observers that a setting names: `module:factory`, several separated by commas."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from fasttrack.errors import ConfigError, in_a_line

__all__ = ["load_extensions"]


def load_extensions(variable: str, text: str, method: str) -> list[Any]:
    """What each factory in `text` returns, called without arguments; it must have `method`.

    Modules are looked for in the current folder too. `variable`: the environment variable, for messages.
    Raises ConfigError naming the factory that cannot be used.
    """
    return [_make(variable, spec.strip(), method) for spec in text.split(",") if spec.strip()]


def _make(variable: str, spec: str, method: str) -> Any:
    where = f"{variable} names {spec!r}"
    module_name, colon, attribute = spec.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigError(f"{where}; write module:factory, such as access:make_guard")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
        extension = factory()
    except Exception as error:
        raise ConfigError(f"{where}, which cannot be used: {in_a_line(error)}") from error
    if not callable(getattr(extension, method, None)):
        raise ConfigError(f"{where}, which makes a {type(extension).__name__} without the method {method!r}")
    return extension
