"""Norms of rows, and rows of zeros."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sklearn.preprocessing import Normalizer

from tests.compiler.cases import check_transformer, numbers


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_norms(norm: Any) -> None:
    X = pd.concat([numbers(60), pd.DataFrame(0.0, index=range(3), columns=list("abcd"))], ignore_index=True)
    check_transformer(Normalizer(norm), X, trees=False)
    check_transformer(Normalizer(norm), numbers(60, columns=9) * 1e-9, trees=False)
