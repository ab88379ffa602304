"""Text features are scikit-learn's, to the last bit, for any Unicode text."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from fasttrack.graph.text import TextColumn, TextFeatures, TextPart, TextProgram

CORPUS = [
    "The quick brown fox jumps over the lazy dog, the dog sleeps.", "Crème brûlée à la carte; naïve café — Ærøskøbing",
    "ΣΊΣΥΦΟΣ σίσυφος ΣΑΣ İstanbul \u0131çin straße STRASSE", "数据 科学 データ サイエンス 데이터",
    "a b c 1 2 3 42 007 x_y z-9",
    "", "   ", "quick quick quick fox\tfox\nfox", "emoji 😀 👩‍🔬 test e\u0301 é ﬁn ǅ",
]  # fmt: skip
VECTORIZERS: list[Any] = [
    CountVectorizer(), CountVectorizer(binary=True, lowercase=False), CountVectorizer(ngram_range=(1, 3)),
    CountVectorizer(ngram_range=(2, 2), stop_words="english"), CountVectorizer(stop_words=["fox"]),
    CountVectorizer(max_features=7),
    CountVectorizer(strip_accents="unicode"), CountVectorizer(strip_accents="ascii"), CountVectorizer(min_df=2),
    CountVectorizer(analyzer="char", ngram_range=(1, 3)), CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
    CountVectorizer(token_pattern=r"\w+|\S"), TfidfVectorizer(), TfidfVectorizer(sublinear_tf=True, norm="l1"),
    TfidfVectorizer(use_idf=False, norm=None), TfidfVectorizer(smooth_idf=False, ngram_range=(1, 2)),
    HashingVectorizer(n_features=64), HashingVectorizer(n_features=10, alternate_sign=False, norm="l1"),
    HashingVectorizer(n_features=7, binary=True, norm=None),
    HashingVectorizer(n_features=512, analyzer="char_wb", ngram_range=(3, 3)),
]  # fmt: skip


def described(vectorizer: Any) -> TextColumn:
    hashing = isinstance(vectorizer, HashingVectorizer)
    return TextColumn(
        column=0,
        analyzer=vectorizer.analyzer,
        lowercase=vectorizer.lowercase,
        accents=vectorizer.strip_accents or "",
        token_pattern=vectorizer.token_pattern,
        ngrams=tuple(vectorizer.ngram_range),
        stop_words=sorted(vectorizer.get_stop_words() or ()),
        vocabulary=[] if hashing else vectorizer.get_feature_names_out().tolist(),
        hashed=vectorizer.n_features if hashing else 0,
        signed=hashing and vectorizer.alternate_sign,
        binary=vectorizer.binary,
        sublinear=getattr(vectorizer, "sublinear_tf", False),
        idf=vectorizer.idf_.tolist() if getattr(vectorizer, "use_idf", False) else [],
        norm=getattr(vectorizer, "norm", None) or "",
    )


def features(vectorizer: Any, texts: list[str | None]) -> np.ndarray:
    return inputs([described(vectorizer)], [TextPart(vectorizer=0)], texts)["text0"]


def inputs(vectorizers: list[TextColumn], parts: list[TextPart], texts: list[str | None]) -> dict[str, np.ndarray]:
    program = msgspec.msgpack.encode(TextProgram(vectorizers=vectorizers, parts=parts))
    return TextFeatures(program).inputs({0: texts}, 0, len(texts))


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_features_are_those_of_scikit_learn_to_the_last_bit(vectorizer: Any) -> None:
    vectorizer.fit(CORPUS)
    assert np.array_equal(
        features(vectorizer, [*CORPUS, "unseen words only"]),
        vectorizer.transform([*CORPUS, "unseen words only"]).toarray(),
    )


@settings(max_examples=150)
@given(st.sampled_from(VECTORIZERS), st.lists(st.text(min_size=0, max_size=80), min_size=1, max_size=5))
def test_any_text_has_the_features_of_scikit_learn(vectorizer: Any, texts: list[str]) -> None:
    vectorizer.fit(CORPUS)
    assert np.array_equal(features(vectorizer, list(texts)), vectorizer.transform(texts).toarray())


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_a_text_has_the_same_features_alone_and_among_others(vectorizer: Any) -> None:
    vectorizer.fit(CORPUS)
    alone = np.vstack([features(vectorizer, [text]) for text in CORPUS])
    assert np.array_equal(features(vectorizer, list(CORPUS)), alone)


def test_a_missing_text_has_the_features_of_an_empty_one() -> None:
    vectorizer = TfidfVectorizer().fit(CORPUS)
    assert np.array_equal(features(vectorizer, [None]), features(vectorizer, [""]))


def test_a_part_is_some_features_or_their_product_with_weights() -> None:
    vectorizer = CountVectorizer(vocabulary=["fox", "dog", "cat"]).fit(CORPUS)
    used = np.array([2, 0], "<i4").tobytes()
    weights = np.array([[10.0, 1.0], [100.0, -1.0]])
    parts = [
        TextPart(vectorizer=0, columns=used),
        TextPart(vectorizer=0, columns=used, outputs=2, weights=weights.tobytes()),
    ]
    found = inputs([described(vectorizer)], parts, ["cat fox fox", None, "dog", "cat"])
    assert found["text0"].tolist() == [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    assert found["text1"].tolist() == [[210.0, -1.0], [0.0, 0.0], [0.0, 0.0], [10.0, 1.0]]


def test_a_product_is_that_of_scikit_learn_to_the_last_bit() -> None:
    """Behind it a tree may compare with a training row's own value."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3)).fit(CORPUS)
    for outputs in (1, 7):
        weights = np.random.default_rng(0).normal(size=(len(vectorizer.vocabulary_), outputs))
        part = TextPart(vectorizer=0, outputs=outputs, weights=weights.tobytes())
        ours = inputs([described(vectorizer)], [part], list(CORPUS))["text0"]
        assert np.array_equal(ours, vectorizer.transform(CORPUS) @ weights)


def test_capital_letters_that_only_lose_their_accents_form_stay_capital() -> None:
    vectorizer = CountVectorizer(strip_accents="unicode", token_pattern=r"\w+").fit(["\U0001d400 a"])
    assert sorted(vectorizer.vocabulary_) == ["A", "a"]
    assert features(vectorizer, ["\U0001d400 a"]).tolist() == [[1.0, 1.0]]


def test_rows_are_taken_from_where_a_chunk_begins() -> None:
    vectorizer = CountVectorizer(vocabulary=["fox", "dog"]).fit(CORPUS)
    program = msgspec.msgpack.encode(TextProgram(vectorizers=[described(vectorizer)], parts=[TextPart(vectorizer=0)]))
    assert TextFeatures(program).inputs({0: ["fox", "dog", "fox dog"]}, 1, 3)["text0"].tolist() == [[0, 1], [1, 1]]
