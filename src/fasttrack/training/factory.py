"""An estimator of the user's own: given as an object, or as `module:factory` with the place of its code."""

from __future__ import annotations

import importlib
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.base import clone

from fasttrack.errors import TrainingError
from fasttrack.suggestions import did_you_mean
from fasttrack.training.families import BUILT_IN, require

if TYPE_CHECKING:
    from fasttrack.config import ModelConfig

__all__ = ["Factory", "load_factory", "own_factory", "unfitted_clone"]


@dataclass(frozen=True)
class Factory:
    """An unfitted estimator; `source` is the user's own module file or package folder that it comes from, if any."""

    estimator: Any
    source: Path | None


def own_factory(config: ModelConfig, folder: Path) -> Factory | None:
    """The user's own estimator, or `None` for a built-in one.

    Raises TrainingError as `load_factory`, ConfigError for a built-in one that is not installed.
    """
    if config.instance is not None:
        return Factory(unfitted_clone(config.instance), None)
    require(config.estimator)
    return None if config.estimator in BUILT_IN else load_factory(config.estimator, folder)


def load_factory(spec: str, folder: Path) -> Factory:
    """Import `module:factory`, also from `folder` and the current folder, and call the factory.

    Raises TrainingError when there is no such module or attribute, or the factory raises or does not return a
    scikit-learn estimator.
    """
    module_name, colon, attribute = spec.partition(":")
    if not (module_name and colon and attribute):
        hint = did_you_mean(spec, BUILT_IN)
        raise TrainingError(f"{spec!r} is not an estimator; choose {', '.join(BUILT_IN)} or module:factory{hint}")
    places = [str(folder.resolve()), str(Path.cwd())]
    before = list(sys.path)
    sys.path[:0] = places
    try:
        module = _import(module_name, spec, places)
        factory = getattr(module, attribute, None)
        if factory is None:
            hint = did_you_mean(attribute, dir(module))
            raise TrainingError(f"{spec}: the module {module_name} has no {attribute!r}{hint}")
        if not callable(factory):
            raise TrainingError(f"{spec} cannot be called; name a function that returns an estimator, or its class")
        try:
            estimator = factory()
        except Exception as error:
            raise TrainingError(f"{spec}() failed: {type(error).__name__}: {error}{_place(error)}") from error
    finally:
        sys.path[:] = before
    return Factory(unfitted_clone(estimator, f"{spec}() returned "), _own_source(module, places))


def unfitted_clone(estimator: Any, prefix: str = "") -> Any:
    """An unfitted clone of `estimator`. Raises TrainingError, beginning with `prefix`, if it is no estimator."""
    name = type(estimator).__name__
    # looked up on the class: an estimator that delegates predict has it only after it was fitted
    if isinstance(estimator, type) or not (hasattr(estimator, "fit") and hasattr(type(estimator), "predict")):
        raise TrainingError(f"{prefix}{name}, which has no fit and predict")
    try:
        return clone(estimator)
    except (TypeError, RuntimeError) as error:
        raise TrainingError(f"{prefix}{name}, which scikit-learn cannot clone: {error}") from error


def _import(name: str, spec: str, places: list[str]) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.startswith(error.name):
            folders = " and ".join(dict.fromkeys(places))
            raise TrainingError(f"{spec}: there is no module {name!r} in {folders} or the environment") from None
        raise TrainingError(f"{spec}: {name} needs the module {error.name!r}, which is not installed") from error
    except Exception as error:
        raise TrainingError(
            f"{spec}: importing {name} failed: {type(error).__name__}: {error}{_place(error)}"
        ) from error


def _place(error: Exception) -> str:
    """The file and line that raised `error`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _own_source(module: Any, places: list[str]) -> Path | None:
    """The module file, or the top folder of its package, if it is in one of the `places`."""
    top = sys.modules[module.__name__.partition(".")[0]]
    file = getattr(top, "__file__", None)
    if file is None:
        return None
    path = Path(file).resolve()
    if "site-packages" in path.parts or not any(path.is_relative_to(place) for place in places):
        return None
    return path.parent if path.name == "__init__.py" else path
