"""Encoders of categories: every rule they have is asked of scikit-learn itself, category by category."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from fasttrack.compiler.lower import register
from fasttrack.compiler.tabulate import coded, refuse_unknown, tabulated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.compiler.columns import Columns

__all__ = ["encoded"]


@register(OneHotEncoder)
def _one_hot(encoder: Any, x: Columns) -> Columns:
    widths = encoder._n_features_outs  # after dropping and after joining the infrequent ones
    return encoded(encoder, x, np.repeat(np.arange(len(x)), widths).tolist())


@register(OrdinalEncoder)
def _ordinal(encoder: Any, x: Columns) -> Columns:
    return encoded(encoder, x, range(len(x)))


@register(TargetEncoder)
def _target(encoder: Any, x: Columns) -> Columns:
    each = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    return encoded(encoder, x, np.repeat(np.arange(len(x)), each).tolist())


def encoded(encoder: Any, x: Columns, owners: Sequence[int]) -> Columns:
    """What a fitted encoder makes of `x`, where output i depends on input `owners[i]` alone."""
    tables = coded(x, encoder.categories_)
    allowed = getattr(encoder, "handle_unknown", "ignore") != "error"
    unknown = refuse_unknown(encoder, tables, allowed=allowed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # handle_unknown="warn" speaks to users
        made = tabulated(encoder, tables, owners, skipped=None if allowed else unknown)
    return x.of((table for table in made if table is not None), sparse=getattr(encoder, "sparse_output", False))
