"""A row gets the same answer whether its values come from a CSV file, as JSON text, as JSON numbers or in a query."""

from __future__ import annotations

import csv
import io
import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

import fasttrack
from fasttrack.data import Source
from fasttrack.training.known import as_served, known_rows
from tests.serving.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

ROWS = 120


def grouped(number: float, decimal: str, thousands: str) -> str:
    return f"{number:,.2f}".replace(",", "·").replace(".", decimal).replace("·", thousands)


def table() -> str:
    """Income in dollars, a share in percent, turnover in Europe's notation, two dates, words, and NA as a country."""
    chance = random.Random(0)
    content = io.StringIO()
    writer = csv.writer(content, delimiter=",")
    writer.writerow(["income", "share", "turnover", "day", "compact", "size", "country", "zip", "rate"])
    for row in range(ROWS):
        income, share = 20_000 + 731.25 * chance.randrange(99), 0.1 * chance.randrange(400)
        turnover = -5_000 + 123.45 * chance.randrange(200)
        day = date(2023, 1, 1) + timedelta(days=chance.randrange(700))
        size = "n/k" if row % 20 == 3 else str(chance.randrange(200))
        country = chance.choice(["NA", "DE", "FR"])
        rate = 0.0001 * income + 0.2 * share + (3 if country == "NA" else 0) + day.month / 10
        writer.writerow(
            [
                f"${income:,.2f}", f"{share:.1f}%", grouped(turnover, ",", "."), day.strftime("%d.%m.%Y"),
                day.strftime("%Y%m%d"), size, country, f"{1000 + row % 9:05d}", f"{rate:.2f}%",
            ]
        )  # fmt: skip
    return content.getvalue()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notations")
    (folder / "t.csv").write_text(table())
    outcome = fasttrack.train(
        folder / "t.csv", target="rate", estimator="linear", name="t", store=folder / "store", promote="always",
        tracking="off",
    )  # fmt: skip
    kinds = {column.name: column.kind for column in outcome.manifest.contract.columns}
    assert kinds == {
        "income": "number", "share": "number", "turnover": "number", "day": "datetime", "compact": "datetime",
        "size": "integer", "country": "category", "zip": "category",
    }  # fmt: skip
    assert outcome.manifest.contract.target.task == "regression"
    noted = {(finding.code, *finding.columns) for finding in outcome.manifest.training.findings}
    assert noted >= {
        ("FT101", "income"), ("FT101", "share"), ("FT101", "turnover"), ("FT101", "day"), ("FT101", "compact"),
        ("FT101", "zip"), ("FT101", "rate"), ("FT108", "size"), ("FT121", "country"),
    }  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[httpx.Client]:
    with serving(store / "store", journal="off") as running:
        yield running


def cells(store: Path) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO((store / "t.csv").read_text())))[:12]
    return [{name: cell for name, cell in row.items() if name != "rate"} for row in rows]


def plain(row: dict[str, str]) -> dict[str, Any]:
    """The same row as a program writes it: numbers as numbers, dates as ISO 8601, missing as null."""
    day, month, year = row["day"].split(".")
    return {
        "income": float(row["income"].replace("$", "").replace(",", "")),
        "share": float(row["share"].rstrip("%")),
        "turnover": float(row["turnover"].replace(".", "").replace(",", ".")),
        "day": f"{year}-{month}-{day}",
        "compact": int(row["compact"]),
        "size": None if row["size"] == "n/k" else int(row["size"]),
        "country": row["country"],
        "zip": row["zip"],
    }


def post(client: httpx.Client, body: Any) -> list[float]:
    reply = client.post("/predict", json=body)
    assert reply.status_code == 200, reply.text
    assert not reply.json().get("warnings")
    predictions: list[float] = reply.json()["predictions"]
    return predictions


def test_csv_json_text_json_numbers_and_queries_get_the_same_answer(store: Path, client: httpx.Client) -> None:
    rows = cells(store)
    written: list[dict[str, Any]] = [
        {name: None if cell == "n/k" else cell for name, cell in row.items()} for row in rows
    ]
    written = [row | {"size": None if row["size"] is None else int(row["size"])} for row in written]
    expected = post(client, [plain(row) for row in rows])
    assert post(client, written) == expected
    assert post(client, {"columns": {name: [row[name] for row in written] for name in written[0]}}) == expected
    for row, text_row, prediction in zip(rows, written, expected, strict=True):
        assert client.post("/predict", json=text_row).json()["prediction"] == prediction
        assert client.get("/predict", params=row).json()["prediction"] == prediction
    model = fasttrack.load("t", store=store / "store")
    assert model.predict(pd.DataFrame(written)).tolist() == expected
    assert model.predict(pa.Table.from_pylist([plain(row) for row in rows])).tolist() == expected
    frame = known_rows(model.contract, Source(store / "t.csv"))
    matrix, _ = as_served(model.contract, frame.iloc[:12])
    again = [dict(zip(model.contract.names, values, strict=True)) for values in matrix.tolist()]
    assert [row["income"] for row in again] == [plain(row)["income"] for row in rows]


@pytest.mark.parametrize(("column", "cell"), [("size", "n/k"), ("size", "NA"), ("size", " "), ("size", "null")])
def test_what_the_table_reads_as_missing_a_request_reads_as_missing(
    store: Path, client: httpx.Client, column: str, cell: str
) -> None:
    row = plain(cells(store)[0])
    expected = client.post("/predict", json=row | {column: None})
    for body in (
        row | {column: cell},
        [row | {column: cell}],
        {"columns": {n: [v] for n, v in (row | {column: cell}).items()}},
    ):
        reply = client.post("/predict", json=body)
        prediction = reply.json().get("prediction", reply.json().get("predictions"))
        assert (prediction[0] if isinstance(prediction, list) else prediction) == expected.json()["prediction"]


def test_na_is_a_country_and_not_a_missing_value(store: Path, client: httpx.Client) -> None:
    row = plain(cells(store)[0])
    answers = {
        country: client.post("/predict", json=row | {"country": country}).json()["prediction"]
        for country in ("NA", "DE")
    }
    assert answers["NA"] - answers["DE"] == pytest.approx(3, abs=0.2)
    refused = client.post("/predict", json=row | {"country": "N/A"})
    assert refused.status_code == 422 and "always had a value" in refused.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"income": "€5"}, "expected a number (as text: decimal point, thousands comma, unit $)"),
        ({"income": "$1.234,50"}, "expected a number (as text: decimal point, thousands comma, unit $)"),
        ({"share": "a lot"}, "expected a number (as text: unit %)"),
        ({"day": "12/31/2023"}, "or a date as the training table has them: day first"),
        ({"day": 20230131}, "got a number"),
        ({"compact": 20231399}, "expected an ISO 8601 date and time"),
        ({"size": "12"}, "expected a whole number, got text"),
    ],
)
def test_other_text_is_refused_without_repeating_it(
    store: Path, client: httpx.Client, change: dict[str, Any], message: str
) -> None:
    reply = client.post("/predict", json=plain(cells(store)[0]) | change)
    assert reply.status_code == 422
    assert message in reply.text
    assert not any(str(value) in reply.text for value in change.values())
