"""A training stops before fitting when its table is not what the previous model expects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fasttrack
from fasttrack.config import CheckConfig, TrainConfig
from fasttrack.errors import ConfigError, DataError, StoreError
from fasttrack.progress import reporting
from fasttrack.store import LocalStore

CONFIG = """
name = "houses"
[data]
source = "houses.csv"
target = "price"
ignore = ["owner"]
[model]
estimator = "linear"
[check]
"""


def write(folder: Path, check: str, *, towns: tuple[str, ...] = ("north", "south"), **columns: object) -> Path:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"area": random.uniform(30, 200, 200).round(1), "town": random.choice(towns[:2], 200)})
    frame["price"] = frame["area"] * 3 + random.normal(size=200)
    frame = frame.assign(**{"owner": "me"} | columns)
    if towns[2:]:
        frame.loc[16, "town"] = towns[2]
    frame.to_csv(folder / "houses.csv", index=False)
    path = folder / "fasttrack.toml"
    path.write_text(CONFIG + check)
    return path


def steps(config: Path, store: Path) -> list[str]:
    progress: list[str] = []
    with reporting(progress.append):
        fasttrack.train(config, store=store)
    return progress


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a first version of the model, whose training had nothing to check against."""
    folder = tmp_path_factory.mktemp("first")
    config = write(folder, 'refuse = ["missing", "type", "range", "unseen", "new"]\n')
    progress = steps(config, folder / "model")
    assert "nothing to check against: houses has no champion yet" in progress
    return folder / "model"


def test_the_same_kind_of_table_is_trained_on(tmp_path: Path, store: Path) -> None:
    config = write(tmp_path, 'refuse = ["missing", "type", "range", "unseen", "new"]\n', owner="you")
    progress = steps(config, store)
    assert f"checking against houses@{LocalStore(store).champion('houses')}" in progress


def test_a_refused_table_stops_the_training_before_fitting(tmp_path: Path, store: Path) -> None:
    config = write(tmp_path, 'refuse = ["unseen", "new"]\n', towns=("north", "south", "new town"), garden=1)
    before = [one.version for one in LocalStore(store).versions("houses")]
    progress: list[str] = []
    with pytest.raises(DataError) as caught, reporting(progress.append):
        fasttrack.train(config, store=store)
    label = f"houses@{LocalStore(store).champion('houses')}"
    assert str(caught.value) == (
        f"houses.csv is not what {label} expects: town: not among the 2 categories of the training data "
        '(1 row, 0.5%, row 17 is "new town"); and 1 more; fix the table, or remove "unseen", "new" from '
        f"check.refuse; to list all findings: fasttrack check houses.csv --model {label} --ignore=owner"
    )
    assert not any("fitting" in step for step in progress)
    assert [one.version for one in LocalStore(store).versions("houses")] == before


@pytest.mark.parametrize(
    "check",
    ['refuse = ["unseen"]\nshare = 0.01\n', 'refuse = ["missing", "type", "new", "range"]\n', "refuse = []\n", ""],
)
def test_what_is_tolerated_is_trained_on(tmp_path: Path, store: Path, check: str) -> None:
    config = write(tmp_path, check, towns=("north", "south", "new town"))
    if not check:
        config.write_text(CONFIG.removesuffix("[check]\n"))
    outcome = fasttrack.train(config, store=store, promote="never")
    assert outcome.manifest.contract.columns[1].categories == ["new town", "north", "south"]


def test_another_type_or_column_is_named_with_the_conversion(tmp_path: Path, store: Path) -> None:
    config = write(tmp_path, 'refuse = ["type"]\n', town=7)
    with pytest.raises(
        DataError, match=r"town: expected text, the column is whole numbers; to convert it: --kind town"
    ):
        fasttrack.train(config, store=store)
    outcome = fasttrack.train(config, store=store, kinds={"town": "category"}, ignore=("town",), promote="never")
    assert outcome.manifest.contract.names == ["area"]


def test_an_ignored_column_may_be_missing(tmp_path: Path, store: Path) -> None:
    config = write(tmp_path, 'refuse = ["missing", "type"]\n')
    outcome = fasttrack.train(config, store=store, ignore=("town",), promote="never")
    assert outcome.manifest.contract.names == ["area"]


def test_row_numbers_of_a_sample_are_left_out(tmp_path: Path, store: Path) -> None:
    config = write(tmp_path, 'refuse = ["unseen"]\n', town="new town")
    with pytest.raises(DataError) as caught:
        fasttrack.train(config, store=store, rows=50)
    assert str(caught.value).startswith("a sample of 50 rows of houses.csv is not what houses@")
    assert " town: not among the 2 categories of the training data (50 rows, 100.0%); fix " in str(caught.value)


def test_any_version_that_exists_can_be_checked_against(tmp_path: Path, store: Path) -> None:
    version = LocalStore(store).champion("houses")
    config = write(tmp_path, f'against = "houses@{version}"\nrefuse = ["new"]\n', garden=1)
    with pytest.raises(DataError, match="garden: not a column of this model and ignored"):
        fasttrack.train(config, name="others", store=store)
    config = write(tmp_path, 'against = "nobody"\nrefuse = ["new"]\n')
    with pytest.raises(StoreError, match="has no model 'nobody'; it has 'houses'"):
        fasttrack.train(config, store=store)


def test_the_command_that_lists_all_findings_reads_the_table_as_the_training_does(tmp_path: Path, store: Path) -> None:
    config = write(tmp_path, 'refuse = ["new"]\n', garden=1)
    with pytest.raises(DataError) as caught:
        fasttrack.train(config, store=store, nulls=("-",), kinds={"town": "category"})
    assert str(caught.value).endswith(" --null=- --kind=town=category --ignore=owner")


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("against = 'a'\n", 'check: `refuse` is missing; write what stops a training, such as ["missing", "type"]'),
        (
            "refuse = ['unsen']\n",
            'check.refuse[0]: expected one of missing, type, range, unseen, new, got "unsen"; did you mean unseen?',
        ),
        ("refuse = 'new'\n", "check.refuse: expected a list, got text"),
        ("refuse = []\nshare = 1\n", "check.share: expected a number < 1.0"),
        ("refuse = []\nwith = 'a'\n", "check: unknown key `with`; did you mean weight?"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(tmp_path: Path, check: str, message: str) -> None:
    config = write(tmp_path, check)
    with pytest.raises(ConfigError) as caught:
        TrainConfig.of(config)
    assert str(caught.value) == f"{config}: {message}"


def test_all_keys_of_the_configuration_are_read(tmp_path: Path) -> None:
    config = write(tmp_path, 'against = "houses@champion"\nrefuse = ["missing", "type"]\nshare = 0.01\n')
    expected = CheckConfig(refuse=["missing", "type"], against="houses@champion", share=0.01)
    assert TrainConfig.of(config).check == expected
