"""`fasttrack.train` and `fasttrack.package`: the jobs of these names, with every option as a keyword."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.config import PackageConfig, TrainConfig
from fasttrack.config.signature import with_options
from fasttrack.jobs import package as package_model
from fasttrack.jobs import train as train_model

if TYPE_CHECKING:
    from typing import Unpack

    import pandas as pd

    from fasttrack.config.keywords import PackageOptions, TrainOptions
    from fasttrack.jobs import Outcome

__all__ = ["package", "train"]


def train(
    source: str | Path | pd.DataFrame | TrainConfig, target: str | None = None, **options: Unpack[TrainOptions]
) -> Outcome:
    """Train a model, put it into the store, and make it the champion if it is the first or better.

    `source`: a table (a file, folder or pattern of CSV, Excel, Parquet, Feather or JSON Lines, a URL, a database, or a
    pandas DataFrame) with `target`, the column to predict; a fasttrack.toml, whose values the options override; or
    `journal`, the recorded predictions that have labels. An option that is not given comes from the environment, else
    from the file, else it has its default. `estimator` also takes an unfitted scikit-learn estimator.

    Steps are reported to the logger `fasttrack.progress`, and to `fasttrack.progress.reporting`.
    Raises ConfigError, DataError, TrainingError or StoreError, all FastTrackError; nothing is written then.
    """
    return train_model(TrainConfig.of(source, target=target, **options))


def package(pipeline: Any, X: Any, y: Any, **options: Unpack[PackageOptions]) -> Outcome:
    """Put a scikit-learn pipeline that was fitted elsewhere into the store.

    `X` [n, f]: the DataFrame or array that it was fitted on, or a sample with every category and missing value that may
    occur; the contract is learned from it. `y` [n]: the target. The metrics are measured on these rows.

    Raises TrainingError when the pipeline is not fitted or does not accept `X`, DataError when `X` cannot be described,
    ConfigError or StoreError; nothing is written then.
    """
    return package_model(pipeline, X, y, PackageConfig.of(**options))


with_options(train, TrainConfig)
with_options(package, PackageConfig)
