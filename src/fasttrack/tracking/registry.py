"""MLflow's registered models: find a bundle's version by its tag, register it, and mirror the store's aliases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.errors import ConfigError, TrackingError
from fasttrack.store import ALIASES, CHALLENGER, CHAMPION
from fasttrack.tracking.logged_model import link_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.tracking.record import RunRecord

__all__ = ["RegisteredVersion", "find_version", "mirror", "parse_model_uri", "register", "resolve_version"]

_VERSION = "fasttrack.version"
_AWAIT_S = 10
_SPEC = re.compile(r"models:/(?P<name>[^@/]+)(@(?P<alias>[^@/]+)|/(?P<number>[0-9]+))\Z")


@dataclass(frozen=True)
class RegisteredVersion:
    """A registered version. `version` is the bundle's, if fasttrack registered it."""

    name: str
    number: str
    version: str | None
    uri: str
    """The address that MLflow downloads its files from."""

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


def parse_model_uri(spec: str) -> tuple[str, str | None, str | None]:
    """`(name, alias, number)` of `models:/NAME@ALIAS` or `models:/NAME/NUMBER`. Raises ConfigError."""
    match = _SPEC.match(spec)
    if match is None:
        raise ConfigError(f"{spec} names no registered model; write models:/NAME@champion or models:/NAME/NUMBER")
    return match["name"], match["alias"], match["number"]


def resolve_version(mlflow: Any, spec: str) -> RegisteredVersion:
    """The version that `spec` means now. Raises TrackingError when there is none."""
    from mlflow.exceptions import MlflowException

    name, alias, number = parse_model_uri(spec)
    try:
        if alias is not None:
            registered = mlflow.get_model_version_by_alias(name, alias)
        else:
            registered = mlflow.get_model_version(name, number)
        uri = mlflow.get_model_version_download_uri(name, registered.version)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        what = f"no alias {alias!r}" if alias is not None else f"no version {number}"
        raise TrackingError(f"{spec}: MLflow has {what} of a model {name!r}; see its models page") from None
    return RegisteredVersion(name, str(registered.version), registered.tags.get(_VERSION), uri)


def find_version(mlflow: Any, name: str, version: str) -> str | None:
    """The newest number that the bundle `version` is registered under; `None` if it is not registered."""
    quoted = name.replace("'", "\\'")
    matches = mlflow.search_model_versions(f"name = '{quoted}' AND tag.`{_VERSION}` = '{version}'")
    return str(max(int(match.version) for match in matches)) if matches else None


def register(mlflow: Any, record: RunRecord, source: str, run_id: str, model_id: str | None = None) -> str:
    """Register the bundle of a run, whose files are at `source`, unless it is registered; returns its number.

    `model_id` is the logged model of these files.
    """
    from mlflow.exceptions import MlflowException

    try:
        mlflow.create_registered_model(record.model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    number = find_version(mlflow, record.model, record.version)
    if number is not None:
        return number
    tags = {_VERSION: record.version}
    registered = mlflow.create_model_version(
        record.model, source, run_id, tags=tags, await_creation_for=_AWAIT_S, model_id=model_id
    )
    if model_id is not None:
        link_version(mlflow, model_id, record.model, str(registered.version))
    return str(registered.version)


def mirror(mlflow: Any, name: str, versions: Mapping[str, str | None]) -> dict[str, str | None]:
    """Let MLflow's aliases mean what the store's do: from bundle versions by alias to registered numbers by alias.

    An alias whose version MLflow has not registered stays where it is; its number is `None`. An alias that means no
    version is deleted, as is the challenger when it means the same version as the champion.
    """
    from mlflow.exceptions import MlflowException

    numbers = {alias: find_version(mlflow, name, version) for alias, version in versions.items() if version is not None}
    try:
        aliases = {alias: str(number) for alias, number in mlflow.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return numbers
    for alias, number in numbers.items():
        if number is not None and aliases.get(alias) != number:
            mlflow.set_registered_model_alias(name, alias, number)
            aliases[alias] = number
    for alias in ALIASES:
        cleared = alias in versions and versions[alias] is None
        champion_too = alias == CHALLENGER and aliases.get(alias) == aliases.get(CHAMPION)
        if alias in aliases and (cleared or champion_too):
            mlflow.delete_registered_model_alias(name, alias)
    return numbers
