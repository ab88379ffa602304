"""What the configurations of training and packaging share: where a version goes, what of its table may be published,
and when it becomes the champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from fasttrack.config.option import Option
from fasttrack.contract.schema import Privacy
from fasttrack.schemes import example_list

__all__ = ["NAME_RULE", "Confidence", "ModelName", "PrivacyConfig", "PromotionRule", "StoreAddress", "TrackingConfig"]

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
        "When to promote the new version to champion: never; always; or better, if it is better than the champion, or "
        "than the trivial baseline if there is no champion.",
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


class PrivacyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which values of the table are shown to others: in OpenAPI, /contract, the report, metrics and on the console."""

    min_rows: Annotated[
        int,
        msgspec.Meta(ge=1),
        Option(
            "Show a value of a column only if at least this many training rows have it.",
            name="privacy_min_rows",
            metavar="N",
        ),
    ] = 5
    max_values: Annotated[
        int,
        msgspec.Meta(ge=0),
        Option("Show at most this many values of a column.", name="privacy_max_values", metavar="N"),
    ] = 50
    hide: Annotated[
        list[str],
        Option(
            "Features whose values and ranges are not shown.",
            name="privacy_hide",
            metavar="COLUMN",
            adds=True,
        ),
    ] = []

    @property
    def rule(self) -> Privacy:
        """As the contract needs it."""
        return Privacy(min_rows=self.min_rows, max_values=self.max_values, hide=tuple(self.hide))
