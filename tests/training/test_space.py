"""A space is refused in one line before the table is read, with what is valid."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fasttrack.config import Range, SearchConfig
from fasttrack.contract.learn import learn_columns
from fasttrack.errors import ConfigError
from fasttrack.training.families import FAMILIES, OPTIONAL, build
from fasttrack.training.space import built_in_space, check_early, check_space


@pytest.mark.parametrize(
    ("space", "estimator", "message"),
    [
        (
            {"model__learning_rte": {"low": 0.01, "high": 0.3}},
            "boosting",
            ".model__learning_rte: boosting has no such parameter; did you mean model__learning_rate?",
        ),
        (
            {"learning_rate": {"low": 0.01, "high": 0.3}},
            "boosting",
            ".learning_rate: boosting has no such parameter; did you mean model__learning_rate?",
        ),
        (
            {"model__max_depth": [3, "deep"]},
            "boosting",
            ".model__max_depth: The 'max_depth' parameter of HistGradientBoostingClassifier must be an int in the "
            "range [1, inf) or None. Got 'deep' instead.",
        ),
        (
            {"columns__numbers__simpleimputer__strategy": ["median", "mode"]},
            "linear",
            ".columns__numbers__simpleimputer__strategy: The 'strategy' parameter of SimpleImputer must be a str "
            "among {'constant', 'mean', 'median', 'most_frequent'} or a callable. Got 'mode' instead.",
        ),
        (
            {"alpha": [1.0]},
            "auto",
            " has the parameters of one estimator, but auto tries several, each in its own space; set model.estimator "
            "to one of linear, polynomial, forest, boosting or module:factory, or remove search.space",
        ),
    ],
)
def test_a_wrong_key_or_value_of_a_built_in_estimator_is_named(
    space: dict[str, Any], estimator: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_early(msgspec.convert({"trials": 1, "space": space}, SearchConfig).space, estimator, None, "binary")
    assert _sorted_choices(str(caught.value)) == _sorted_choices("search.space" + message)


def _sorted_choices(text: str) -> str:
    """scikit-learn lists a set in any order."""
    before, brace, rest = text.partition("{")
    inside, closing, after = rest.partition("}")
    return before + brace + ", ".join(sorted(inside.split(", "))) + closing + after if brace else text


def test_either_task_s_parameters_do_until_the_task_is_known() -> None:
    for key in ("model__alpha", "model__C"):
        check_early({key: Range(low=0.1, high=1.0)}, "linear", None, None)
    with pytest.raises(ConfigError, match="linear has no such parameter"):
        check_early({"model__alpha": Range(low=0.1, high=1.0)}, "linear", None, "binary")


def test_one_s_own_estimator_is_asked_for_its_parameters() -> None:
    own = make_pipeline(StandardScaler(), SVC())
    check_early({"svc__C": Range(low=0.1, high=10.0, log=True)}, "shop:build", own, None)
    with pytest.raises(ConfigError, match="svc__kernal: shop:build has no such parameter; did you mean svc__kernel"):
        check_early({"svc__kernal": ["rbf"]}, "shop:build", own, None)
    with pytest.raises(ConfigError, match="is missing: name the parameters of shop:build to search, such as svc__"):
        check_early({}, "shop:build", own, None)


@pytest.mark.parametrize("family", [*FAMILIES, *OPTIONAL])
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("rows", [100, 1_000_000])
def test_a_built_in_space_is_one_that_its_estimator_takes_and_holds_its_default(
    family: str, task: Any, rows: int
) -> None:
    columns = learn_columns(pd.DataFrame({"a": np.arange(10.0)}))
    pipeline = build(family, columns, task, rows=rows)
    space = built_in_space(family, task, rows)
    check_space(space, pipeline, family)
    for key, domain in space.items():
        assert pipeline.get_params()[key] in domain, key
