"""A table with free text, end to end: the same answers by every way in, and no text shown by value."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import fasttrack
from fasttrack.contract.decode import Decoder
from fasttrack.data import table_from_frame
from fasttrack.errors import TrainingError
from fasttrack.expectations import check
from fasttrack.jobs.verify import verify
from fasttrack.metrics.reference import read_reference
from fasttrack.scoring.sklearn_engine import SklearnEngine
from fasttrack.serving.app import create_app
from fasttrack.settings import Settings
from fasttrack.store import open_store
from tests.journal.places import wait_for
from tests.serving.asgi import call
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack import Outcome
    from fasttrack.bundle import Bundle

UNSEEN = ["GREAT naïve café 数据", "?", 'awful\nbox, "quoted" & 😀 100 %']


@dataclass(frozen=True)
class Reviews:
    """The table, the store and the model of a pipeline of the user's own."""

    folder: Path
    outcome: Outcome

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def bundle(self) -> Bundle:
        return open_store(self.store).open("reviews")


def reviews(n: int = 160) -> pd.DataFrame:
    random = np.random.default_rng(0)
    words = np.array(["great", "awful", "box", "red", "fine", "quick", "broken", "the"])
    texts = [" ".join(random.choice(words, 5)) + f" secret{i}" for i in range(n)]
    good = ["great" in text and "awful" not in text for text in texts]
    return pd.DataFrame({"stars": random.integers(1, 6, n), "review": texts, "verdict": np.where(good, "good", "bad")})


def pipeline() -> Any:
    parts = make_column_transformer((TfidfVectorizer(), "review"), remainder="passthrough")
    return make_pipeline(parts, LogisticRegression())


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Reviews:
    folder = tmp_path_factory.mktemp("reviews")
    reviews().to_csv(folder / "reviews.csv", index=False)
    outcome = fasttrack.train(folder / "reviews.csv", "verdict", estimator=pipeline(), store=folder / "store")
    return Reviews(folder, outcome)


def test_an_own_pipeline_with_a_vectorizer_trains_from_a_table_and_compiles(own: Reviews) -> None:
    manifest = own.outcome.manifest
    assert manifest.engine == "onnx"
    assert [column.kind for column in manifest.contract.columns] == ["integer", "text"]
    assert manifest.metrics["log_loss"].value < manifest.baseline["log_loss"].value
    assert verify(own.bundle, own.folder / "reviews.csv").passed


def test_every_way_in_gets_the_answer_of_the_pipeline(own: Reviews) -> None:
    frame = pd.DataFrame({"stars": 3, "review": UNSEEN})
    fitted = own.bundle.load_pipeline()
    expected = fitted.predict_proba(frame)[:, 1].tolist()
    app = create_app(Settings(store=str(own.store), journal="off"))
    app.state.models.load()

    def post(body: Any) -> Any:
        status, _, reply = asyncio.run(call(app, json.dumps(body).encode()))
        assert status == 200, reply
        return json.loads(reply)

    rows = frame.to_dict("records")
    assert [post(row)["probabilities"]["good"] for row in rows] == pytest.approx(expected, abs=1e-9)
    assert post(rows)["probabilities"]["good"] == pytest.approx(expected, abs=1e-9)
    columns = {"columns": frame.to_dict("list")}
    assert post(columns)["probabilities"]["good"] == pytest.approx(expected, abs=1e-9)
    for row, probability in zip(rows, expected, strict=True):
        query = {"method": "GET", "query_string": urlencode(row).encode()}
        status, _, reply = asyncio.run(call(app, b"", **query))
        answer = json.loads(reply)
        assert (status, answer["review"]) == (200, row["review"])
        assert answer["probabilities"]["good"] == pytest.approx(probability, abs=1e-9)
    decoder = Decoder(own.bundle.manifest.contract)
    for table in (frame, pa.table(frame), frame.astype({"review": "category"}), frame.to_dict("list")):
        for engine in (fasttrack.load("reviews", store=own.store), None):
            if engine is not None:
                assert engine.predict_proba(table)[:, 1].tolist() == pytest.approx(expected, abs=1e-9)
            else:  # as scikit-learn serves a pipeline that is not compiled
                scored = SklearnEngine(decoder.contract, fitted).score(decoder.columns(table))
                assert scored.probabilities is not None
                assert scored.probabilities[:, 1].tolist() == expected


def test_no_text_is_shown_by_value(own: Reviews) -> None:
    app = create_app(Settings(store=str(own.store), journal="off"))
    app.state.models.load()
    shown = [asyncio.run(call(app, b"", method="GET", path=path))[2] for path in ("/openapi.json", "/contract")]
    files = [
        own.bundle.read(name) for name in own.bundle.manifest.files if name.endswith((".json", ".html", "MLmodel"))
    ]
    assert len(files) >= 3
    manifest = (own.bundle.folder / "manifest.json").read_bytes()
    for content in [*shown, *files, manifest]:
        assert b"secret" not in content
    assert b"some text" in shown[0]


def test_the_length_of_a_text_is_watched(own: Reviews) -> None:
    reference = read_reference(own.bundle)
    assert reference is not None
    bins = reference.features[1]
    assert bins.name == "review"
    lengths = reviews()["review"].str.len().to_numpy(dtype=float)
    assert bins.count(lengths).tolist() == [round(share * len(lengths)) for share in bins.shares]
    assert bins.high is None


def test_a_table_of_other_texts_meets_the_expectation(own: Reviews) -> None:
    other = reviews(80).assign(review=[f"other text {i}" * 50 for i in range(80)])
    other.loc[3, "review"] = None
    batches = [table_from_frame(other.drop(columns="verdict"), kinds={})]
    result = check(own.bundle.manifest.contract, batches, refusals=own.bundle.manifest.refusals)
    assert [(finding.column, finding.reason, finding.rows) for finding in result.findings] == [("review", "missing", 1)]


def test_the_journal_keeps_texts_for_the_next_training(own: Reviews) -> None:
    table = reviews(90)
    with serving(own.store, journal="on", model="reviews") as client:
        ids = client.post("/predict", json=table[["stars", "review"]].to_dict("records")).json()["ids"]
        labels = [{"id": id_, "label": label} for id_, label in zip(ids, table["verdict"], strict=True)]
        client.post("/feedback", json=labels).raise_for_status()
        wait_for(lambda: 'feedback_total{outcome="matched"} 90' in client.get("/metrics").text)
    options: dict[str, Any] = {"estimator": pipeline(), "promote": "never"}
    manifest = fasttrack.train("journal", since="1h", store=own.store, **options).manifest
    assert [column.kind for column in manifest.contract.columns] == ["integer", "text"]
    assert manifest.contract.columns[1].quantiles[-1] == table["review"].str.len().max()


def test_a_built_in_pipeline_uses_text_where_it_helps(tmp_path: Path) -> None:
    table = reviews(300).assign(comment=[f"all say the same {i}" for i in range(300)])
    manifest = fasttrack.train(table, "verdict", name="r", estimator="linear", store=tmp_path).manifest
    assert [column.kind for column in manifest.contract.columns] == ["integer", "text", "text"]
    (note,) = [note for note in manifest.training.notes if note.startswith("free text is used: 'review', 'comment'")]
    assert "cross-validated log_loss of linear" in note
    assert manifest.engine == "onnx"
    assert manifest.metrics["log_loss"].high < manifest.baseline["log_loss"].value


def test_text_that_does_not_help_is_left_out_with_the_figures(tmp_path: Path) -> None:
    table = reviews(200).assign(verdict=np.random.default_rng(1).choice(["good", "bad"], 200))
    manifest = fasttrack.train(table, "verdict", name="r", estimator="forest", store=tmp_path).manifest
    assert manifest.contract.names == ["stars"]
    assert manifest.training.left_out["review"].startswith("free text that does not help (cross-validated log_loss")
    forced = fasttrack.train(
        table, "verdict", name="f", estimator="forest", kinds={"review": "text"}, store=tmp_path
    ).manifest
    assert [column.kind for column in forced.contract.columns] == ["integer", "text"]
    assert forced.engine == "onnx"


def test_a_kind_that_is_asked_for_keeps_unique_words(tmp_path: Path) -> None:
    table = reviews(100).assign(review=[f"w{i}" for i in range(100)])
    left_out = fasttrack.train(table, "verdict", name="r", estimator="linear", store=tmp_path).manifest
    assert left_out.contract.names == ["stars"]
    kept = fasttrack.train(
        table, "verdict", name="r", estimator="linear", kinds={"review": "category"}, store=tmp_path
    ).manifest
    assert [column.kind for column in kept.contract.columns] == ["integer", "category"]


def test_a_pipeline_that_begins_with_a_vectorizer_is_told_how_to_name_its_column(tmp_path: Path) -> None:
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression())
    with pytest.raises(TrainingError, match=r"takes one column and not a table; .*TfidfVectorizer\(\), 'review'"):
        fasttrack.train(reviews(60), "verdict", name="r", estimator=estimator, store=tmp_path)


def test_missing_texts_are_empty_ones_for_a_built_in_pipeline(tmp_path: Path) -> None:
    table = reviews(200)
    table.loc[::9, "review"] = None
    manifest = fasttrack.train(table, "verdict", name="r", estimator="linear", store=tmp_path).manifest
    assert manifest.contract.columns[1].nullable
    assert manifest.engine == "onnx"
    model = fasttrack.load("r", store=tmp_path)
    probabilities = model.predict_proba(pd.DataFrame({"stars": 3, "review": [None, ""]}))
    assert probabilities[0].tolist() == probabilities[1].tolist()
