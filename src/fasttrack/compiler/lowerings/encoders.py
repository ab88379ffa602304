"""Encoders of categories, tabulated: at compile time, scikit-learn itself encodes every category."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from fasttrack.compiler.category_tables import encode_numbers, refuse_unknown, tabulate
from fasttrack.compiler.lowering_registry import register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(OneHotEncoder)
def _one_hot(encoder: Any, x: Columns) -> Columns:
    widths = encoder._n_features_outs  # after dropping categories and grouping infrequent ones
    return _encode(encoder, x, np.repeat(np.arange(len(x)), widths).tolist())


@register(OrdinalEncoder)
def _ordinal(encoder: Any, x: Columns) -> Columns:
    return _encode(encoder, x, range(len(x)))


@register(TargetEncoder)
def _target(encoder: Any, x: Columns) -> Columns:
    width = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    return _encode(encoder, x, np.repeat(np.arange(len(x)), width).tolist())


def _encode(encoder: Any, x: Columns, owners: Sequence[int]) -> Columns:
    """The columns that a fitted encoder makes of `x`, where output i depends on input `owners[i]` alone."""
    columns = encode_numbers(x, encoder.categories_)
    allowed = getattr(encoder, "handle_unknown", "ignore") != "error"
    unknown = refuse_unknown(encoder, columns, allowed=allowed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of handle_unknown="warn"
        tables = tabulate(encoder, columns, owners, skipped=None if allowed else unknown)
    sparse = getattr(encoder, "sparse_output", False)
    return x.with_features((table for table in tables if table is not None), sparse=sparse)
