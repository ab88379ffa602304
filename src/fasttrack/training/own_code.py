"""The user's own modules that a pipeline needs, which are packed into its bundle."""

from __future__ import annotations

import pickle
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fasttrack.errors import TrainingError

__all__ = ["OwnCode", "own_code"]


@dataclass(frozen=True)
class OwnCode:
    """`files`: single modules that no installed package provides; `packages`: the names of the user's own packages."""

    files: list[Path]
    packages: list[str]


def own_code(pipeline: Any) -> OwnCode:
    """The modules of the classes and functions that a pickle of `pipeline` refers to.

    Raises TrainingError for a class or function of `__main__`: no other process can import it.
    """
    pickler = _Pickler()
    try:
        pickler.dump(pipeline)
    except TrainingError:
        raise
    except Exception:  # noqa: BLE001  # writing the bundle raises the error about what cannot be pickled
        return OwnCode([], [])
    files: list[Path] = []
    packages: list[str] = []
    for name in sorted(pickler.top_modules):
        file = getattr(sys.modules.get(name), "__file__", None)
        path = Path(file).resolve() if file else None
        if path is None or path.suffix != ".py" or {"site-packages", "dist-packages"} & set(path.parts):
            continue
        if path.name == "__init__.py":
            packages.append(name)
        else:
            files.append(path)
    return OwnCode(list(dict.fromkeys(files)), packages)


class _NullFile:
    def write(self, content: bytes) -> int:
        return len(content)


class _Pickler(pickle.Pickler):
    """Collects the modules of the classes and functions that a pickle refers to, and writes nothing."""

    def __init__(self) -> None:
        super().__init__(_NullFile(), protocol=5)
        self.top_modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        named = obj if isinstance(obj, type | types.FunctionType) else type(obj)
        top = (getattr(named, "__module__", None) or "").partition(".")[0]
        if top == "__main__":
            raise TrainingError(
                f"the pipeline uses {named.__qualname__}, defined in the script or notebook that runs, which no server "
                "can import; move it to a module of its own, such as features.py, and import it from there"
            )
        if top and top not in sys.stdlib_module_names and top != "fasttrack":
            self.top_modules.add(top)
        return NotImplemented
