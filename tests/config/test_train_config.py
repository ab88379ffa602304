"""One configuration: arguments before the environment, the environment before the file, the file before defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from fasttrack.config import PackageConfig, Range, TrackingConfig, TrainConfig
from fasttrack.errors import ConfigError

FILE = """
name = "sales"
promote = "never"
[data]
source = "sales.csv"
target = "price"
ignore = ["id"]
nulls = ["-"]
kinds = { zip = "category", size = "integer" }
[model]
estimator = "linear"
[search]
trials = 5
space = { alpha = { low = 1, high = 2 } }
[tracking]
uri = "http://file:1"
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FASTTRACK_STORE", "FASTTRACK_JOURNAL", "FASTTRACK_TRACKING", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fasttrack.toml"
    path.write_text(FILE)
    return path


def test_arguments_override_the_file(file: Path) -> None:
    config = TrainConfig.of(file, name="other", promote="always", estimator="forest", target="size", rows=7, trials=9)
    assert (config.name, config.promote, config.model.estimator) == ("other", "always", "forest")
    assert (config.data.target, config.data.rows, config.search.trials) == ("size", 7, 9)
    assert config.data.source == "sales.csv"
    assert config.folder == file.parent


def test_an_argument_that_is_none_changes_nothing(file: Path) -> None:
    assert TrainConfig.of(file, name=None, rows=None, ignore=None, space=None) == TrainConfig.of(file)


def test_lists_and_kinds_are_added_to_those_of_the_file(file: Path) -> None:
    data = TrainConfig.of(file, ignore=("note",), nulls=["?"], kinds={"zip": "integer", "day": "datetime"}).data
    assert data.ignore == ["id", "note"]
    assert data.nulls == ["-", "?"]
    assert data.kinds == {"zip": "integer", "size": "integer", "day": "datetime"}


def test_a_space_replaces_that_of_the_file(file: Path) -> None:
    space = TrainConfig.of(file, space={"C": [1, 2], "gamma": Range(low=0.1, high=1.0)}).search.space
    assert space == {"C": [1, 2], "gamma": Range(low=0.1, high=1.0)}


def test_a_query_replaces_the_table_of_the_file_and_the_other_way_round(tmp_path: Path) -> None:
    path = tmp_path / "fasttrack.toml"
    for inside, outside in (("table", "query"), ("query", "table")):
        path.write_text(f'[data]\nsource = "sqlite:///a.db"\ntarget = "y"\n{inside} = "a"\n')
        data = TrainConfig.of(path, **{outside: "b"}).data
        assert (getattr(data, inside), getattr(data, outside)) == (None, "b")


@pytest.mark.parametrize(("name", "default"), [("store", "model"), ("journal", "on")])
def test_arguments_come_before_variables_and_variables_before_defaults(
    monkeypatch: pytest.MonkeyPatch, name: str, default: str
) -> None:
    def value(**arguments: Any) -> object:
        return getattr(TrainConfig.of("sales.csv", target="price", **arguments), name)

    assert value() == default
    monkeypatch.setenv(f"FASTTRACK_{name.upper()}", "variable")
    assert value() == "variable"
    assert value(**{name: "argument"}) == "argument"
    monkeypatch.setenv(f"FASTTRACK_{name.upper()}", "")
    assert value() == default


def test_tracking_comes_from_argument_variable_file_or_mlflow_s_own_variable(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:1")
    assert TrainConfig.of("a.csv", target="y").tracking == TrackingConfig(
        uri="http://mlflow:1", origin="MLFLOW_TRACKING_URI"
    )
    assert TrainConfig.of(file).tracking == TrackingConfig(uri="http://file:1")
    monkeypatch.setenv("FASTTRACK_TRACKING", "http://variable:1")
    assert TrainConfig.of(file).tracking == TrackingConfig(uri="http://variable:1", origin="FASTTRACK_TRACKING")
    config = TrainConfig.of(file, tracking="off", experiment="trials")
    assert config.tracking == TrackingConfig(uri="off", experiment="trials", origin="--tracking")
    assert TrainConfig.of(file, tracking="").tracking.uri == "http://variable:1"


def test_a_configuration_is_a_source_too(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    config = TrainConfig.of(file, store="there", estimator=Ridge())
    assert TrainConfig.of(config) == config
    monkeypatch.setenv("FASTTRACK_STORE", "elsewhere")
    monkeypatch.setenv("FASTTRACK_TRACKING", "off")
    merged = TrainConfig.of(config, rows=3)
    assert (merged.data.rows, merged.model.estimator, merged.folder) == (3, "Ridge", file.parent)
    assert merged.model.instance is config.model.instance
    assert TrainConfig.of(config, estimator="linear").model.instance is None


def test_an_estimator_may_be_an_object() -> None:
    ridge = Ridge()
    model = TrainConfig.of("sales.csv", target="price", estimator=ridge).model
    assert (model.estimator, model.instance) == ("Ridge", ridge)


def test_a_data_frame_is_a_source() -> None:
    frame = pd.DataFrame({"a": [1.0], "my price": [2.0]})
    config = TrainConfig.of(frame, target="my price", rows=None)
    assert config.frame is frame
    assert config.name == "my-price"
    with pytest.raises(ConfigError, match=r"a DataFrame: data\.rows is not used with a DataFrame; sample it: frame\."):
        TrainConfig.of(frame, target="my price", rows=5)


def test_the_journal_knows_name_and_target() -> None:
    config = TrainConfig.of("journal", since="30d")
    assert (config.name, config.data.target, config.data.since) == ("", "", "30d")
    assert TrainConfig.of("journal", name="sales", target="price").data.target == "price"


@pytest.mark.parametrize(
    ("source", "options", "name"),
    [
        ("data/sales.2024.csv", {}, "sales"),
        (Path("data/sales.csv"), {"name": "prices"}, "prices"),
        ("postgresql://me@host/db", {"table": "shop.sales"}, "sales"),
        ("postgresql://me@host/db", {"query": "SELECT 1"}, "db"),
    ],
)
def test_a_model_is_named_after_its_table(source: Any, options: dict[str, Any], name: str) -> None:
    assert TrainConfig.of(source, target="price", **options).name == name


def test_numbers_of_numpy_are_numbers() -> None:
    config = TrainConfig.of("sales.csv", target="price", rows=np.int64(5), confidence=np.float64(0.9))
    assert (config.data.rows, config.confidence) == (5, 0.9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targt": "y"}, "there is no option 'targt'; did you mean target?"),
        ({"source": "b.csv"}, "there is no option 'source'; did you mean store?"),
        ({"rows": 0}, "--rows 0: expected a whole number >= 1"),
        ({"rows": 1.5}, "--rows: expected a whole number, got a number"),
        ({"ignore": "id"}, "--ignore: expected a list, got text"),
        (
            {"kinds": {"my zip": "string"}},
            '--kind "my zip": expected one of number, number:decimal-comma, ',
        ),
        (
            {"task": "regresion"},
            '--task: expected one of regression, binary, multiclass, got "regresion"; did ',
        ),
        ({"confidence": 1.0}, "--confidence 1.0: expected a number < 1.0"),
        ({"since": "month"}, "--since month: expected a number and m, h, d or w, such as 30d"),
        ({"since": "30d"}, 'a.csv: data.since is used with source = "journal" only'),
        ({"name": "a/b"}, "--name a/b: expected a letter or digit, then letters, digits, dots, dashes and underscores"),
        ({"space": {"C": 3}, "trials": 1}, "space.C: expected { low = …, high = … } or a list of at least one choice"),
        ({"space": {"C": [1]}}, "a.csv: search.space says where to search, but nothing says how long"),
        ({"search_seconds": float("inf")}, "a.csv: search.seconds = inf is not finite; write a number of seconds"),
        ({"split_method": "time"}, 'a.csv: split.method = "time" needs split.column, the column to split by'),
        ({"check_share": 0.5}, "a.csv: check: `refuse` is missing; write what stops a training"),
        (
            {"store": Path("s3://bucket/models")},
            "a s3: URL was given as a Path, which loses a slash; give the URL as text",
        ),
    ],
)
def test_an_argument_that_cannot_be_used_is_named_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.of("a.csv", **{"target": "y", **options})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [3, None, {"a": [1]}, b"a.csv"])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(ConfigError, match="nothing can be trained on a "):
        TrainConfig.of(source)


@pytest.mark.parametrize(
    ("key", "where"), [("store", "--store or FASTTRACK_STORE"), ("journal", "--journal or FASTTRACK_")]
)
def test_what_serving_shares_is_no_key_of_a_file(tmp_path: Path, key: str, where: str) -> None:
    path = tmp_path / "fasttrack.toml"
    path.write_text(f'{key} = "x"\n{FILE}')
    with pytest.raises(ConfigError, match=f"unknown key `{key}`; it is set by {where}"):
        TrainConfig.of(path)


@pytest.mark.parametrize(("table", "key"), [("model", "instance"), ("tracking", "origin")])
def test_fields_that_are_no_options_are_unknown_to_a_file(tmp_path: Path, table: str, key: str) -> None:
    path = tmp_path / "fasttrack.toml"
    path.write_text(f'[data]\nsource = "a.csv"\ntarget = "y"\n[{table}]\n{key} = "x"\n')
    with pytest.raises(ConfigError, match=rf"fasttrack\.toml: {table}: unknown key `{key}`"):
        TrainConfig.of(path)


def test_a_packaging_is_configured_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PackageConfig.of() == PackageConfig()
    monkeypatch.setenv("FASTTRACK_STORE", "there")
    config = PackageConfig.of(code=[Path("features.py")], tracking="off", promote=None)
    assert (config.store, config.code, config.promote) == ("there", ["features.py"], "better")
    assert config.tracking == TrackingConfig(uri="off", origin="--tracking")
    with pytest.raises(ConfigError, match="there is no option 'promot'; did you mean promote"):
        PackageConfig.of(promot="never")


def test_a_value_in_place_of_a_table_is_named_whatever_else_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    file = tmp_path / "fasttrack.toml"
    for line, key in (('tracking = "off"', "tracking"), ('model = "boosting"', "model")):
        file.write_text(f'{line}\n[data]\nsource = "t.csv"\ntarget = "y"\n')
        with pytest.raises(ConfigError, match=f"{key}: expected a table"):
            TrainConfig.of(file, estimator="linear", tracking="off")


def test_a_password_in_a_path_is_not_repeated() -> None:
    for arguments in ({"store": Path("postgresql://u:geheim@h/db")}, {"journal": Path("Postgresql+x://u:geheim@h/db")}):
        with pytest.raises(ConfigError, match="was given as a Path") as caught:
            TrainConfig.of("t.csv", target="y", **arguments)
        assert "geheim" not in str(caught.value)
    with pytest.raises(ConfigError, match="was given as a Path") as caught:
        TrainConfig.of(Path("postgresql://u:geheim@h/db"), target="y")
    assert "geheim" not in str(caught.value)


def test_arrays_are_lists_too() -> None:
    assert TrainConfig.of("t.csv", target="y", ignore=np.array(["a", "b"])).data.ignore == ["a", "b"]
