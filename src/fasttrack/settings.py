"""How a server runs: `FASTTRACK_*` environment variables, each also an option of `fasttrack serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings"]

_PREFIX = "FASTTRACK_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a server; `Settings.from_environment()` reads them."""

    store: Path = Path("model")
    """Folder that holds the models."""
    model: str | None = None
    """`name`, `name@champion` or `name@version`; none: the model that was promoted last."""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1)] = 16 * 1024 * 1024
    max_rows: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    reload_seconds: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    """How often the server looks whether another version was promoted."""
    allow_version_mismatch: bool = False
    """Serve a pipeline that was trained with another minor version of scikit-learn."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises ConfigError naming a variable that is unknown or has a value that cannot be used."""
        fields = {field.name: field for field in msgspec.structs.fields(cls)}
        given: dict[str, Any] = {}
        for variable, text in environment.items():
            if not variable.startswith(_PREFIX):
                continue
            name = variable.removeprefix(_PREFIX).lower()
            if name not in fields:
                known = ", ".join(_PREFIX + name.upper() for name in fields)
                raise ConfigError(f"{variable} is no setting; there are {known}")
            try:
                # text such as "1" or "true" becomes what the field's type says
                given[name] = msgspec.convert(text, fields[name].type, strict=False, dec_hook=_path)
            except msgspec.ValidationError as error:
                raise ConfigError(f"{variable} cannot be used: {error}") from None
        return cls(**given)


def _path(kind: type, value: Any) -> Any:
    return kind(value)
