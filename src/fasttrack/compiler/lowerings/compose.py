"""Pipeline, ColumnTransformer and FeatureUnion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from fasttrack.compiler.lowering_registry import lower, lower_transformer, register
from fasttrack.compiler.not_compilable import NotCompilable, error_context

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns, Feature
    from fasttrack.compiler.lowering_registry import Lowered

__all__: list[str] = []


def _is_passthrough(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _apply_weight(x: Columns, weight: float) -> Columns:
    if any(x.with_features([feature]).is_float32() for feature in x):
        raise NotCompilable("its weight multiplies float32 columns in float32; convert them to float64 before fitting")
    return x.each("*", weight)


@register(Pipeline, takes_vector=True)
def _pipeline(pipeline: Any, x: Columns) -> Lowered:
    *steps, (last_name, last) = pipeline.steps
    for name, step in steps:
        if not _is_passthrough(step):
            with error_context(f"step {name!r}"):
                x = lower_transformer(step, x)
    if _is_passthrough(last):
        return x
    with error_context(f"step {last_name!r}"):
        return lower(last, x)


@register(ColumnTransformer)
def _column_transformer(transformer: Any, x: Columns) -> Columns:
    features: list[Feature] = []
    weights = transformer.transformer_weights or {}
    for name, step, columns in transformer.transformers_:
        indices = transformer._transformer_to_input_indices[name]  # no public attribute has them
        if step == "drop" or not len(indices):
            continue
        with error_context(f"step {name!r}"):
            inputs = x.select(indices)
            if isinstance(columns, (str, int)):
                inputs = inputs.as_vector()
            outputs = inputs if _is_passthrough(step) else lower_transformer(step, inputs)
            features.extend(_apply_weight(outputs, weights[name]) if name in weights else outputs)
            span = transformer.output_indices_[name]
            if len(outputs) != span.stop - span.start:
                raise NotCompilable(
                    f"it made {span.stop - span.start} columns in training, but its graph makes {len(outputs)}"
                )
    return x.with_features(features, sparse=transformer.sparse_output_)


@register(FeatureUnion, takes_vector=True)
def _feature_union(union: Any, x: Columns) -> Columns:
    features: list[Feature] = []
    sparse = False
    weights = union.transformer_weights or {}
    for name, step in union.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        with error_context(f"step {name!r}"):
            outputs = x if _is_passthrough(step) else lower_transformer(step, x)
            features.extend(_apply_weight(outputs, weights[name]) if name in weights else outputs)
            sparse |= outputs.sparse
    return x.with_features(features, sparse=sparse, vector=False)
