"""The candidates of a choice: the families with their defaults, and variants for an ensemble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from fasttrack.training.encoding import coded_columns, dense_columns
from fasttrack.training.families import OPTIONAL, build, families_for, is_installed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Task

__all__ = ["Recipe", "default_recipes", "variants"]

_MOST_VARIANTS = 200
"""More than any budget tries."""


@dataclass(frozen=True)
class Recipe:
    """A family with some of its parameters set. `form` changes the pipeline's form: `log` or `means`.

    `log`: it predicts the logarithm of a target that is never negative, which is undone in the prediction. `means`: all
    categories are encoded by target means, which gives them an order.
    """

    family: str
    params: dict[str, Any] = field(default_factory=dict)
    form: str = ""

    @property
    def name(self) -> str:
        """The family, with what differs from its defaults."""
        values = [f"{key.rpartition('__')[2]} {_short(value)}" for key, value in self.params.items()]
        details = ", ".join([*([self.form] if self.form else []), *values])
        return f"{self.family} ({details})" if details else self.family

    def make(self, columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
        """The unfitted pipeline for so many rows."""
        if self.family == "network":
            pipeline = _network(columns, task, rows, seed)
        else:
            pipeline = build(self.family, columns, task, rows=rows, seed=seed)
        if self.form == "means":
            encoder, _ = coded_columns(columns, task, seed, native=False)
            pipeline.set_params(columns=encoder, model__categorical_features=None)
        pipeline.set_params(**self.params)
        if self.form == "log":
            model = TransformedTargetRegressor(pipeline.named_steps["model"], func=np.log1p, inverse_func=np.expm1)
            pipeline.set_params(model=model)
        return pipeline


def default_recipes(columns: Sequence[Column], rows: int) -> list[Recipe]:
    """Each family that suits the table, as it is, beginning with the simplest."""
    return [Recipe(family) for family in families_for(columns, rows)]


def variants(columns: Sequence[Column], task: Task, y: NDArray[Any], seed: int) -> Iterator[Recipe]:
    """Further candidates for a target `y` [n], those first that most often add something; then random settings."""
    rows, families = len(y), families_for(columns, len(y))
    skewed = task == "regression" and bool(np.min(y) >= 0) and _skewness(np.asarray(y, dtype=np.float64)) > 1
    categories = any(column.kind == "category" for column in columns)
    yield _boosting(0.04, 300, 7, 0.5)
    yield Recipe("extra_trees")
    yield from (Recipe(family) for family in OPTIONAL if is_installed(family))
    if skewed:
        yield Recipe("boosting", form="log")
        yield from (Recipe(family, form="log") for family in families if family in ("linear", "polynomial"))
    if categories:
        yield Recipe("boosting", form="means")
    yield Recipe("network", {"model__random_state": seed + 1} if task != "regression" else {})
    yield _boosting(0.03, 400, 31, 0.4)
    yield Recipe("forest", {"model__max_features": 0.8})
    random = np.random.default_rng(seed)
    for _ in range(_MOST_VARIANTS):
        yield _random_recipe(random, rows)


def _boosting(rate: float, iterations: int, leaves: int, share: float) -> Recipe:
    return Recipe(
        "boosting",
        {
            "model__learning_rate": rate,
            "model__max_iter": iterations,
            "model__max_leaf_nodes": leaves,
            "model__max_features": share,
        },
    )


def _random_recipe(random: np.random.Generator, rows: int) -> Recipe:
    """Boosting three times in four, else trees of another shape."""
    if random.random() < 0.25:
        family = "extra_trees" if random.random() < 0.5 else "forest"
        share, leaf = random.uniform(0.2, 1.0), int(random.integers(2, 10)) + rows // 20_000
        return Recipe(family, {"model__max_features": round(share, 2), "model__min_samples_leaf": leaf})
    rate = float(np.exp(random.uniform(np.log(0.02), np.log(0.12))))
    leaves = int(np.exp(random.uniform(np.log(4), np.log(64 if rows > 2_000 else 24))))
    iterations = int(np.clip(random.uniform(8, 20) / rate, 80, 600))
    recipe = _boosting(round(rate, 3), iterations, leaves, round(random.uniform(0.3, 1.0), 2))
    smallest = int(np.exp(random.uniform(np.log(3), np.log(60))))
    return Recipe("boosting", {**recipe.params, "model__min_samples_leaf": smallest})


def _network(columns: Sequence[Column], task: Task, rows: int, seed: int) -> Pipeline:
    """A small neural network, which errs differently from trees."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor  # takes a while, and is rarely needed

    options: dict[str, Any] = {
        "hidden_layer_sizes": (64, 64) if task == "regression" else (64,),
        "alpha": 0.01 if task == "regression" else 0.1,
        "early_stopping": rows >= 500,
        "max_iter": 150 if rows < 5_000 else 40,
        "random_state": seed,
    }
    if task == "regression":
        model: Any = TransformedTargetRegressor(MLPRegressor(**options), transformer=StandardScaler())
    else:
        model = MLPClassifier(**options)
    return Pipeline([("columns", dense_columns(columns, task, seed, scale=True)), ("model", model)])


def _skewness(values: NDArray[np.float64]) -> float:
    deviation = values - values.mean()
    spread = float(np.sqrt(np.mean(deviation**2)))
    return float(np.mean(deviation**3)) / spread**3 if spread > 0 else 0.0


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
