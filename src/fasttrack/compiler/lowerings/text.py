"""Vectorizers of text: CountVectorizer, TfidfVectorizer, HashingVectorizer, and TfidfTransformer behind one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer

from fasttrack.compiler.columns import CodedColumn, Columns, NumberColumn, TextInput
from fasttrack.compiler.graph_matrix import as_column, take_column
from fasttrack.compiler.input_validation import require_present
from fasttrack.compiler.lowering_registry import Regression, lower_predictor, lower_transformer, register
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.text_features import TextBlock
from fasttrack.graph import TextColumn

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Feature

__all__ = ["lower_vectorizer"]

_ANALYZERS = ("word", "char", "char_wb")
_ACCENTS = ("ascii", "unicode")


@register(CountVectorizer, TfidfVectorizer, takes_vector=True)
def lower_vectorizer(vectorizer: Any, x: Columns) -> Columns:
    """The counts of a fitted vocabulary, or their TF-IDF."""
    # the lengths of all texts are the same sum, so the order of a user's own vocabulary counts, too
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.get)
    options = _analysis(vectorizer, x, vocabulary=[str(term) for term in terms], binary=bool(vectorizer.binary))
    if isinstance(vectorizer, TfidfVectorizer):
        options = _weighted(options, vectorizer._tfidf)
    return _features(vectorizer, options, x)


@register("fasttrack.training.text_features.TextVectorizer", takes_vector=True)
def _built_in(vectorizer: Any, x: Columns) -> Columns:
    """A missing text is an empty one."""
    filled = [replace(feature, filled=True) if isinstance(feature, TextInput) else feature for feature in x]
    return lower_vectorizer(vectorizer, x.with_features(filled))


@register("fasttrack.training.text_features.TextScore", takes_vector=True)
def _score(estimator: Any, x: Columns) -> Columns:
    terms = lower_transformer(estimator.terms_, x)
    prediction = lower_predictor(estimator.model_, terms)
    if isinstance(prediction, Regression):
        return x.with_matrix(as_column(prediction.values), 1)
    probabilities = prediction.probabilities
    if probabilities is None:
        raise NotCompilable("its model has no probabilities")
    classes = len(prediction.classes)
    return x.with_matrix(probabilities, classes) if classes > 2 else x.with_matrix(take_column(probabilities, 1), 1)


@register(HashingVectorizer, takes_vector=True)
def _hashing(vectorizer: Any, x: Columns) -> Columns:
    options = _analysis(
        vectorizer,
        x,
        hashed=int(vectorizer.n_features),
        signed=bool(vectorizer.alternate_sign),
        binary=bool(vectorizer.binary),
        norm=vectorizer.norm or "",
    )
    return _features(vectorizer, options, x)


@register(TfidfTransformer)
def _tfidf(transformer: Any, x: Columns) -> Columns:
    first = x.features[0]
    block = first.block if isinstance(first, NumberColumn) else None
    if not isinstance(block, TextBlock):
        raise NotCompilable("it has a lowering only behind a CountVectorizer or HashingVectorizer")
    options, indices = block.vectorizer, []
    for feature in x:
        if not isinstance(feature, NumberColumn) or feature.block is not block or feature.steps:
            raise NotCompilable("it has a lowering only behind the counts of a single vectorizer")
        indices.append(feature.index)
    if options.idf or options.norm or options.sublinear:
        raise NotCompilable("its input is weighted or normalized already; give the vectorizer norm=None")
    if indices != list(range(block.width)):
        if options.hashed:
            raise NotCompilable("it has no lowering behind a selection of a HashingVectorizer's features")
        options = msgspec.structs.replace(options, vocabulary=[options.vocabulary[index] for index in indices])
    return _columns(_weighted(options, transformer), x, "float64")


def _analysis(vectorizer: Any, x: Columns, **options: Any) -> TextColumn:
    """How the vectorizer splits a text into terms, with further `options`."""
    column, filled = _input_text(x)
    own = [name for name in ("preprocessor", "tokenizer") if getattr(vectorizer, name) is not None]
    if callable(vectorizer.analyzer) or own:
        raise NotCompilable(
            f"its {' and '.join(own) or 'analyzer'} is a function of yours; use analyzer='word', 'char' or 'char_wb' "
            "with a token_pattern"
        )
    if vectorizer.analyzer not in _ANALYZERS:
        raise NotCompilable(f"analyzer={vectorizer.analyzer!r} has no lowering")
    if vectorizer.strip_accents is not None and vectorizer.strip_accents not in _ACCENTS:
        raise NotCompilable("its strip_accents is a function of yours; use 'ascii' or 'unicode'")
    if vectorizer.input != "content":
        raise NotCompilable(f"input={vectorizer.input!r} reads files; only input='content' has a lowering")
    if np.dtype(vectorizer.dtype) == np.float32:
        raise NotCompilable("it computes in float32; leave out its dtype")
    if not filled:
        require_present(x.state, column)
    pattern = {"token_pattern": vectorizer.token_pattern} if vectorizer.analyzer == "word" else {}
    shortest, longest = vectorizer.ngram_range
    return TextColumn(
        column=column,
        analyzer=vectorizer.analyzer,
        lowercase=bool(vectorizer.lowercase),
        accents=vectorizer.strip_accents or "",
        ngrams=(int(shortest), int(longest)),
        stop_words=sorted(vectorizer.get_stop_words() or ()) if vectorizer.analyzer == "word" else [],
        **pattern,
        **options,
    )


def _input_text(x: Columns) -> tuple[int, bool]:
    """The column of the contract that `x` is, and whether its missing texts are read as empty ones."""
    if not x.vector:
        raise NotCompilable("it takes a single column: give the column's name without a list")
    (feature,) = x.features
    if isinstance(feature, TextInput):
        return feature.origin, feature.filled
    if isinstance(feature, CodedColumn) and any(feature is column for column in x.state.inputs):
        origin = x.state.inputs.index(feature)
        if x.state.contract.columns[origin].kind == "category":
            return origin, False
    raise NotCompilable("its input is not a column of text")


def _weighted(options: TextColumn, tfidf: Any) -> TextColumn:
    """The options with the weights of a fitted TfidfTransformer."""
    if options.signed and tfidf.sublinear_tf:
        raise NotCompilable("sublinear_tf takes the logarithm of negative counts; set alternate_sign=False")
    idf = tfidf.idf_ if tfidf.use_idf else np.array([])
    if not np.isfinite(idf).all():
        raise NotCompilable("a term that no training text has gets an infinite weight; set smooth_idf=True")
    if idf.dtype == np.float32:
        raise NotCompilable("it computes in float32; leave out its dtype")
    return msgspec.structs.replace(options, sublinear=bool(tfidf.sublinear_tf), idf=idf.tolist(), norm=tfidf.norm or "")


def _features(vectorizer: Any, options: TextColumn, x: Columns) -> Columns:
    return _columns(options, x, str(np.dtype(vectorizer.dtype)))


def _columns(options: TextColumn, x: Columns, dtype: str) -> Columns:
    block = x.state.text.block(options)
    features: list[Feature] = [NumberColumn(block, index, dtype=dtype) for index in range(block.width)]
    return x.with_features(features, sparse=True, vector=False)
