"""`fasttrack.toml`: what to train. Read strictly, so that a misspelt key is named instead of ignored."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

import msgspec

from fasttrack.contract.schema import Kind, Task
from fasttrack.errors import ConfigError
from fasttrack.schemes import example_list, find_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "JOURNAL",
    "CheckConfig",
    "CheckReason",
    "DataConfig",
    "Domain",
    "ModelConfig",
    "Range",
    "SearchConfig",
    "Setting",
    "SplitConfig",
    "TrackingConfig",
    "TrainConfig",
    "load_config",
    "space_of",
]


JOURNAL = "journal"
"""The source that is not a table: predictions with their labels."""
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
"""What NumPy and scikit-learn take as a seed."""


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the table is and what it holds."""

    source: str
    """A table's file, folder, pattern or URL; a relative path is taken from the folder of the configuration.

    `journal`: what was labelled.
    """
    target: str
    since: Annotated[str, msgspec.Meta(pattern=r"^[0-9]+[mhdw]\Z")] | None = None
    """Of the journal, the predictions of the last `30d`, `12h`, `90m` or `2w`."""
    nulls: list[str] = []
    """Further spellings of a missing value in text files, beside the empty cell, NA, null and their like."""
    ignore: list[str] = []
    """Columns that must not be features."""
    kinds: dict[str, Kind] = {}
    """Kinds of columns where the file's own reading is wrong, such as `zip = "category"`."""
    query: str | None = None
    """Of a database, what to select; or"""
    table: str | None = None
    """the table that is read whole."""
    rows: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Train on a random sample of so many rows; `split.seed` draws it."""

    def __post_init__(self) -> None:
        if self.query is not None and self.table is not None:
            raise ValueError("data.query and data.table both say what to read; keep one")
        scheme = find_scheme(self.source)
        is_database = scheme is not None and scheme.is_database
        if (self.query is not None or self.table is not None) and not is_database:
            databases = example_list("source", only_databases=True)
            raise ValueError(f"data.query and data.table are used with a source at {databases} only")
        if self.rows is not None and self.source == JOURNAL:
            raise ValueError(f'data.rows is not used with source = "{JOURNAL}"; choose by data.since')
        if self.since is not None and self.source != JOURNAL:
            raise ValueError(f'data.since is used with source = "{JOURNAL}" only')


class SplitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the hold-out is taken."""

    method: Literal["random", "group", "time"] = "random"
    column: str | None = None
    """The column of groups, or of times."""
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.2
    seed: Seed = 0


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained."""

    estimator: str = "auto"
    """`linear`, `boosting`, `forest`, `auto`, or `module:factory` returning a scikit-learn estimator."""
    task: Task | None = None
    seed: Seed = 0


Setting = bool | int | float | str | None
"""The value of a hyperparameter."""


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers from `low` to `high`, both included: whole ones if both ends are. `log`: evenly over their logarithms."""

    low: int | float
    high: int | float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low = {self.low} must be below high = {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low above 0, not {self.low}")

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.low <= value <= self.high


Domain = Range | list[Setting]
"""Where a hyperparameter is looked for: a range, or choices."""


class SearchConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to look for better hyperparameters, and where. Without `trials` and `seconds` none are looked for."""

    trials: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    space: dict[str, Domain] = {}
    """By the estimator's parameters, as `get_params()` names them; empty: that of the built-in estimators."""


class TrackingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where trainings are tracked."""

    uri: str | None = None
    """An MLflow server, `postgresql://…`, `sqlite:///mlflow.db` (from the configuration's folder), or `off`."""
    experiment: str | None = None
    """The experiment; else the model's name."""


CheckReason = Literal["missing", "type", "range", "unseen", "new"]
"""What a table can have that a model did not expect."""


class CheckConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a table is not trained on: what in it is not as a model's own training table was."""

    refuse: list[CheckReason]
    """Each of them, in more than the tolerated share of the rows, stops the training before anything is fitted."""
    against: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    """NAME, NAME@champion or NAME@VERSION; else the champion of the model's own name."""
    share: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole training. `folder` is where its relative paths and modules are looked for."""

    name: Annotated[str, msgspec.Meta(pattern=_NAME)]
    data: DataConfig
    split: SplitConfig = SplitConfig()
    model: ModelConfig = ModelConfig()
    search: SearchConfig = SearchConfig()
    tracking: TrackingConfig = TrackingConfig()
    check: CheckConfig = CheckConfig(refuse=[])
    promote: Literal["never", "always", "better"] = "better"
    confidence: Annotated[float, msgspec.Meta(ge=0.5, lt=1)] = 0.95
    """Better is what beats the champion in this share of resamples of the hold-out."""
    folder: Path = Path()

    def __post_init__(self) -> None:
        if self.split.method != "random" and self.split.column is None:
            raise ValueError(f'split.method = "{self.split.method}" needs split.column, the column to split by')
        if self.split.method == "random" and self.split.column is not None:
            raise ValueError('split.column is used with split.method = "group" or "time" only')


def load_config(path: Path) -> TrainConfig:
    """Read a `fasttrack.toml`. Raises ConfigError naming the line, or the key and what is allowed there."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    if "folder" in content:
        raise ConfigError(f"{path}: unknown key `folder`")
    content.setdefault("name", _name_from(path))
    try:
        _check_space(content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        config = msgspec.convert(content, TrainConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_readable(str(error), content)}") from None
    return msgspec.structs.replace(config, folder=path.parent)


def space_of(given: Mapping[str, Any]) -> dict[str, Domain]:
    """A space as a configuration has it, such as `{"alpha": {"low": 0.1, "high": 10.0}, "solver": ["svd", "lsqr"]}`.

    Raises ConfigError naming the key.
    """
    found: dict[str, Domain] = {}
    for key, value in given.items():
        try:
            found[key] = msgspec.convert(value, Domain)
        except msgspec.ValidationError as error:
            what = re.sub(r" - at `.*`$", "", _readable(str(error), {}))
            what = what.replace("`int | float`", "a number")
            what = what.replace("`bool | int | float | str | null`", "text, a number, true or false")
            if not isinstance(value, dict | list):
                what = "write { low = …, high = … }, or a list of choices"
            raise ConfigError(f'search.space."{key}": {what}') from None
        if found[key] == []:
            raise ConfigError(f'search.space."{key}": the list of choices is empty')
    return found


def _check_space(content: dict[str, Any]) -> None:
    """Of a table by names msgspec does not say which name was wrong, so each is read by itself first."""
    search = content.get("search")
    space = search.get("space") if isinstance(search, dict) else None
    if isinstance(space, dict):
        space_of(space)


def _name_from(path: Path) -> str:
    """The name of the folder, as far as it can name a model."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().parent.name).strip("-._") or "model"


_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "date": "a date",
    "time": "a time",
    "datetime": "a date and time",
}


def _readable(message: str, content: dict[str, Any]) -> str:
    """msgspec's message in the words of a TOML file."""
    place = re.search(r" - at `\$\.?(.*)`$", message)
    key = place.group(1) if place else ""
    text = message[: place.start()] if place else message
    where = f"{key}: " if key else ""
    unknown = re.search(r"unknown field `(.*)`", text)
    if unknown:
        return f"{where}unknown key `{unknown.group(1)}`{_meant(unknown.group(1))}"
    missing = re.search(r"missing required field `(.*)`", text)
    if missing:
        return f"{where}`{missing.group(1)}` is missing"
    if text.startswith("Invalid enum value"):
        return _not_allowed(key, content)
    if key == "data.since" and "regex" in text:
        return "data.since: write a number with m, h, d or w behind it, such as 30d"
    if key == "name" and "regex" in text:
        return "name: a model's name begins with a letter or digit; dot, dash and underscore may follow"
    words = re.sub(r"`(\w+)(?: \| null)?`", lambda found: _TYPES.get(found.group(1), found.group(1)), text)
    return where + words[:1].lower() + words[1:]


def _not_allowed(key: str, content: dict[str, Any]) -> str:
    """Which value is none of those that `key` (such as `split.method`) can have, and what those are."""
    kind: Any = TrainConfig
    given: Any = content
    listed = re.fullmatch(r"(.*)\[(\d+)\]", key)
    for name in (listed[1] if listed else key.removesuffix("[...]")).split("."):
        kind = get_type_hints(kind)[name]
        given = given[name]
    if listed:
        (kind,), given = get_args(kind), given[int(listed[2])]
    if key.endswith("[...]"):  # a table of names: msgspec does not say which
        kind = get_args(kind)[1]
        name, given = next((name, value) for name, value in given.items() if value not in get_args(kind))
        key = f"{key.removesuffix('[...]')}.{name}"
    choices = [one for literal in (get_args(kind) or ()) for one in (get_args(literal) or (literal,))]
    return f'{key} is "{given}", expected one of ' + ", ".join(one for one in choices if isinstance(one, str))


def _meant(key: str) -> str:
    """Where a key that was misspelt or misplaced belongs, if that can be told."""
    tables: dict[str, Any] = {
        "": TrainConfig,
        "check": CheckConfig,
        "data": DataConfig,
        "split": SplitConfig,
        "model": ModelConfig,
        "search": SearchConfig,
        "tracking": TrackingConfig,
    }
    places = {
        field.name: table
        for table, kind in tables.items()
        for field in msgspec.structs.fields(kind)
        if field.name != "folder"
    }
    if key in places:
        return f"; it belongs into [{places[key]}]" if places[key] else "; it belongs above the first [table]"
    near = difflib.get_close_matches(key, places, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
