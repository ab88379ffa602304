"""`fasttrack.toml`: what to train. Read strictly, so that a misspelt key is named instead of ignored."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from fasttrack.contract.schema import Kind, Task
from fasttrack.errors import ConfigError

__all__ = ["DataConfig", "ModelConfig", "SplitConfig", "TrainConfig", "load_config"]


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the table is and what it holds."""

    source: str
    """A file; a relative path is taken from the folder of the configuration."""
    target: str
    nulls: list[str] = []
    """Further spellings of a missing value in text files, beside the empty cell, NA, null and their like."""
    ignore: list[str] = []
    """Columns that must not be features."""
    kinds: dict[str, Kind] = {}
    """Kinds of columns where the file's own reading is wrong, such as `zip = "category"`."""


class SplitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the hold-out is taken."""

    method: Literal["random", "group", "time"] = "random"
    column: str | None = None
    """The column of groups, or of times."""
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.2
    seed: int = 0


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained."""

    estimator: str = "auto"
    """`linear`, `boosting`, `forest`, `auto`, or `module:factory` returning a scikit-learn estimator."""
    task: Task | None = None
    seed: int = 0


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole training. `folder` is where its relative paths and modules are looked for."""

    name: str
    data: DataConfig
    split: SplitConfig = SplitConfig()
    model: ModelConfig = ModelConfig()
    promote: Literal["never", "always", "better"] = "better"
    folder: Path = Path()

    def __post_init__(self) -> None:
        if self.split.method != "random" and self.split.column is None:
            raise ValueError(f'split.method = "{self.split.method}" needs split.column, the column to split by')
        if self.split.method == "random" and self.split.column is not None:
            raise ValueError('split.column is used with split.method = "group" or "time" only')


def load_config(path: Path) -> TrainConfig:
    """Read a `fasttrack.toml`. Raises ConfigError naming the line, or the key and what is allowed there."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    if "folder" in content:
        raise ConfigError(f"{path}: unknown key `folder`")
    content.setdefault("name", path.resolve().parent.name)
    try:
        config = msgspec.convert(content, TrainConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_readable(str(error))}") from None
    return msgspec.structs.replace(config, folder=path.parent)


def _readable(message: str) -> str:
    """msgspec's message in the words of a TOML file."""
    place = re.search(r" - at `\$\.?(.*)`$", message)
    where = f"{place.group(1)}: " if place and place.group(1) else ""
    text = message[: place.start()] if place else message
    unknown = re.search(r"unknown field `(.*)`", text)
    if unknown:
        near = difflib.get_close_matches(unknown.group(1), _keys(), n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        return f"{where}unknown key `{unknown.group(1)}`{hint}"
    missing = re.search(r"missing required field `(.*)`", text)
    if missing:
        return f"{where}`{missing.group(1)}` is missing"
    return where + text.replace("`str`", "text").replace("`int`", "a whole number").replace("`float`", "a number")


def _keys() -> list[str]:
    kinds: list[Any] = [TrainConfig, DataConfig, SplitConfig, ModelConfig]
    return [field.name for kind in kinds for field in msgspec.structs.fields(kind)]
