"""Normalizer: every norm, and rows of zeros."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sklearn.preprocessing import Normalizer

from tests.compiler.cases import check_transformer, number_table


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_norms(norm: Any) -> None:
    X = pd.concat([number_table(60), pd.DataFrame(0.0, index=range(3), columns=list("abcd"))], ignore_index=True)
    check_transformer(Normalizer(norm), X, trees=False)
    check_transformer(Normalizer(norm), number_table(60, columns=9) * 1e-9, trees=False)
