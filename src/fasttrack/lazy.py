"""Packages that offer what is in their modules without loading these before it is used."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["offer"]


def offer(package: str, modules: Mapping[str, str]) -> None:
    """Let `package` have the names in `modules`, each loaded from its module when it is first asked for.

    `dir` of the package lists these names alone. A name wins over a submodule of the same name, whichever is loaded
    first: `fasttrack.jobs.train` is the function, also after `import fasttrack.jobs.train`.
    """

    class LazyPackage(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name not in modules:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            value = getattr(importlib.import_module(modules[name]), name)
            super().__setattr__(name, value)
            return value

        def __setattr__(self, name: str, value: Any) -> None:
            if not (name in modules and isinstance(value, ModuleType)):  # the import system sets submodules
                super().__setattr__(name, value)

        def __dir__(self) -> list[str]:
            return sorted(modules)

    sys.modules[package].__class__ = LazyPackage
