"""People bring their own estimator: `module:factory` → an unfitted estimator, and where its code is."""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.base import clone

from fasttrack.errors import TrainingError

__all__ = ["Factory", "load_factory", "unfitted"]


@dataclass(frozen=True)
class Factory:
    """An unfitted estimator; `source` is the module file or package folder of the user's own that it comes from."""

    estimator: Any
    source: Path | None


def load_factory(spec: str, folder: Path) -> Factory:
    """Import `module:factory` with `folder` and the current folder importable, and call the factory.

    Raises TrainingError when there is no such module or attribute, the factory raises, or what it returns is no
    scikit-learn estimator.
    """
    module_name, colon, attribute = spec.partition(":")
    if not (module_name and colon and attribute):
        raise TrainingError(f"{spec!r} is no estimator; choose linear, boosting, forest, auto, or module:factory")
    places = [str(folder.resolve()), str(Path.cwd())]
    before = list(sys.path)
    sys.path[:0] = places
    try:
        module = _import(module_name, spec, places)
        factory = getattr(module, attribute, None)
        if factory is None:
            near = difflib.get_close_matches(attribute, dir(module), n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise TrainingError(f"{spec}: the module {module_name} has no {attribute!r}{hint}")
        if not callable(factory):
            raise TrainingError(f"{spec} cannot be called; name a function that returns an estimator, or its class")
        try:
            made = factory()
        except Exception as error:
            raise TrainingError(f"{spec}() failed: {type(error).__name__}: {error}{_place(error)}") from error
    finally:
        sys.path[:] = before
    return Factory(unfitted(made, f"{spec}() returned "), _own_source(module, places))


def unfitted(estimator: Any, told: str = "") -> Any:
    """A clone of `estimator` without anything fitted. Raises TrainingError when it is no scikit-learn estimator."""
    name = type(estimator).__name__
    # asked of the class: an estimator that hands predict on has it only when it is fitted
    if isinstance(estimator, type) or not (hasattr(estimator, "fit") and hasattr(type(estimator), "predict")):
        raise TrainingError(f"{told}{name}, which has no fit and predict")
    try:
        return clone(estimator)
    except (TypeError, RuntimeError) as error:
        raise TrainingError(f"{told}{name}, which scikit-learn cannot clone: {error}") from error


def _import(name: str, spec: str, places: list[str]) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.startswith(error.name):
            looked = " and ".join(dict.fromkeys(places))
            raise TrainingError(
                f"{spec}: there is no module {name!r}; looked in {looked} and the environment"
            ) from None
        raise TrainingError(f"{spec}: {name} needs the module {error.name!r}, which is not installed") from error
    except Exception as error:
        raise TrainingError(
            f"{spec}: importing {name} failed: {type(error).__name__}: {error}{_place(error)}"
        ) from error


def _place(error: Exception) -> str:
    """Where in the user's own code it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _own_source(module: Any, places: list[str]) -> Path | None:
    """The module file, or the top folder of its package, if it lies where the user works."""
    top = sys.modules[module.__name__.partition(".")[0]]
    file = getattr(top, "__file__", None)
    if file is None:
        return None
    path = Path(file).resolve()
    if "site-packages" in path.parts or not any(path.is_relative_to(place) for place in places):
        return None
    return path.parent if path.name == "__init__.py" else path
