"""Free text in the built-in pipelines: TF-IDF of a bounded vocabulary; for trees, what a linear model makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Task

__all__ = ["TextScore", "TextVectorizer", "text_steps"]

_MOST_TERMS = 20_000
"""The most frequent words and pairs of words that are features."""
_FOLDS = 5


class TextVectorizer(TfidfVectorizer):  # type: ignore[misc]  # scikit-learn ships no types
    """TfidfVectorizer that takes a missing text for an empty one, and texts that have no term in common."""

    def fit_transform(self, raw_documents: Any, y: Any = None) -> Any:
        """As that of TfidfVectorizer."""
        texts = _filled(raw_documents)
        try:
            return super().fit_transform(texts, y)
        except ValueError:  # no term is frequent enough, or there is none at all
            self._fit_on_all_terms(texts)
            return self.transform(texts)

    def fit(self, raw_documents: Any, y: Any = None) -> TextVectorizer:
        """As that of TfidfVectorizer."""
        self.fit_transform(raw_documents, y)
        return self

    def transform(self, raw_documents: Any) -> Any:
        """As that of TfidfVectorizer."""
        return super().transform(_filled(raw_documents))

    def _fit_on_all_terms(self, texts: list[str]) -> None:
        frequent = self.get_params()["min_df"]
        self.min_df = 1
        try:
            super().fit([*texts, "text"])
        finally:
            self.min_df = frequent


class TextScore(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """What a linear model of the terms of a text predicts: a probability for each class, or the target.

    Trees split on few columns, so they use few of thousands of terms. For the rows that it is fitted on, the
    prediction is that of a model that was fitted on the other folds, so that no row's own target leaks into it.
    """

    def __init__(self, task: Task = "binary", seed: int = 0) -> None:
        self.task = task
        self.seed = seed

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TextScore:
        """Fit the model on all rows, with weights [n] or without."""
        self.classes_ = None if self.task == "regression" else np.unique(y)
        self.terms_ = _vectorizer()
        self.model_ = self._model().fit(self.terms_.fit_transform(X), y, sample_weight=sample_weight)
        return self

    def fit_transform(self, X: Any, y: Any, sample_weight: Any = None, **_: Any) -> NDArray[np.float64]:
        """As `fit`; each row's prediction comes from the other folds."""
        self.fit(X, y, sample_weight)
        texts, target = _filled(X), np.asarray(y)
        scores = np.zeros((len(texts), self._width()))
        for train, test in self._folds(target):
            terms = _vectorizer()
            weights = None if sample_weight is None else np.asarray(sample_weight)[train]
            features = terms.fit_transform([texts[row] for row in train])
            model = self._model().fit(features, target[train], sample_weight=weights)
            scores[test] = self._scores(model, terms.transform([texts[row] for row in test]))
        return scores

    def transform(self, X: Any) -> NDArray[np.float64]:
        """float64[n, k]: the probability of the second of two classes, those of all classes, or the target."""
        return self._scores(self.model_, self.terms_.transform(X))

    def build_analyzer(self) -> Any:
        """As that of a vectorizer, by which a contract recognises that its column is text."""
        return self.terms_.build_analyzer()

    def _width(self) -> int:
        return 1 if self.classes_ is None or len(self.classes_) <= 2 else len(self.classes_)

    def _model(self) -> Any:
        return Ridge() if self.task == "regression" else LogisticRegression(max_iter=2000, random_state=self.seed)

    def _folds(self, y: NDArray[Any]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        stratified = self.classes_ is not None and np.unique(y, return_counts=True)[1].min() >= _FOLDS
        kind = StratifiedKFold if stratified else KFold
        parts = list(kind(min(_FOLDS, len(y)), shuffle=True, random_state=self.seed).split(y, y))
        # a fold may lack all but one of the labels
        return [part for part in parts if self.classes_ is None or len(np.unique(y[part[0]])) > 1]

    def _scores(self, model: Any, terms: Any) -> NDArray[np.float64]:
        if self.classes_ is None:
            values: NDArray[np.float64] = model.predict(terms)[:, None]
            return values
        probabilities = np.zeros((terms.shape[0], len(self.classes_)))
        probabilities[:, np.searchsorted(self.classes_, model.classes_)] = model.predict_proba(terms)
        return probabilities if self._width() > 1 else probabilities[:, -1:]


def text_steps(columns: Sequence[Column], task: Task, seed: int, *, condensed: bool) -> list[tuple[str, Any, str]]:
    """The steps of a ColumnTransformer for the columns of free text; `condensed`: one number a class for each text."""
    names = [column.name for column in columns if column.kind == "text"]
    return [
        (f"text {number}", TextScore(task, seed) if condensed else _vectorizer(), name)
        for number, name in enumerate(names)
    ]


def _vectorizer() -> TextVectorizer:
    return TextVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=_MOST_TERMS)


def _filled(texts: Any) -> list[str]:
    return ["" if pd.isna(text) else text for text in texts]
