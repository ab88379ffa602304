"""`fasttrack.toml`: what it may hold, and the one line that each mistake gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from fasttrack.config import DataConfig, ModelConfig, Range, SearchConfig, SplitConfig, TrainConfig
from fasttrack.errors import ConfigError

BASE = 'name = "a"\n[data]\nsource = "x.csv"\ntarget = "y"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "fasttrack.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_configuration_is_read_whole(tmp_path: Path) -> None:
    text = """
name = "flights"
promote = "always"

[data]
source = "flights.parquet"
target = "arr_delay"
nulls = ["-"]
ignore = ["dep_delay"]
kinds = { flight = "category", "odd name" = "integer" }

[split]
method = "time"
column = "time_hour"
share = 0.25
seed = 7

[model]
estimator = "boosting"
task = "regression"
seed = 1

[search]
trials = 30
seconds = 90.5
[search.space]
"model__learning_rate" = { low = 0.01, high = 0.3, log = true }
"model__max_iter" = { low = 50, high = 400 }
"model__max_features" = [0.5, 1.0]
"""
    assert TrainConfig.of(write(tmp_path, text)) == TrainConfig(
        name="flights",
        promote="always",
        data=DataConfig(
            source="flights.parquet",
            target="arr_delay",
            nulls=["-"],
            ignore=["dep_delay"],
            kinds={"flight": "category", "odd name": "integer"},
        ),
        split=SplitConfig(method="time", column="time_hour", share=0.25, seed=7),
        model=ModelConfig(estimator="boosting", task="regression", seed=1),
        search=SearchConfig(
            trials=30,
            seconds=90.5,
            space={
                "model__learning_rate": Range(low=0.01, high=0.3, log=True),
                "model__max_iter": Range(low=50, high=400),
                "model__max_features": [0.5, 1.0],
            },
        ),
        folder=tmp_path,
    )


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    config = TrainConfig.of(write(tmp_path, BASE))
    assert (config.promote, config.split, config.model) == ("better", SplitConfig(), ModelConfig())
    assert (config.split.method, config.split.share, config.model.estimator) == ("random", 0.2, "auto")


@pytest.mark.parametrize(
    ("folder", "name"), [("houses", "houses"), ("my houses (new)", "my-houses-new"), ("ü", "model")]
)
def test_a_model_without_a_name_is_called_after_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir()
    assert TrainConfig.of(write(tmp_path / folder, '[data]\nsource = "x.csv"\ntarget = "y"\n')).name == name


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert TrainConfig.of(write(tmp_path, "\ufeff" + BASE)).name == "a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": `data` is missing"),
        ("[data]\nsource = 'x.csv'\n", ": data: `target` is missing"),
        ("x =", " is not valid TOML: Invalid value (at end of document)"),
        (BASE + "x =\n", " is not valid TOML: Invalid value (at line 5, column 4)"),
        ("folder = '/'\n" + BASE, ": unknown key `folder`"),
        ("target = 'y'\n" + BASE, ": unknown key `target`; it belongs in [data]"),
        (BASE + "promote = 'never'\n", ": data: unknown key `promote`; it belongs above the first [table]"),
        (BASE + "[modle]\n", ": unknown key `modle`; did you mean model?"),
        (BASE + "[wholly]\n", ": unknown key `wholly`"),
        (BASE + "[model]\nestimtor = 'linear'", ": model: unknown key `estimtor`; did you mean estimator?"),
        (BASE + "[model]\ntask = 'reg'", ': model.task: expected one of regression, binary, multiclass, got "reg"'),
        (BASE + "[model]\nestimator = 1", ": model.estimator: expected text, got a whole number"),
        (BASE + "[model]\nseed = -1", ": model.seed: expected a whole number >= 0"),
        (
            BASE + "[split]\nmethod = 'rnd'",
            ': split.method: expected one of random, group, time, auto, got "rnd"; did you mean random?',
        ),
        (BASE + "[split]\nshare = 0", ": split.share: expected a number > 0.0"),
        (BASE + "[split]\nshare = 1", ": split.share: expected a number < 1.0"),
        (BASE + "[split]\nshare = nan", ": split.share: expected a number > 0.0"),
        (BASE + "[split]\nshare = 'a'", ": split.share: expected a number, got text"),
        (BASE + "[split]\nseed = true", ": split.seed: expected a whole number, got true or false"),
        (BASE + "[split]\nseed = 4294967296", ": split.seed: expected a whole number <= 4294967295"),
        (BASE + "[split]\nmethod = 'time'", ': split.method = "time" needs split.column, the column to split by'),
        (BASE + "[split]\ncolumn = 'a'", ': split.column is used with split.method = "group" or "time" only'),
        (
            BASE + "kinds = { zip = 'string' }",
            ": data.kinds.zip: expected one of number, number:decimal-comma, number:decimal-point, integer, boolean, "
            'category, datetime, datetime:dayfirst, datetime:monthfirst, text, got "string"',
        ),
        ("trials = 5\n" + BASE, ": unknown key `trials`; it belongs in [search]"),
        (BASE + "[search]\ntrails = 5", ": search: unknown key `trails`; did you mean trials or task?"),
        (BASE + "[search]\ntrials = 0", ": search.trials: expected a whole number >= 1"),
        (BASE + "[search]\ntrials = 1.5", ": search.trials: expected a whole number, got a number"),
        (BASE + "[search]\nseconds = -1", ": search.seconds: expected a number > 0.0"),
        (BASE + "[search]\nspace = 1", ": search.space: expected a table, got a whole number"),
        (BASE + "[search.space]\na = { lo = 1 }", ": search.space.a: unknown key `lo`"),
        (BASE + "[search.space]\na = { low = 1 }", ": search.space.a: `high` is missing"),
        (BASE + "[search.space]\na = { low = 2, high = 1 }", ": search.space.a: low = 2 must be below high = 1"),
        (BASE + "[search.space]\na = { low = 0, high = nan }", ": search.space.a: low = 0 must be below high = nan"),
        (
            BASE + "[search.space]\na = { low = 0, high = 1, log = true }",
            ": search.space.a: log = true needs low above 0, not 0",
        ),
        (BASE + "[search.space]\na = { low = 'x', high = 1 }", ": search.space.a.low: expected a number, got text"),
        (
            BASE + "[search.space]\na = []",
            ": search.space.a: expected { low = …, high = … } or a list of at least one choice",
        ),
        (
            BASE + "[search.space]\na = 3",
            ": search.space.a: expected { low = …, high = … } or a list of at least one choice, got a whole number",
        ),
        (
            BASE + "[search.space]\na = [{ b = 1 }]",
            ": search.space.a[0]: expected true or false, a number or text, got a table",
        ),
        (
            BASE + "query = 'SELECT 1'",
            ": data.query and data.table are used with a source at postgresql:// or sqlite:/// only",
        ),
        (
            BASE.replace("x.csv", "sqlite:///x.db") + "query = 'SELECT 1'\ntable = 't'",
            ": data.query and data.table both say what to read; keep one",
        ),
        (BASE + "rows = 0", ": data.rows: expected a whole number >= 1"),
        ("rows = 5\n" + BASE, ": unknown key `rows`; it belongs in [data]"),
        ("table = 'x'\n" + BASE, ": unknown key `table`; it belongs in [data]"),
        (
            BASE.replace("x.csv", "journal") + "rows = 5",
            ': data.rows is not used with source = "journal"; choose by data.since',
        ),
        (BASE + "nulls = 'NA'", ": data.nulls: expected a list, got text"),
        (BASE + "ignore = ['a', 1]", ": data.ignore[1]: expected text, got a whole number"),
        ("data = 1", ": data: expected a table, got a whole number"),
        ("promote = 'x'\n" + BASE, ': promote: expected one of never, always, better, got "x"'),
        ("promote = 1\n" + BASE, ": promote: expected text, got a whole number"),
        (
            BASE.replace('"a"', "2024-01-01"),
            ": name: expected a letter or digit, then letters, digits, dots, dashes and underscores, got a date",
        ),
        (
            BASE.replace('"a"', '"a/b"'),
            ": name: expected a letter or digit, then letters, digits, dots, dashes and underscores",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        TrainConfig.of(path)
    assert str(caught.value) == f"{path}{message}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fasttrack.toml"
    with pytest.raises(ConfigError) as caught:
        TrainConfig.of(path)
    assert str(caught.value) == f"{path} cannot be read: No such file or directory"
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ConfigError) as caught:
        TrainConfig.of(tmp_path / "folder.toml")
    assert str(caught.value) == f"{tmp_path}/folder.toml cannot be read: Is a directory"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError) as caught:
        TrainConfig.of(path)
    assert str(caught.value) == f"{path} is not UTF-8 text; save it as UTF-8"
