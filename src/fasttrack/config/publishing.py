"""What the configurations of training and packaging share: where a version goes, and when it becomes the champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from fasttrack.config.option import Option
from fasttrack.schemes import example_list

__all__ = ["NAME_RULE", "Confidence", "ModelName", "PromotionRule", "StoreAddress", "TrackingConfig"]

NAME_RULE = "a letter or digit, then letters, digits, dots, dashes and underscores"
"""What a model's name consists of, for errors."""
ModelName = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"),
    Option(
        "Name of the model.",
        metavar="NAME",
        default="from the name of the table, or of the file's folder",
        expected=NAME_RULE,
    ),
]
PromotionRule = Annotated[
    Literal["never", "always", "better"],
    Option(
        "When to promote the new version to champion: never, always, or better: if it is better than the champion or, "
        "as the first, than the trivial baseline.",
        metavar="RULE",
    ),
]
Confidence = Annotated[
    float,
    msgspec.Meta(ge=0.5, lt=1),
    Option(
        "Promote only if better than the champion in at least this fraction of bootstrap resamples.",
        metavar="FRACTION",
    ),
]
StoreAddress = Annotated[
    str,
    Option(
        f"The model store: a folder, or {example_list('store')}.",
        in_file=False,  # serving reads the same store, and reads no configuration file
        metavar="STORE",
        default="$FASTTRACK_STORE, else model",
        variable="FASTTRACK_STORE",
        accepts=str | Path,
    ),
]


class TrackingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where trainings are recorded in MLflow."""

    uri: Annotated[
        str | None,
        Option(
            f"MLflow at {example_list('tracking')}, or off.",
            name="tracking",
            metavar="URI",
            default="$FASTTRACK_TRACKING, else the file's, else $MLFLOW_TRACKING_URI",
            example='"sqlite:///mlflow.db"',
            variable="FASTTRACK_TRACKING",
            fallback="MLFLOW_TRACKING_URI",
        ),
    ] = None
    experiment: Annotated[
        str | None, Option("MLflow experiment.", metavar="NAME", default="the name of the model", example='"..."')
    ] = None
    origin: str = "tracking.uri"
    """Where `uri` was given: a flag, a variable, or the key in a file, from whose folder a SQLite path starts then."""
