"""Which modules of the user's own a pipeline needs, so that they can travel with it."""

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
    """`files`: single modules that nothing installed provides; `packages`: the names of such packages."""

    files: list[Path]
    packages: list[str]


def own_code(pipeline: Any) -> OwnCode:
    """Look through what pickling `pipeline` refers to.

    Raises TrainingError for a class or function of `__main__`: no other process can import it.
    """
    pickler = _Pickler()
    try:
        pickler.dump(pipeline)
    except TrainingError:
        raise
    except Exception:  # noqa: BLE001  # writing the bundle says what cannot be pickled, and why
        return OwnCode([], [])
    files: dict[Path, None] = {}
    packages: dict[str, None] = {}
    for name in sorted(pickler.tops):
        file = getattr(sys.modules.get(name), "__file__", None)
        path = Path(file).resolve() if file else None
        if path is None or path.suffix != ".py" or {"site-packages", "dist-packages"} & set(path.parts):
            continue
        if path.name == "__init__.py":
            packages[name] = None
        else:
            files[path] = None
    return OwnCode(list(files), list(packages))


class _Nowhere:
    def write(self, content: bytes) -> int:
        return len(content)


class _Pickler(pickle.Pickler):
    """Notes the modules of the classes and functions that it meets, and keeps nothing else."""

    def __init__(self) -> None:
        super().__init__(_Nowhere(), protocol=5)
        self.tops: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        named = obj if isinstance(obj, type | types.FunctionType) else type(obj)
        top = (getattr(named, "__module__", None) or "").partition(".")[0]
        if top == "__main__":
            raise TrainingError(
                f"the pipeline uses {named.__qualname__} of the script or notebook that runs, which no server can "
                "import; move it to a module of its own, such as features.py, and import it from there"
            )
        if top and top not in sys.stdlib_module_names and top != "fasttrack":
            self.tops.add(top)
        return NotImplemented
