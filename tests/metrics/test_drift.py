"""Bins learned from training rows, and counts of predicted rows, compared with counting row by row."""

from __future__ import annotations

import math
import multiprocessing
import signal
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prometheus_client import CollectorRegistry, generate_latest
from sklearn.linear_model import LogisticRegression

from fasttrack.contract.frame import matrix_from_frame
from fasttrack.contract.learn import learn_contract
from fasttrack.metrics.drift import DriftSeries
from fasttrack.metrics.reference import MOST_FEATURES, Bins, Reference, bin_numbers, learn_reference
from fasttrack.training.sensitivity import sensitivity
from tests.budget import budget
from tests.metrics.dying import count_and_die

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract


def table(rows: int = 4000, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": random.lognormal(3, 1, rows),
            "rooms": random.integers(1, 6, rows),
            "zeros": np.where(random.random(rows) < 0.6, 0.0, random.normal(size=rows)),
            "garden": random.random(rows) < 0.3,
            "street": random.choice([f"street {i}" for i in range(40)], rows, p=np.arange(1, 41) / 820),
            "built": pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s"),
            "same": np.full(rows, 4.0),
        }
    )
    frame.loc[::7, "size"] = np.nan
    frame.loc[::9, "street"] = None
    return frame


class Model:
    classes_ = np.array(["dear", "cheap"])


def contract_of(frame: pd.DataFrame, task: Any = "regression") -> Contract:
    return learn_contract(frame, Model(), target="y", task=task)


def by_hand(bins: Bins, value: float, column: Any) -> str:
    """The name of a value's bin, from its definition."""
    if math.isnan(value):
        return "missing"
    if bins.codes:
        if value < 0:
            return "unseen"
        word = str(column.categories[int(value)])
        own = [name for name in bins.names if name[3:] == word]
        return own[0] if own else "others"
    if len(bins.names) == 2:
        return bins.names[0]
    return bins.names[sum(value > edge for edge in bins.edges)]


def test_every_value_falls_into_the_bin_of_its_definition() -> None:
    frame = table()
    contract = contract_of(frame)
    matrix = matrix_from_frame(contract, frame)
    reference = learn_reference(contract, matrix, matrix[:, 2])
    odd = np.array([-1.0, 0.0, 1.0, 3.0, 39.0, 1e300, -1e300, math.nan])
    for bins in reference.features:
        column = contract.columns[bins.column]
        values = np.concatenate([matrix[:, bins.column], odd if column.kind != "category" else [-1.0, math.nan]])
        names = [bins.names[place] for place in bin_numbers(bins, values).tolist()]
        assert names == [by_hand(bins, value, column) for value in values.tolist()]
        shares = [names[: len(matrix)].count(name) / len(matrix) for name in bins.names]
        assert bins.shares == pytest.approx(shares)
        assert sum(bins.shares) == pytest.approx(1)
        assert bins.names == sorted(bins.names, key=lambda name: (not name[0].isdigit(), name))[: len(bins.names)] or (
            bins.names[-2:] == ["unseen", "missing"]
        )


def test_bins_are_what_a_reader_expects() -> None:
    frame = table()
    contract = contract_of(frame)
    reference = learn_reference(contract, matrix_from_frame(contract, frame), np.linspace(0, 1, 1000))
    bins = {one.name: one for one in reference.features}
    assert len(bins["size"].edges) == 9
    assert bins["rooms"].names == ["00 ≤ 1", "01 (1, 2]", "02 (2, 3]", "03 (3, 4]", "04 > 4", "missing"]
    assert bins["garden"].names == ["00 false", "01 true", "missing"]
    assert bins["built"].names == ["00 present", "missing"]
    assert bins["same"].names == ["00 any", "missing"]
    assert len(bins["street"].names) == 20 + 3
    assert bins["street"].names[-3:] == ["others", "unseen", "missing"]
    most = frame["street"].value_counts().index[:20]
    assert {name[3:] for name in bins["street"].names[:20]} == set(most)
    assert 0.0 in bins["zeros"].edges
    assert reference.prediction is not None
    assert max(reference.prediction.shares) < 0.11


def test_predicted_classes_have_bins() -> None:
    frame = table()
    contract = contract_of(frame, "binary")
    reference = learn_reference(contract, matrix_from_frame(contract, frame), np.array([0.0, 1.0, 1.0, 1.0]))
    assert reference.prediction is not None
    assert reference.prediction.names == ["00 dear", "01 cheap", "unseen", "missing"]
    assert reference.prediction.shares == [0.25, 0.75, 0, 0]


def test_of_a_wide_table_the_columns_that_the_model_heeds_are_watched() -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(500, 130)), columns=[f"c{j}" for j in range(130)])
    y = (X["c7"] + 2 * X["c99"] + 3 * X["c128"] > 0).to_numpy()
    model = LogisticRegression(C=100, max_iter=1000).fit(X, y)
    moved = sensitivity(model, X, array=False)
    assert np.argsort(moved)[::-1][:3].tolist() == [128, 99, 7]
    contract = learn_contract(X, model, target="y", task="binary")
    matrix = matrix_from_frame(contract, X)
    reference = learn_reference(contract, matrix, np.zeros(500), importance=moved)
    assert len(reference.features) == 100
    assert reference.unwatched == 30
    assert [one.name for one in reference.features[:3]] == ["c128", "c99", "c7"]


def counted(series: DriftSeries) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(series)
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def expected(reference: Reference, matrix: NDArray[np.float64], prediction: NDArray[np.float64]) -> dict[str, float]:
    assert reference.prediction is not None
    found: dict[str, float] = {}
    for bins in [*reference.features, reference.prediction]:
        values = prediction if bins.column < 0 else matrix[:, bins.column]
        names = [bins.names[place] for place in bin_numbers(bins, values).tolist()]
        for name in bins.names:
            feature = "" if bins.column < 0 else f',feature="{bins.name}"'
            kind = "prediction" if bins.column < 0 else "feature"
            found[f'fasttrack_{kind}_bin_total{{bin="{name}"{feature},model="m",version="1"}}'] = names.count(name)
    return found


def drift_of(frame: pd.DataFrame) -> tuple[Reference, NDArray[np.float64]]:
    contract = contract_of(frame)
    matrix = matrix_from_frame(contract, frame)
    return learn_reference(contract, matrix, matrix[:, 2]), matrix


@pytest.mark.parametrize("shared", [False, True])
def test_counts_are_those_of_the_rows(tmp_path: Path, shared: bool) -> None:
    reference, matrix = drift_of(table())
    rows = np.vstack([matrix] * 12)  # more than fit into the ring buffer
    series = DriftSeries(tmp_path if shared else None)
    tally = series.tally("m", "1", reference)
    random = np.random.default_rng(1)
    start = 0
    while start < len(rows):
        stop = min(len(rows), start + int(random.choice([1, 3, 100, 30_000])))
        tally.add(rows[start:stop], rows[start:stop, 2])
        if random.random() < 0.2:
            tally.bin_rows()
        start = stop
    wanted = expected(reference, rows, rows[:, 2])
    assert {name: value for name, value in counted(series).items() if "bin_total" in name} == wanted
    assert series.tally("m", "1", reference) is tally
    if shared:
        tally.add(rows[:5], rows[:5, 2])  # not binned yet: another process counts it all the same
        elsewhere = DriftSeries(tmp_path)
        found = {name: value for name, value in counted(elsewhere).items() if "bin_total" in name}
        assert found == expected(reference, np.vstack([rows, rows[:5]]), np.concatenate([rows[:, 2], rows[:5, 2]]))


def test_workers_that_die_leave_their_counts_and_give_back_their_memory(tmp_path: Path) -> None:
    reference, matrix = drift_of(table(1000))
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=count_and_die, args=(tmp_path, reference, matrix)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == -signal.SIGKILL
    left = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(left) == 3
    assert min(left) > 1_000_000
    living = DriftSeries(tmp_path)
    living.tally("m", "1", reference).add(matrix[:10], matrix[:10, 2])
    wanted = expected(
        reference, np.vstack([*[matrix] * 3, matrix[:10]]), np.array([*[*matrix[:, 2]] * 3, *matrix[:10, 2]])
    )
    for _ in range(2):  # rows of a killed process are counted once, however often they are read
        assert {name: value for name, value in counted(living).items() if "bin_total" in name} == wanted
    sizes = sorted(path.stat().st_size for path in tmp_path.iterdir())
    assert sizes[2] < 50_000
    assert sizes[3] > 1_000_000, "that of the one that lives stays"


def test_several_threads_count_every_row_once() -> None:
    reference, matrix = drift_of(table(500))
    series = DriftSeries(None)
    tally = series.tally("m", "1", reference)
    stop = threading.Event()

    def settle() -> None:
        while not stop.is_set():
            tally.bin_rows()

    def predict() -> None:
        for start in range(0, 500, 5):
            for _ in range(20):
                tally.add(matrix[start : start + 5], matrix[start : start + 5, 2])

    settler = threading.Thread(target=settle)
    settler.start()
    writers = [threading.Thread(target=predict) for _ in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    settler.join()
    wanted = {name: 80 * value for name, value in expected(reference, matrix, matrix[:, 2]).items()}
    assert {name: value for name, value in counted(series).items() if "bin_total" in name} == wanted


def test_values_beyond_the_training_range_are_counted() -> None:
    reference, matrix = drift_of(table())
    series = DriftSeries(None)
    rows = matrix[:10].copy()
    rows[:, 0] = [1e9, -5, math.nan, *rows[3:, 0]]
    rows[3:, 0] = np.nanmedian(matrix[:, 0])
    rows[:4, 1] = 77
    series.tally("m", "1", reference).add(rows, rows[:, 2])
    found = counted(series)
    assert found['fasttrack_feature_out_of_range_total{feature="size",model="m",version="1"}'] == 2
    assert found['fasttrack_feature_out_of_range_total{feature="rooms",model="m",version="1"}'] == 4
    assert found['fasttrack_feature_out_of_range_total{feature="zeros",model="m",version="1"}'] == 0
    assert not any("out_of_range" in name and "street" in name for name in found)


@pytest.mark.parametrize("first", [True, False])
def test_of_more_columns_than_are_watched_the_most_important_are_counted(first: bool) -> None:
    columns = MOST_FEATURES + 1
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, columns)), columns=[f"x{j}" for j in range(columns)])
    contract = contract_of(frame)
    matrix = matrix_from_frame(contract, frame)
    importance = [1.0] * columns if first else [*range(columns)]
    reference = learn_reference(contract, matrix, matrix[:, 2], importance=importance)
    series = DriftSeries(None)
    series.tally("m", "1", reference).add(matrix, matrix[:, 2])
    assert {name: value for name, value in counted(series).items() if "bin_total" in name} == expected(
        reference, matrix, matrix[:, 2]
    )


@settings(max_examples=budget(60), deadline=None)
@given(
    training=arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=True, allow_infinity=False)),
    values=arrays(np.float64, st.integers(0, 30), elements=st.floats(allow_nan=True, allow_infinity=False)),
)
def test_any_numbers_can_be_binned(training: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    frame = pd.DataFrame({"x": training if len(training) else np.array([1.0])})
    contract = contract_of(frame)
    matrix = matrix_from_frame(contract, frame)
    reference = learn_reference(contract, matrix, matrix[:, 0])
    again = msgspec.json.decode(msgspec.json.encode(reference), type=Reference)
    assert again == reference
    (bins,) = reference.features
    assert sum(bins.count(values)) == len(values)
    assert sum(bins.shares) == pytest.approx(1)
    assert len(set(bins.names)) == len(bins.names)
