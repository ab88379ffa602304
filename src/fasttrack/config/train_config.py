"""What to train: `TrainConfig`, whose fields are the keys of a fasttrack.toml, the flags of `fasttrack train` and the
keywords of `fasttrack.train`. A new option is a new field here, and nothing else."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec

from fasttrack.config.check_config import CheckConfig
from fasttrack.config.domain import Domain
from fasttrack.config.merge import address_text, build, merge, read_toml
from fasttrack.config.model_config import ModelConfig, Seed
from fasttrack.config.option import Option, fields_of
from fasttrack.config.publishing import (
    Confidence,
    ModelName,
    PrivacyConfig,
    PromotionRule,
    StoreAddress,
    TrackingConfig,
)
from fasttrack.contract.dates import DateOrder
from fasttrack.contract.schema import KindChoice
from fasttrack.errors import ConfigError
from fasttrack.file_formats import format_names
from fasttrack.reading import Header, ReadOptions
from fasttrack.schemes import example_list, find_scheme
from fasttrack.urls import model_name, redact_url

__all__ = [
    "FRAME",
    "JOURNAL",
    "DataConfig",
    "ModelConfig",
    "SearchConfig",
    "SplitConfig",
    "TrainConfig",
]

JOURNAL = "journal"
"""The source that is not a table: predictions with their labels."""
FRAME = "a DataFrame"
"""The source of a table that is given as a DataFrame."""
Count = Annotated[int, msgspec.Meta(ge=1)]


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table, and how to read it."""

    source: Annotated[
        str,
        Option(
            f"Table: a file, folder or pattern of {format_names()}; an address such as {example_list('source')}; or "
            "journal, the predictions that have labels. A relative path starts at the folder of this file.",
            keyword=False,
        ),
    ]
    target: Annotated[
        str, Option("Column to predict; needed for a table, known for the journal.", metavar="COLUMN")
    ] = ""
    since: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[0-9]+[mhdw]\Z")] | None,
        Option(
            "Of the journal, only the predictions of the last 30d, 12h, 90m or 2w.",
            metavar="TIME",
            default="all",
            expected="a number and m, h, d or w, such as 30d",
            example='"30d"',
        ),
    ] = None
    nulls: Annotated[
        list[str],
        Option(
            "Further spellings of a missing value.",
            default="the empty cell, NA, NaN, null and the like",
            flag="--null",
            metavar="TEXT",
            adds=True,
        ),
    ] = []
    default_nulls: Annotated[
        bool,
        Option(
            "Read NA, NaN, null and the like in a CSV file as missing; if off, only the empty cell is missing.",
        ),
    ] = True
    dates: Annotated[
        DateOrder | None,
        Option(
            "Which comes first in dates such as 01/02/2024: dayfirst or monthfirst.",
            metavar="ORDER",
            default="from the values of the column",
            example='"dayfirst"',
        ),
    ] = None
    ignore: Annotated[list[str], Option("Columns that must not be features.", metavar="COLUMN", adds=True)] = []
    weight: Annotated[
        str | None,
        Option(
            "Column with the weight of each row, for fitting and measuring. It is not a feature.",
            metavar="COLUMN",
            default="every row weighs the same",
            example='"..."',
        ),
    ] = None
    keep: Annotated[
        list[str],
        Option("Columns to keep as features although they look like identifiers.", metavar="COLUMN", adds=True),
    ] = []
    kinds: Annotated[
        dict[str, KindChoice],
        Option(
            "Kinds of columns: number, integer, boolean, category, datetime or text; where the values leave it open, "
            "also number:decimal-comma, number:decimal-point, datetime:dayfirst or datetime:monthfirst.",
            default="as read from the table",
            flag="--kind",
            metavar="COLUMN=KIND",
            adds=True,
        ),
    ] = {}
    query: Annotated[
        str | None,
        Option(
            "SQL that selects the rows, for a database.",
            metavar="SQL",
            example='"SELECT ..."',
            replaces=("table",),
        ),
    ] = None
    table: Annotated[
        str | None,
        Option("The table to read whole, for a database.", metavar="NAME", example='"..."', replaces=("query",)),
    ] = None
    rows: Annotated[
        Count | None,
        Option("Train on a random sample of this many rows.", metavar="N", default="all rows", example="100_000"),
    ] = None

    delimiter: Annotated[
        str | None,
        Option(
            "What separates the cells of a CSV file: one character, tab, or whitespace.",
            metavar="CHARACTER",
            default="detected",
            example='";"',
        ),
    ] = None
    encoding: Annotated[
        str | None,
        Option(
            "Encoding of a CSV or JSON file, such as windows-1252.",
            metavar="NAME",
            default="UTF-8, else Latin-1, Windows-1252 or UTF-16 where it is certain",
            example='"windows-1252"',
        ),
    ] = None
    sheet: Annotated[
        str | None,
        Option("Sheet of an Excel workbook.", metavar="NAME", default="the first", example='"..."'),
    ] = None
    header: Annotated[
        Header,
        Option(
            "Whether the first row of a CSV file or sheet names the columns: yes; no, which calls them column_1, "
            "column_2, …; or auto, which is yes, but refuses a first row that looks like the other rows.",
        ),
    ] = "auto"

    @property
    def reading(self) -> ReadOptions:
        """How to read a file. Raises ValueError."""
        return ReadOptions(delimiter=self.delimiter, encoding=self.encoding, sheet=self.sheet, header=self.header)

    def __post_init__(self) -> None:
        if not self.target and self.source != JOURNAL:
            raise ValueError("`target` is missing")
        if self.weight is not None and self.weight in (self.target, *self.ignore):
            other = "the target" if self.weight == self.target else "in data.ignore"
            raise ValueError(f"data.weight names the column {self.weight!r}, which is also {other}; keep one")
        if self.reading.given() and self.source in (JOURNAL, FRAME):
            raise ValueError(f"data.{next(iter(self.reading.given()))} is used with files only")
        for column in self.keep:
            if column in (self.target, *self.ignore):
                other = "the target" if column == self.target else "in data.ignore"
                raise ValueError(f"data.keep names the column {column!r}, which is also {other}; remove it from one")
        if self.query is not None and self.table is not None:
            raise ValueError("data.query and data.table both say what to read; keep one")
        scheme = find_scheme(self.source)
        if (self.query is not None or self.table is not None) and not (scheme and scheme.is_database):
            databases = example_list("source", only_databases=True)
            raise ValueError(f"data.query and data.table are used with a source at {databases} only")
        if self.rows is not None and self.source == JOURNAL:
            raise ValueError(f'data.rows is not used with source = "{JOURNAL}"; choose by data.since')
        if self.rows is not None and self.source == FRAME:
            raise ValueError("data.rows is not used with a DataFrame; sample it: frame.sample(...)")
        if self.since is not None and self.source != JOURNAL:
            raise ValueError(f'data.since is used with source = "{JOURNAL}" only: fasttrack train journal --since 30d')


class SplitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hold-out: rows that are not trained on, for evaluation and for the comparison with the champion."""

    method: Annotated[
        Literal["random", "group", "time", "auto"],
        Option(
            "How the hold-out is chosen: random; group, whole groups of rows; time, the latest rows; auto, time if the "
            "rows are in time order, else group if several rows have the same id, else random.",
            name="split_method",
            metavar="METHOD",
        ),
    ] = "random"
    column: Annotated[
        str | None,
        Option("Column with the groups or times to split by.", name="split_column", metavar="COLUMN", example='"..."'),
    ] = None
    share: Annotated[
        float,
        msgspec.Meta(gt=0, lt=1),
        Option("Fraction of the rows in the hold-out.", name="split_share", metavar="FRACTION"),
    ] = 0.2
    seed: Annotated[Seed, Option("Seed of a random split and sample.", name="split_seed", metavar="N")] = 0

    @property
    def decided(self) -> Literal["random", "group", "time"]:
        """The method; `random` for `auto`, until the training has examined the rows and replaced it."""
        return "random" if self.method == "auto" else self.method


class SearchConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to search for better hyperparameters, and where. Without trials and seconds there is no search."""

    trials: Annotated[
        Count | None, Option("Search hyperparameters in at most this many trials.", metavar="N", example="50")
    ] = None
    seconds: Annotated[
        Annotated[float, msgspec.Meta(gt=0)] | None,
        Option(
            "Search hyperparameters for at most this many seconds; no trial starts that would take longer.",
            name="search_seconds",
            metavar="SECONDS",
            example="300",
        ),
    ] = None
    space: Annotated[
        dict[str, Domain],
        Option(
            "Where to search, by the estimator's parameters as get_params() names them: "
            "{ low = 0.01, high = 0.3, log = true }, whole numbers if both ends are, or a list of choices.",
            on_command_line=False,
            accepts=Mapping[str, Any],
            default="the built-in estimator's own space",
            example="model__learning_rate = { low = 0.01, high = 0.3, log = true }\n"
            "model__max_leaf_nodes = { low = 8, high = 128 }\n"
            "model__max_features = [0.5, 1.0]",
            expected="{ low = …, high = … } or a list of at least one choice",
        ),
    ] = {}

    @property
    def is_enabled(self) -> bool:
        """Whether there is to be a search."""
        return self.trials is not None or self.seconds is not None

    def __post_init__(self) -> None:
        if self.seconds is not None and not math.isfinite(self.seconds):
            raise ValueError(f"search.seconds = {self.seconds} is not finite; write a number of seconds")
        if self.space and not self.is_enabled:
            raise ValueError(
                "search.space says where to search, but nothing says how long: set search.trials or search.seconds, "
                "or --trials or --search-seconds"
            )


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole training."""

    name: ModelName = ""
    """Empty only for the journal: the one model whose predictions it holds."""
    promote: PromotionRule = "better"
    confidence: Confidence = 0.95
    data: DataConfig
    split: SplitConfig = SplitConfig()
    model: ModelConfig = ModelConfig()
    search: SearchConfig = SearchConfig()
    check: CheckConfig = CheckConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    tracking: TrackingConfig = TrackingConfig()
    journal: Annotated[
        str,
        Option(
            f"For the source journal: on (the file in the store), another file, or {example_list('journal')}.",
            in_file=False,  # the server that writes it reads no configuration file
            metavar="WHERE",
            default="$FASTTRACK_JOURNAL, else on",
            variable="FASTTRACK_JOURNAL",
        ),
    ] = "on"
    store: StoreAddress = "model"
    folder: Path = Path()
    """Where relative paths and the modules of `module:factory` are looked for."""
    frame: Any = None
    """The table, where it was given as a DataFrame."""

    def __post_init__(self) -> None:
        if not self.name and self.data.source != JOURNAL:
            raise ValueError("`name` is missing")
        if self.split.decided != "random" and self.split.column is None:
            raise ValueError(f'split.method = "{self.split.method}" needs split.column, the column to split by')
        if self.model.quality == "best" and self.search.is_enabled:
            raise ValueError('a search and model.quality = "best" both choose hyperparameters; keep one of them')
        if self.split.decided == "random" and self.split.column is not None:
            raise ValueError('split.column is used with split.method = "group" or "time" only')

    @classmethod
    def of(cls, source: Any, /, **arguments: Any) -> Self:
        """The configuration of a training: `arguments` before environment, file and defaults; checked, unread.

        `source` is the address of a table, the path of a `.toml` file, `journal`, a pandas DataFrame, or a
        configuration. `arguments` are named as the options are, such as `target`, `rows` or `search_seconds`; `None`
        is as good as not given; `ignore`, `keep`, `nulls` and `kinds` are added to those of a file.
        Raises ConfigError that names the option or key, what was expected, and the nearest name of a misspelt one.
        """
        content, where = _content(cls, source)
        estimator = arguments.get("estimator")
        if estimator is not None:
            given_as_object = not isinstance(estimator, str)
            arguments["estimator"] = type(estimator).__name__ if given_as_object else estimator
            table = content.setdefault("model", {})
            if isinstance(table, dict):  # `build` names what a file has in its place
                table["instance"] = estimator if given_as_object else None
        origins = merge(cls, content, arguments)
        table = content.get("tracking")
        if isinstance(table, dict) and origins.get("tracking", "tracking.uri") != "tracking.uri":
            table["origin"] = origins["tracking"]
        if not isinstance(source, TrainConfig) and not _is_file(source):
            _name_model(content, where)
        return build(cls, content, where)


def _content(config: type[TrainConfig], source: Any) -> tuple[dict[str, Any], str]:
    """What `source` itself says, as a file would say it, and what errors call it."""
    if isinstance(source, TrainConfig):
        return fields_of(source), redact_url(source.data.source)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        return {"data": {"source": FRAME}, "frame": source}, FRAME
    if not isinstance(source, str | os.PathLike):
        raise ConfigError(
            f"nothing can be trained on a {type(source).__name__}; give the address of a table, a fasttrack.toml, "
            f'"{JOURNAL}", or a pandas DataFrame'
        )
    if not _is_file(source):
        address = address_text(source)
        return {"data": {"source": address}}, redact_url(address)
    path = Path(source)
    content = read_toml(path, config)
    content.setdefault("name", _folder_name(path))
    return {**content, "folder": path.parent}, str(path)


def _is_file(source: Any) -> bool:
    return isinstance(source, str | os.PathLike) and str(source).endswith(".toml")


def _folder_name(path: Path) -> str:
    """The name of the file's folder, as far as it can name a model."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().parent.name).strip("-._") or "model"


def _name_model(content: dict[str, Any], where: str) -> None:
    """Name the model of a table after it. Raises ConfigError where the target is not given."""
    data = content["data"]
    if data["source"] == JOURNAL:
        return
    if not data.get("target"):
        how = "target=..." if data["source"] == FRAME else "--target COLUMN"
        table = "the DataFrame" if data["source"] == FRAME else where
        raise ConfigError(f"which column of {table} is to be predicted? name it: {how}")
    table = data["target"] if data["source"] == FRAME else (data.get("table") or data["source"])
    if data.get("table"):
        table = table.rpartition(".")[2]
    content.setdefault("name", model_name(table))
