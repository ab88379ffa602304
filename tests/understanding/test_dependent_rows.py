"""Rows that depend on each other: copies, several rows of an entity, rows in the order of time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fasttrack.understanding.duplicates import find_duplicates
from fasttrack.understanding.order import entity_share, is_ordered_in_time

RANDOM = np.random.default_rng(0)


def test_identical_rows_have_the_same_code() -> None:
    frame = pd.DataFrame({"a": [1.5, np.nan, 1.5, np.nan, 2.5], "b": ["x", "y", "x", "y", "z"]})
    found = find_duplicates(frame, pd.Series([0, 1, 0, 2, 3]))
    assert found.codes.tolist() == [0, 1, 0, 2, 3]
    assert found.repeated == 1


def test_copies_are_told_from_rows_that_repeat_by_their_nature() -> None:
    base = pd.DataFrame(
        {"a": RANDOM.normal(size=60), "b": RANDOM.choice(list("pq"), 60), "y": RANDOM.integers(0, 2, 60)}
    )

    def are_copies(frame: pd.DataFrame) -> bool:
        return find_duplicates(frame.drop(columns="y"), frame["y"]).copies

    assert are_copies(pd.concat([base] * 4))
    assert are_copies(pd.concat([base, base[:3]]))
    assert not are_copies(base)
    passengers = pd.DataFrame({"class": RANDOM.integers(1, 4, 500), "sex": RANDOM.choice(["f", "m"], 500)})
    assert not are_copies(passengers.assign(y=RANDOM.integers(0, 2, 500)))
    assert not are_copies(passengers.assign(y=passengers["class"]))  # also where the target follows from them
    countries = pd.DataFrame({"country": RANDOM.integers(0, 80, 500)}).astype(str)
    countries["code"], countries["y"] = "c" + countries["country"], countries["country"].str[0]
    assert not are_copies(countries)
    many = pd.DataFrame(RANDOM.integers(0, 12, (1000, 3)), columns=list("abc"))  # more combinations than rows
    assert not are_copies(many.assign(y=RANDOM.integers(0, 2, 1000)))


def entity(name: str, codes: np.ndarray, *, effect: float = 1.0, words: str = "") -> bool:
    shift = RANDOM.normal(size=codes.max() + 1)[codes] * effect
    values = pd.Series(codes) if not words else pd.Series([words.format(code) for code in codes])
    return entity_share(name, values, shift + RANDOM.normal(size=len(codes))) > 0


def test_ids_with_several_rows_each_are_entities() -> None:
    codes = RANDOM.integers(0, 120, 600)
    assert entity("patient_id", codes)
    assert entity("customer", codes)
    assert entity("anything", codes, words="C-{:05}")
    assert not entity("patient_id", codes, effect=0.0)  # the target does not depend on it
    assert not entity("amount", codes)
    assert not entity("airport", codes, words="city of {}")
    assert not entity("carrier_id", codes % 15)
    assert not entity("patient_id", np.arange(600))
    assert not entity("zip", codes, words="{:05}")
    assert not entity("zip", codes, words="z{:05}")


def test_the_labels_of_an_entity_may_be_alike_too() -> None:
    codes = RANDOM.integers(0, 100, 600)
    labels = (RANDOM.normal(size=100)[codes] + RANDOM.normal(size=600) > 0).astype(float)
    assert entity_share("user", pd.Series(codes), np.column_stack([labels, 1 - labels])) > 0.1
    assert entity_share("user", pd.Series(codes), RANDOM.permutation(labels)) == 0.0


def test_rows_in_the_order_of_time() -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=200, tz="UTC"))
    assert is_ordered_in_time("when", days)
    assert is_ordered_in_time("when", days[::-1])
    late = days.copy()
    late[100] = days[95]
    assert is_ordered_in_time("when", late)
    assert is_ordered_in_time("year", pd.Series(np.arange(1900, 2000)))
    assert not is_ordered_in_time("amount", pd.Series(np.arange(1900, 2000)))
    assert not is_ordered_in_time("when", days.sample(frac=1, random_state=0))
    assert not is_ordered_in_time("when", days[:5])
    assert not is_ordered_in_time("when", pd.concat([days[:50]] * 4))  # one entity after the other
    assert not is_ordered_in_time("when", days.where(days.index != 3))
