"""What is published of a contract: no rare category, no extreme, little of much, and nothing of what is hidden."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder

from fasttrack.contract import Column, Contract, Privacy, Target
from fasttrack.contract.decode import Decoder
from fasttrack.contract.learn import learn_columns, learn_contract
from fasttrack.contract.openapi import example_row, request_schema
from fasttrack.contract.published import bounds_text, published_contract
from fasttrack.metrics.reference import bin_numbers, learn_reference
from fasttrack.report.bin_labels import bin_labels
from tests.contract.tables import column, contract_of

SECRETS = ("Kestrel", "Oslo", "987654", "1234")


def people(rows: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "name": [f"Kestrel, Ottoline {i // 2}" for i in range(rows)],
            "port": pd.Series(random.choice(["Bergen", "Cork"], rows)),
            "salary": random.normal(50_000, 5_000, rows).round(2),
            "deck": random.integers(0, 4, rows),
        }
    )
    frame.loc[:3, "port"] = "Oslo"
    frame.loc[4, "salary"], frame.loc[5, "salary"] = 987_654.25, 1_234.5
    return frame


def contract_for(frame: pd.DataFrame, privacy: Privacy | None = None) -> Contract:
    return Contract(columns=learn_columns(frame, privacy=privacy), target=Target(name="y", task="regression"))


def everything_published(contract: Contract) -> str:
    """Contract, OpenAPI schema and examples, and the warnings for a row that is unlike the training rows."""
    odd = {"name": "?", "port": "?", "salary": 1e9, "deck": 1e9}
    warnings = Decoder(contract).row({name: odd[name] for name in contract.names}).warnings
    parts = [published_contract(contract), request_schema(contract), example_row(contract), warnings]
    return msgspec.json.encode(parts).decode()


def matrix_of(contract: Contract, frame: pd.DataFrame) -> Any:
    return Decoder(contract).columns(frame).matrix


def test_neither_rare_values_nor_extremes_are_published() -> None:
    contract = contract_for(people())
    text = everything_published(contract)
    assert not [secret for secret in SECRETS if secret in text]
    columns = {entry["name"]: entry for entry in published_contract(contract)["columns"]}
    assert columns["port"]["categories"] == ["Cork", "Bergen"]
    assert (columns["port"]["category_count"], columns["name"]["category_count"]) == (3, 150)
    assert columns["name"]["categories"] == []
    assert 35_000 < columns["salary"]["minimum"] < columns["salary"]["maximum"] < 65_000
    assert (columns["deck"]["minimum"], columns["deck"]["maximum"]) == (0, 3)
    assert [columns["salary"]["quantiles"][i] for i in (0, 20)] == [
        columns["salary"][end] for end in ("minimum", "maximum")
    ]


def test_the_decoder_still_knows_what_is_not_published() -> None:
    contract = contract_for(people())
    row = {"name": "Kestrel, Ottoline 7", "port": "Oslo", "salary": 987_654.25, "deck": 1}
    assert Decoder(contract).row(row).warnings == []


def test_what_may_be_published_can_be_chosen() -> None:
    frame = people()
    assert "Oslo" in everything_published(contract_for(frame, Privacy(min_rows=4)))
    every = everything_published(contract_for(frame, Privacy(min_rows=1)))
    assert not [secret for secret in SECRETS if secret not in every]
    listed = published_contract(contract_for(frame, Privacy(min_rows=1, max_values=7)))["columns"][0]
    assert len(listed["categories"]) == 7


def test_nothing_of_a_hidden_column_is_published() -> None:
    frame = people()
    contract = contract_for(frame, Privacy(min_rows=1, hide=("name", "port", "salary", "deck")))
    text = everything_published(contract)
    assert not [value for value in (*SECRETS, "Cork", "Bergen") if value in text]
    for entry in published_contract(contract)["columns"]:
        assert not entry.get("categories")
        assert "minimum" not in entry or entry["minimum"] is None
        assert not entry.get("quantiles")
    assert example_row(contract) == {"name": "some text", "port": "some text", "salary": 0.0, "deck": 0}


def test_a_column_of_many_values_makes_a_short_description() -> None:
    tweets = [f"a tweet about nothing in particular, number {i}: {'word ' * 12}" for i in range(16_540)]
    frame = pd.DataFrame({"text": [*tweets, *tweets[:20] * 5]})
    encoder = make_column_transformer((OneHotEncoder(), ["text"])).fit(frame)
    contract = learn_contract(frame, encoder, target="y", task="regression")
    assert len(contract.columns[0].categories or ()) == 16_540
    assert len(msgspec.json.encode(contract)) > 1_000_000
    assert len(msgspec.json.encode(published_contract(contract))) < 5_000
    assert len(msgspec.json.encode(request_schema(contract))) < 15_000


@pytest.mark.parametrize("privacy", [Privacy(), Privacy(min_rows=1, hide=("name", "port", "salary", "deck"))])
def test_the_bins_of_the_drift_reference_name_only_what_may_be_published(privacy: Privacy) -> None:
    frame = people()
    contract = contract_for(frame, privacy)
    reference = learn_reference(contract, matrix_of(contract, frame), np.zeros(1))
    names = [name for bins in reference.features for name in bins.names]
    labels = [label for bins in reference.features for label in bin_labels(contract.columns[bins.column], bins)]
    assert not [text for text in (*names, *labels) if any(secret in text for secret in SECRETS)]
    assert ("00 Bergen" in names) == (not privacy.hide)
    for bins in reference.features:
        assert len(set(bins.names)) == len(bins.names)


def test_a_model_that_refuses_other_numbers_does_not_name_the_extremes() -> None:
    (salary,) = [one for one in contract_for(people()).columns if one.name == "salary"]
    assert bounds_text(salary, 1_234.5, 987_654.25).startswith("about 3")
    assert bounds_text(salary, -3e38, 3e38) == "-3e+38 to 3e+38"


def test_a_hidden_column_is_watched_all_the_same() -> None:
    frame = people()
    contract = contract_for(frame, Privacy(hide=("port", "salary")))
    bins = {one.name: one for one in learn_reference(contract, matrix_of(contract, frame), np.zeros(1)).features}
    assert bins["port"].names == ["00", "01", "others", "unseen", "missing"]
    assert len(bins["salary"].edges) == 9
    assert bin_numbers(bins["salary"], np.array([0.0, 1e9])).tolist() == [0, 9]


@pytest.mark.parametrize(
    ("one", "entry"),
    [
        (
            column("c", "category", categories=["a", "b"], example="a", shown=None),
            {"categories": [], "example": "some text"},
        ),
        (
            column("c", "category", categories=["a"], example="a", shown=None, nullable=True),
            {"categories": [], "example": None},
        ),
        (
            Column(
                name="n",
                kind="number",
                nullable=False,
                dtype="float64",
                minimum=0.0,
                maximum=20.0,
                quantiles=[float(i) for i in range(21)],
                example=10.0,
            ),
            {"minimum": 1.0, "maximum": 19.0, "example": 10.0},
        ),
    ],
)
def test_a_contract_without_counts_shows_no_category_and_no_extreme(one: Column, entry: dict[str, Any]) -> None:
    (published,) = published_contract(contract_of(one))["columns"]
    assert {name: published[name] for name in entry} == entry
