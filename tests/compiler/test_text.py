"""Pipelines that read text compile, and predict what scikit-learn predicts for any text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from fasttrack.compiler import NotCompilable, compile_pipeline, try_to_compile
from fasttrack.contract import Contract
from fasttrack.contract.fitted_pipeline import predict
from fasttrack.contract.frame import matrix_from_frame, words_from_frame
from fasttrack.contract.learn import learn_contract
from fasttrack.graph import Session, open_session, refused_rows, run
from fasttrack.training.text_features import TextScore, TextVectorizer
from tests.budget import budget

if TYPE_CHECKING:
    from fasttrack.contract import Task

_WORDS = "good bad great awful box film plot café naïve Straße ΣΑΣ the of and a 42 007 x_y".split()  # noqa: SIM905
FRESH = [
    *("", " \t", "Good CAFÉ", "cafe\u0301 plot", "unseen entirely", "good " * 2000, "数据 good", "😀 42", "\u0130 the"),
]

SUBLINEAR = TfidfTransformer(sublinear_tf=True)


def texts(n: int, seed: int, length: int = 12) -> list[str]:
    random = np.random.default_rng(seed)
    made = [" ".join(random.choice(_WORDS, random.integers(1, length))) for _ in range(n)]
    return [f"{text} n{number}" for number, text in enumerate(made)]


def table(n: int = 120) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "body": texts(n, 1),
            "title": texts(n, 2, 4),
            "stars": random.integers(1, 6, n),
            "shop": random.choice(["a", "b", "c"], n),
        }
    )


def labels(X: pd.DataFrame) -> np.ndarray[Any, Any]:
    return np.where(X["body"].str.contains("good|great"), "yes", "no")


def three_labels(X: pd.DataFrame) -> np.ndarray[Any, Any]:
    return np.where(X["body"].str.contains("good"), "good", np.where(X["body"].str.contains("bad"), "bad", "neither"))


def numbers(X: pd.DataFrame) -> np.ndarray[Any, Any]:
    result: np.ndarray[Any, Any] = X["stars"].to_numpy() + 3.0 * X["body"].str.count("good").to_numpy()
    return result


def body(*steps: Any) -> Any:
    """The steps on the column `body`."""
    return make_column_transformer((steps[0] if len(steps) == 1 else make_pipeline(*steps), "body"))


def compiled(pipeline: Any, X: pd.DataFrame, y: Any) -> tuple[Contract, Session, Any]:
    """The contract, the proved program and its rules. Fails when the pipeline is not compiled."""
    pipeline.fit(X, y)
    task: Task = "regression" if not hasattr(pipeline, "classes_") else "multiclass"
    contract = learn_contract(X, pipeline, target="y", task=task)
    result = try_to_compile(pipeline, contract, X, matrix_from_frame(contract, X), threads=1)
    assert result.program is not None, result.reason
    return contract, open_session(result.program), result.input_rules


def assert_equal(pipeline: Any, contract: Contract, session: Session, rows: pd.DataFrame) -> None:
    outputs = run(session, matrix_from_frame(contract, rows), words_from_frame(contract, rows))
    prediction, probabilities = predict(pipeline, rows, probabilities=contract.target.probabilities)
    if contract.target.classes is None:
        np.testing.assert_allclose(outputs["prediction"].astype(float), prediction.astype(float), rtol=1e-9, atol=1e-12)
    else:
        assert [contract.target.classes[index] for index in outputs["prediction"].tolist()] == prediction.tolist()
    if probabilities is not None:
        np.testing.assert_allclose(
            outputs["probabilities"].astype(float), probabilities.astype(float), rtol=0, atol=1e-9
        )


def fresh_rows(X: pd.DataFrame) -> pd.DataFrame:
    rows = X.iloc[np.arange(len(FRESH))].reset_index(drop=True)
    return rows.assign(body=FRESH, title=FRESH[::-1])


CLASSIFIERS: dict[str, Any] = {
    "TF-IDF": (body(TfidfVectorizer()), LogisticRegression()),
    "TF-IDF of characters": (body(TfidfVectorizer(analyzer="char", ngram_range=(1, 3))), LinearSVC()),
    "sublinear, no accents": (body(TfidfVectorizer(sublinear_tf=True, strip_accents="unicode")), LogisticRegression()),
    "stop words, l1": (body(TfidfVectorizer(stop_words=["good"], norm="l1", use_idf=False)), LogisticRegression()),
    "English stop words": (body(CountVectorizer(stop_words="english", lowercase=False)), LogisticRegression()),
    "own vocabulary": (body(CountVectorizer(vocabulary=["plot", "good", "bad"], binary=True)), LogisticRegression()),
    "hashed": (body(HashingVectorizer(n_features=256)), SGDClassifier(loss="log_loss")),
    "hashed TF-IDF": (
        body(HashingVectorizer(n_features=64, norm=None, alternate_sign=False), TfidfTransformer()),
        LogisticRegression(),
    ),
    "counts, selected, TF-IDF, scaled": (
        body(CountVectorizer(), SelectKBest(chi2, k=9), TfidfTransformer(), StandardScaler(with_mean=False)),
        LogisticRegression(),
    ),
    "union of words and characters": (
        body(FeatureUnion([("w", TfidfVectorizer()), ("c", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)))])),
        CalibratedClassifierCV(LinearSVC(), cv=2),
    ),
    "two texts, a number and a category": (
        ColumnTransformer(
            [
                ("body", TfidfVectorizer(min_df=2), "body"),
                ("title", CountVectorizer(), "title"),
                ("stars", StandardScaler(), ["stars"]),
                ("shop", OneHotEncoder(), ["shop"]),
            ],
            transformer_weights={"body": 2.0},
        ),
        LogisticRegression(),
    ),
    "normalized": (body(CountVectorizer()), Normalizer(), LogisticRegression()),
    "components and boosting": (
        body(TfidfVectorizer(), TruncatedSVD(4, random_state=0)),
        HistGradientBoostingClassifier(max_iter=40),
    ),
    "forest of terms": (body(TfidfVectorizer()), RandomForestClassifier(35, max_depth=3, random_state=0)),
    "multinomial": (body(CountVectorizer()), MultinomialNB()),
    "complement": (body(TfidfVectorizer()), ComplementNB()),
    "Bernoulli": (body(TfidfVectorizer()), BernoulliNB()),
    "Bernoulli above one": (body(CountVectorizer()), BernoulliNB(binarize=1.0)),
    "built-in terms": (body(TextVectorizer()), LogisticRegression()),
    "built-in score": (body(TextScore()), HistGradientBoostingClassifier(max_iter=20)),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_of_text_compiles_exactly(name: str) -> None:
    X, pipeline = table(), make_pipeline(*CLASSIFIERS[name])
    contract, session, _ = compiled(pipeline, X, labels(X))
    assert contract.columns[0].kind == "text"
    assert_equal(pipeline, contract, session, X)
    assert_equal(pipeline, contract, session, fresh_rows(X))


def test_several_classes_and_regression_compile_exactly() -> None:
    X = table()
    for steps, y in (
        ((body(TfidfVectorizer()), LogisticRegression()), three_labels(X)),
        ((body(TextScore("multiclass")), RandomForestClassifier(5, random_state=0)), three_labels(X)),
        ((body(CountVectorizer()), MultinomialNB()), three_labels(X)),
        ((body(TextScore("regression")), RandomForestRegressor(5, random_state=0)), numbers(X)),
        ((body(TfidfVectorizer()), LinearRegression()), numbers(X)),
    ):
        pipeline = make_pipeline(*steps)
        contract, session, _ = compiled(pipeline, X, y)
        assert_equal(pipeline, contract, session, fresh_rows(X))


def test_the_many_rows_program_reads_text() -> None:
    X = table()
    pipeline = make_pipeline(
        ColumnTransformer([("body", TextScore(), "body"), ("stars", "passthrough", ["stars"])]),
        RandomForestClassifier(80, max_depth=3, random_state=0),
    )
    contract, session, _ = compiled(pipeline, X, labels(X))
    assert session.many_rows is not None
    assert_equal(pipeline, contract, session, X)


@cache
def small_models() -> list[tuple[Any, Contract, Session]]:
    X = table(60)
    steps: list[tuple[Any, Any]] = [
        ((body(TfidfVectorizer(ngram_range=(1, 2))), LogisticRegression()), labels(X)),
        ((body(TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), strip_accents="ascii")), Ridge()), numbers(X)),
    ]
    models = []
    for parts, y in steps:
        pipeline = make_pipeline(*parts)
        contract, session, _ = compiled(pipeline, X, y)
        models.append((pipeline, contract, session))
    return models


SENTENCES = st.lists(st.one_of(st.sampled_from(_WORDS), st.text(max_size=12)), max_size=12).map(" ".join)


@settings(max_examples=budget(150, 40), deadline=None, derandomize=True)
@given(st.lists(SENTENCES, min_size=1, max_size=5))
def test_any_unicode_text_gets_the_prediction_of_scikit_learn(sentences: list[str]) -> None:
    rows = pd.DataFrame({"body": sentences, "title": "", "stars": 1, "shop": "a"})
    for pipeline, contract, session in small_models():
        assert_equal(pipeline, contract, session, rows)


def test_five_thousand_texts_are_predicted_exactly_with_logistic_regression_and_ridge() -> None:
    random = np.random.default_rng(7)
    letters = list("abcdefghijklmnopqrstuvwxyzéüß")
    vocabulary = np.array(["".join(random.choice(letters, random.integers(2, 8))) for _ in range(4000)])
    X = pd.DataFrame({"body": [" ".join(random.choice(vocabulary, 15)) for _ in range(5_000)]})
    y = X["body"].str.count("[aeiou]").to_numpy(dtype=float)
    unseen = pd.DataFrame(
        {"body": [text.translate({ord("a"): "ä", ord("e"): "数"}) for text in X["body"][:500]] + FRESH}
    )
    for model, target in ((LogisticRegression(), y > np.median(y)), (Ridge(), y)):
        pipeline = make_pipeline(body(TfidfVectorizer()), model)
        contract, session, _ = compiled(pipeline, X, target)
        assert_equal(pipeline, contract, session, X)
        assert_equal(pipeline, contract, session, unseen)


def test_a_missing_text_is_refused_where_scikit_learn_refuses_it() -> None:
    X = table()
    pipeline = make_pipeline(body(TfidfVectorizer()), LogisticRegression()).fit(X, labels(X))
    contract = learn_contract(X.assign(body=[None, *X["body"][1:]]), pipeline, target="y", task="binary")
    assert contract.columns[0].nullable
    compiled_pipeline = compile_pipeline(pipeline, contract)
    matrix = matrix_from_frame(contract, X)
    matrix[3, 0] = np.nan
    assert np.flatnonzero(refused_rows(compiled_pipeline.input_rules, contract, matrix)).tolist() == [3]


def test_the_built_in_vectorizer_reads_a_missing_text_as_an_empty_one() -> None:
    X = table()
    X.loc[::5, "body"] = None
    pipeline = make_pipeline(body(TextVectorizer()), LogisticRegression())
    contract, session, rules = compiled(pipeline, X, np.arange(len(X)) % 3 == 0)
    assert not rules.must_be_present
    assert_equal(pipeline, contract, session, X)


def test_a_category_that_is_also_encoded_is_read_as_text() -> None:
    X = table()
    parts = ColumnTransformer(
        [("terms", CountVectorizer(analyzer="char"), "shop"), ("codes", OneHotEncoder(), ["shop"])]
    )
    pipeline = make_pipeline(parts, LogisticRegression())
    contract, session, _ = compiled(pipeline, X, labels(X))
    assert [column.kind for column in contract.columns][3] == "category"
    assert_equal(pipeline, contract, session, X)


@pytest.mark.parametrize(
    ("vectorizer", "reason"),
    [
        (CountVectorizer(tokenizer=str.split, token_pattern=None), "its tokenizer is a function of yours"),
        (CountVectorizer(preprocessor=str.lower), "its preprocessor is a function of yours"),
        (TfidfVectorizer(analyzer=str.split), "its analyzer is a function of yours"),
        (TfidfVectorizer(strip_accents=str.lower), "its strip_accents is a function of yours"),
        (TfidfVectorizer(dtype=np.float32), "it computes in float32"),
        (make_pipeline(TfidfVectorizer(norm="l1"), TfidfTransformer()), "is weighted or normalized already"),
        (
            make_pipeline(
                HashingVectorizer(n_features=4096, norm=None, binary=True), TfidfTransformer(sublinear_tf=True)
            ),
            "logarithm",
        ),
        (make_pipeline(FunctionTransformer(), CountVectorizer()), "it receives a single column as a vector"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_exact_does_not_compile(vectorizer: Any, reason: str) -> None:
    X = table(40)
    with np.errstate(divide="ignore", invalid="ignore"):
        pipeline = make_pipeline(body(vectorizer), Ridge()).fit(X, X["stars"])
    contract = learn_contract(X, pipeline, target="y", task="regression")
    with pytest.raises(NotCompilable, match=reason):
        compile_pipeline(pipeline, contract)


def test_text_without_a_vectorizer_does_not_compile() -> None:
    X = table(40)
    parts = ColumnTransformer([("shop", OneHotEncoder(), ["shop"])])
    pipeline = make_pipeline(parts, Ridge()).fit(X, X["stars"])
    contract = learn_contract(X, pipeline, target="y", task="regression")
    text = msgspec.structs.replace(contract.columns[3], kind="text", categories=None)
    broken = msgspec.structs.replace(contract, columns=[*contract.columns[:3], text])
    with pytest.raises(NotCompilable, match="its input is free text, which has no categories"):
        compile_pipeline(pipeline, broken)
