"""Import the user's modules in a bundle from bytes whose digests were checked, never from a folder.

Other files in the folder cannot be imported, and no bytecode is written into the bundle.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from pathlib import Path
from typing import Any

__all__ = ["bundled_modules"]

_import_lock = threading.RLock()  # the interpreter has one table of modules


@contextmanager
def bundled_modules(folder: Path, sources: Mapping[str, bytes]) -> Iterator[None]:
    """Let imports inside the `with` block find the modules in `sources` (path under `folder` → source) first.

    Imported modules stay imported afterwards, so that one can import another of its package when it is called. But
    the process's own modules of the same names are put back; those of another bundle are not.
    """
    own = {Path(path).parts[0].removesuffix(".py") for path in sources}
    with _import_lock:
        displaced = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in own}
        for name in displaced:
            del sys.modules[name]
        finder = _Finder(folder, sources)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            kept = {name: module for name, module in displaced.items() if not _is_bundled(name, displaced)}
            for name in [name for name in sys.modules if name.partition(".")[0] in _tops(kept)]:
                del sys.modules[name]
            sys.modules.update(kept)


class _Source(ExecutionLoader):
    def __init__(self, path: Path, content: bytes, *, package: bool) -> None:
        self._path = path
        self._content = content
        self._package = package

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_source(self, fullname: str) -> str:
        return decode_source(self._content)

    def is_package(self, fullname: str) -> bool:
        return self._package


class _Finder(MetaPathFinder):
    def __init__(self, folder: Path, sources: Mapping[str, bytes]) -> None:
        self._folder = folder
        self._sources = sources

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        stem = fullname.replace(".", "/")
        for path_in_bundle, package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
            if path_in_bundle in self._sources:
                loader = _Source(self._folder / path_in_bundle, self._sources[path_in_bundle], package=package)
                return spec_from_loader(fullname, loader)
        if any(source.startswith(f"{stem}/") for source in self._sources):
            return ModuleSpec(fullname, None, is_package=True)  # a package without __init__.py
        return None


def _is_bundled(name: str, modules: Mapping[str, Any]) -> bool:
    """Whether the module, or the package that it is part of, came from a bundle."""
    top = name.partition(".")[0]
    family = [module for other, module in modules.items() if other.partition(".")[0] == top]
    return any(isinstance(getattr(module, "__loader__", None), _Source) for module in family)


def _tops(names: Mapping[str, Any]) -> set[str]:
    return {name.partition(".")[0] for name in names}
