"""Pipelines, column transformers, feature unions and other ways to put steps together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from fasttrack.compiler.errors import NotCompilable, within
from fasttrack.compiler.lower import lower, register, transformed

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns, Feature
    from fasttrack.compiler.lower import Lowered

__all__: list[str] = []


def _passes(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _weighted(x: Columns, weight: float) -> Columns:
    if any(x.of([feature]).single() for feature in x):
        raise NotCompilable("its weight multiplies float32 columns in float32; convert them to float64 before fitting")
    return x.each("*", weight)


@register(Pipeline)
def _pipeline(pipeline: Any, x: Columns) -> Lowered:
    *steps, (last_name, last) = pipeline.steps
    for name, step in steps:
        if not _passes(step):
            with within(f"step {name!r}"):
                x = transformed(step, x)
    if _passes(last):
        return x
    with within(f"step {last_name!r}"):
        return lower(last, x)


@register(ColumnTransformer)
def _column_transformer(transformer: Any, x: Columns) -> Columns:
    features: list[Feature] = []
    weights = transformer.transformer_weights or {}
    for name, step, columns in transformer.transformers_:
        indices = transformer._transformer_to_input_indices[name]  # the only place that has them
        if step == "drop" or not len(indices):
            continue
        with within(f"step {name!r}"):
            if isinstance(columns, (str, int)) and not _passes(step):
                raise NotCompilable("it takes a single column as a vector; list its name to give it a table")
            made = x.select(indices) if _passes(step) else transformed(step, x.select(indices))
            features.extend(_weighted(made, weights[name]) if name in weights else made)
            place = transformer.output_indices_[name]
            if len(made) != place.stop - place.start:
                raise NotCompilable(f"it made {place.stop - place.start} columns in training, its graph {len(made)}")
    return x.of(features, sparse=transformer.sparse_output_)


@register(FeatureUnion)
def _feature_union(union: Any, x: Columns) -> Columns:
    features: list[Feature] = []
    sparse = False
    weights = union.transformer_weights or {}
    for name, step in union.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        with within(f"step {name!r}"):
            made = x if _passes(step) else transformed(step, x)
            features.extend(_weighted(made, weights[name]) if name in weights else made)
            sparse |= made.sparse
    return x.of(features, sparse=sparse)
