"""How a server runs: `FASTTRACK_*` environment variables, each also an option of `fasttrack serve`."""

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
"""What Kubernetes puts into each container's environment for a service whose name begins with `fasttrack`."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a server; `Settings.from_environment()` reads them."""

    store: str = "model"
    """Folder that holds the models, or a URL of an object storage such as `s3://BUCKET/PREFIX`."""
    cache: Path | None = None
    """Folder for versions from an object storage; else `fasttrack` in the user's cache."""
    model: str | None = None
    """`name`, `name@champion` or `name@version`; none: the model that was promoted last."""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1)] = 16 * 1024 * 1024
    max_rows: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    reload_seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 1.0
    """How often the server looks whether another version was promoted."""
    journal: str = "on"
    """Where predictions and labels are kept: `on` (a file in the store, or in the cache of an object storage), `off`, a
    file, or `postgresql://…`."""
    journal_sample: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """The share of predictions that is recorded."""
    journal_omit: str = ""
    """Columns that are never written, separated by commas, or as a JSON array."""
    journal_days: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Predictions are removed after so many days."""
    journal_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """The oldest predictions are removed while all together, with their labels, take more."""
    metrics_dir: Path | None = None
    """Folder in which the processes of one server count together; Uvicorn's workers find one by themselves."""
    guards: str = ""
    """Functions that make guards, which may refuse a request: `module:factory`, separated by commas."""
    observers: str = ""
    """Functions that make observers of predictions: `module:factory`, separated by commas."""
    allow_version_mismatch: bool = False
    """Serve a pipeline that was trained with another minor version of scikit-learn."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of `environment`; an empty variable counts as not set.

        Raises ConfigError naming a variable that is unknown or has a value that cannot be used.
        """
        fields = {field.name: field for field in msgspec.structs.fields(cls)}
        given: dict[str, Any] = {}
        for variable, text in environment.items():
            if not variable.startswith(_PREFIX) or text == "" or _is_service_link(variable, text):
                continue
            name = variable.removeprefix(_PREFIX).lower()
            if name in _OF_TRAINING:
                continue
            if name not in fields:
                raise ConfigError(f"{variable} is no setting; {_nearest(variable, fields)}")
            try:
                # text such as "1" or "true" becomes what the field's type says
                given[name] = msgspec.convert(text, fields[name].type, strict=False, dec_hook=_path)
            except msgspec.ValidationError:
                raise ConfigError(f"{variable} is {text!r}, expected {_EXPECTED[name]}") from None
        return cls(**given)

    def as_environment(self) -> dict[str, str]:
        """The variables that give these settings."""
        fields = msgspec.structs.asdict(self)
        return {_PREFIX + name.upper(): str(value) for name, value in fields.items() if value is not None}


_OF_TRAINING = {"tracking"}
"""Variables that mean something elsewhere, and nothing to a server."""

_EXPECTED = {
    "cache": "a folder",
    "metrics_dir": "a folder",
    "journal_sample": "a share, more than 0 and at most 1",
    "journal_days": "days, more than 0",
    "journal_bytes": "a whole number of bytes",
    "max_body_bytes": "a whole number of bytes, 1 or more",
    "max_rows": "a whole number, 1 or more",
    "reload_seconds": "seconds, more than 0 and at most 86400",
    "allow_version_mismatch": "true or false",
}


def _path(kind: type, value: Any) -> Any:
    return kind(value)


def _is_service_link(variable: str, text: str) -> bool:
    name = variable.removeprefix(_PREFIX)
    return bool(_SERVICE_LINK.fullmatch(name)) or (name.endswith("PORT") and "://" in text)


def _nearest(variable: str, names: Iterable[str]) -> str:
    known = {name: _PREFIX + name.upper() for name in names}
    near = difflib.get_close_matches(variable.removeprefix(_PREFIX).lower(), known, n=1)
    return f"did you mean {known[near[0]]}?" if near else f"there are {', '.join(known.values())}"
