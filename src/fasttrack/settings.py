"""How a server runs: the environment variables `FASTTRACK_*`, of which some are options of `fasttrack serve`."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Settings"]

_PREFIX = "FASTTRACK_"
_SERVICE_LINK = re.compile(r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
"""Variables that Kubernetes adds to each container for a service whose name begins with `fasttrack`."""
_OF_TRAINING = {"tracking"}
"""Variables that training reads, and a server ignores."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a server; `Settings.from_environment()` reads them."""

    store: str = "model"
    """Where models are kept: a folder, or the URL of an object storage, such as `s3://BUCKET/PREFIX`."""
    cache: Path | None = None
    """Folder for versions from an object storage (default `fasttrack` in the user's cache)."""
    model: str | None = None
    """The model to serve: `name`, `name@champion` or `name@version` (default the model promoted last)."""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1)] = 16 * 1024 * 1024
    """Largest request body."""
    max_rows: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    """Most rows in a request."""
    reload_seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 1.0
    """Interval at which the server checks whether another version was promoted."""
    journal: str = "on"
    """Where predictions and labels are kept: `on` (a file in the store, or in the cache of an object storage), `off`, a
    file, or `postgresql://…`."""
    journal_sample: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Fraction of the predictions that is recorded."""
    journal_omit: str = ""
    """Columns that are never recorded, separated by commas, or as a JSON array."""
    journal_days: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Predictions are removed after this many days (default never)."""
    journal_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """The oldest predictions are removed when all of them, with their labels, take more (default no limit)."""
    metrics_dir: Path | None = None
    """Folder in which the processes of one server add up their metrics; Uvicorn's workers need none."""
    guards: str = ""
    """Functions that make guards, which may refuse a request: `module:factory`, separated by commas."""
    observers: str = ""
    """Functions that make observers of predictions: `module:factory`, separated by commas."""
    allow_version_mismatch: bool = False
    """Serve a pipeline also with another minor version of scikit-learn than it was trained with."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of `environment`; an empty variable counts as not set.

        Raises ConfigError naming a variable that is unknown or has a value that cannot be used.
        """
        fields = {field.name: field for field in msgspec.structs.fields(cls)}
        values: dict[str, Any] = {}
        for variable, text in environment.items():
            if not variable.startswith(_PREFIX) or text == "" or _is_service_link(variable, text):
                continue
            name = variable.removeprefix(_PREFIX).lower()
            if name in _OF_TRAINING:
                continue
            if name not in fields:
                raise ConfigError(f"{variable} is not a setting; {_nearest(name, fields)}")
            try:
                # text such as "1" or "true" is converted to the field's type
                values[name] = msgspec.convert(text, fields[name].type, strict=False, dec_hook=_path)
            except msgspec.ValidationError:
                raise ConfigError(f"{variable} is {text!r}, expected {_EXPECTED[name]}") from None
        return cls(**values)

    def as_environment(self) -> dict[str, str]:
        """The variables that give these settings."""
        fields = msgspec.structs.asdict(self)
        return {_PREFIX + name.upper(): str(value) for name, value in fields.items() if value is not None}


_EXPECTED = {
    "cache": "a folder",
    "metrics_dir": "a folder",
    "journal_sample": "a fraction, more than 0 and at most 1",
    "journal_days": "a number of days, more than 0",
    "journal_bytes": "a whole number of bytes",
    "max_body_bytes": "a whole number of bytes, 1 or more",
    "max_rows": "a whole number, 1 or more",
    "reload_seconds": "a number of seconds, more than 0 and at most 86400",
    "allow_version_mismatch": "true or false",
}


def _nearest(name: str, names: Iterable[str]) -> str:
    """The variable most like a misspelt one, else all variables."""
    variables = {known: _PREFIX + known.upper() for known in names}
    similar = difflib.get_close_matches(name, variables, n=1)
    return f"did you mean {variables[similar[0]]}?" if similar else f"there are {', '.join(variables.values())}"


def _path(kind: type, value: Any) -> Any:
    return kind(value)


def _is_service_link(variable: str, text: str) -> bool:
    name = variable.removeprefix(_PREFIX)
    return bool(_SERVICE_LINK.fullmatch(name)) or (name.endswith("PORT") and "://" in text)
