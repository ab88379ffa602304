"""Where trainings are tracked: found from option, environment and configuration, and checked before any work."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fasttrack.atomic_files import write_atomically
from fasttrack.errors import ConfigError
from fasttrack.schemes import example_list, is_url, scheme_by_name
from fasttrack.urls import has_ambiguous_password, redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Place", "find_place", "is_database", "remember", "remembered_place", "spool_folder", "whole_place"]

OFF = "off"
_HIDDEN = ("***@", "?…")
_INSTALL = "pip install 'fasttrack-mlops[mlflow]'"


@dataclass(frozen=True)
class Place:
    """An MLflow server or database, and the experiment that runs belong to (none: the model's name)."""

    uri: str
    """As MLflow takes it. It may hold a password: show `shown`."""
    experiment: str | None = None

    @property
    def shown(self) -> str:
        """The URI as people and files may see it."""
        return redact_url(self.uri)

    @property
    def artifacts(self) -> str | None:
        """Where a new experiment keeps files: beside a SQLite file, so that it does not hang on the working folder."""
        path = _sqlite_path(self.uri)
        if path is not None:
            return str(path.parent / "mlruns")
        return str(Path("mlruns").resolve()) if is_database(self.uri) else None


def find_place(
    given: str | None = None,
    configured: str | None = None,
    *,
    experiment: str | None = None,
    folder: Path = Path(),
    environment: Mapping[str, str] = os.environ,
) -> Place | None:
    """Where to track: `given`, else FASTTRACK_TRACKING, else `configured`, else MLFLOW_TRACKING_URI, else nowhere.

    `off` means nowhere. A SQLite file in `configured` is looked for from `folder`, any other from the working folder.
    Raises ConfigError when the place cannot be used, or MLflow is not installed.
    """
    for text, where, start in (
        (given, "--tracking", Path()),
        (environment.get("FASTTRACK_TRACKING"), "FASTTRACK_TRACKING", Path()),
        (configured, "tracking.uri", folder),
        (environment.get("MLFLOW_TRACKING_URI"), "MLFLOW_TRACKING_URI", Path()),
    ):
        if text:
            return None if text == OFF else _checked(text, where, start, experiment)
    return None


def spool_folder(store: str | Path) -> Path:
    """Where runs wait that could not be sent: in a local store, else in the user's state folder."""
    location = str(store)
    if not is_url(location):
        return Path(location) / ".tracking"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "fasttrack" / hashlib.sha256(location.encode()).hexdigest()[:16] / "tracking"


class _Remembered(msgspec.Struct, frozen=True):
    uri: str
    experiment: str | None = None


def remember(spool: Path, model: str, place: Place) -> None:
    """Note where `model` is tracked, without password, so that its promotions follow there."""

    write_atomically(
        spool / "places" / f"{model}.json", msgspec.json.encode(_Remembered(place.shown, place.experiment))
    )


def remembered_place(
    spool: Path, model: str, given: str | None = None, *, environment: Mapping[str, str] = os.environ
) -> Place | None:
    """Where the model's versions are registered, as far as known: `given`, the environment, or where it was tracked.

    Raises ConfigError when the address was kept without its password and none is given.
    """
    place = find_place(given, environment=environment)
    if place is not None or OFF in (given, environment.get("FASTTRACK_TRACKING")):
        return place
    try:
        kept = msgspec.json.decode((spool / "places" / f"{model}.json").read_bytes(), type=_Remembered)
    except (OSError, msgspec.MsgspecError):
        return None
    return whole_place(kept.uri, kept.experiment)


def whole_place(uri: str, experiment: str | None) -> Place:
    """The place of a kept address. Raises ConfigError when its password was left out."""
    if any(mark in uri for mark in _HIDDEN):
        raise ConfigError(
            f"the password of {uri} is kept nowhere; give the whole address: --tracking URI, or FASTTRACK_TRACKING"
        )
    return _checked(uri, "the kept address", Path(), experiment)


def _checked(uri: str, where: str, folder: Path, experiment: str | None) -> Place:
    scheme = scheme_by_name(_kind(uri))
    if scheme is None or scheme.tracking is None:
        raise ConfigError(f"{where} {redact_url(uri)} is not an address of MLflow; write {example_list('tracking')}")
    if has_ambiguous_password(
        uri
    ):  # MLflow, and our own look whether somebody listens, would tell a piece of it as the host
        raise ConfigError(
            f"{where} {redact_url(uri)} cannot be understood; write %40 for @ and %2F for / in the password"
        )
    if importlib.util.find_spec("mlflow") is None:
        raise ConfigError(f"{where} asks for MLflow, which is not installed; {_INSTALL}, or --tracking off")
    if scheme.is_database and importlib.util.find_spec("sqlalchemy") is None:
        raise ConfigError(f"{where} names a database, which mlflow-skinny cannot open; {_INSTALL}")
    if scheme.is_local:
        path = _sqlite_path(uri)
        if path is None:
            raise ConfigError(f"{where} {uri} names no file; write sqlite:///mlflow.db")
        path = (folder / path).resolve()
        if not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise ConfigError(f"{where}: {path} cannot be written; choose another file, or --tracking off")
        uri = f"sqlite:///{path}"
    return Place(uri, experiment)


def is_database(uri: str) -> bool:
    """Whether MLflow opens it itself, instead of asking a server."""
    scheme = scheme_by_name(_kind(uri))
    return scheme is not None and scheme.is_database


def _kind(uri: str) -> str:
    """The scheme, without the driver that may follow it."""
    if uri == "databricks":
        return uri
    found = re.match(r"([a-z]+)(\+\w+)?:/", uri)
    return found.group(1) if found else ""


def _sqlite_path(uri: str) -> Path | None:
    path = uri.partition(":///")[2].partition("?")[0]
    return Path(path) if _kind(uri) == "sqlite" and path else None
