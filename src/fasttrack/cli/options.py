"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fasttrack.errors import ConfigError

__all__ = ["MODEL", "JournalOption", "StoreOption", "TrackingOption", "choice"]

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="FASTTRACK_STORE",
        help="Folder that holds the models, or s3://BUCKET/PREFIX (gs://, az://).",
        metavar="WHERE",
    ),
]
JournalOption = Annotated[
    str,
    typer.Option(
        "--journal",
        envvar="FASTTRACK_JOURNAL",
        help="Where predictions are kept: on (a file in the store), off, a file, or postgresql://USER@HOST/NAME.",
        metavar="WHERE",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        metavar="URI",
        help="MLflow: http://HOST:PORT, postgresql://…, sqlite:///mlflow.db, or off; else FASTTRACK_TRACKING, the "
        "configuration, MLFLOW_TRACKING_URI.",
    ),
]
MODEL = "NAME, NAME@champion or NAME@VERSION"


def choice(option: str, value: str | None, allowed: tuple[str, ...]) -> Any:
    """The value, which must be one of `allowed`. Raises ConfigError."""
    if value is not None and value not in allowed:
        raise ConfigError(f"{option} {value}: choose one of {', '.join(allowed)}")
    return value
