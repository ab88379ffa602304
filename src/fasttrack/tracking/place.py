"""Where trainings are tracked: from the option, environment or configuration, checked before any work."""

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

    from fasttrack.config import TrackingConfig

__all__ = [
    "Place",
    "complete_place",
    "configured_place",
    "find_place",
    "is_database",
    "recall_place",
    "remember_place",
    "spool_folder",
]

OFF = "off"
_CONFIGURED = "tracking.uri"
_HIDDEN = ("***@", "?…")
_INSTALL = "pip install 'fasttrack-mlops[mlflow]'"


@dataclass(frozen=True)
class Place:
    """An MLflow server or database, and the experiment that runs belong to (none: the model's name)."""

    uri: str
    """The address as MLflow takes it. It may hold a password: in messages and files, use `label`."""
    experiment: str | None = None

    @property
    def label(self) -> str:
        """The address without its password."""
        return redact_url(self.uri)

    @property
    def artifacts(self) -> str | None:
        """Where a new experiment keeps its files: beside a SQLite file, so that the working folder does not matter."""
        path = _sqlite_path(self.uri)
        if path is not None:
            return str(path.parent / "mlruns")
        return str(Path("mlruns").resolve()) if is_database(self.uri) else None


def find_place(given: str | None = None, *, environment: Mapping[str, str] = os.environ) -> Place | None:
    """Where to track: `given`, else FASTTRACK_TRACKING, else MLFLOW_TRACKING_URI, else nowhere.

    An empty text and `off` mean nowhere. Raises ConfigError when the place cannot be used, or MLflow is not installed.
    """
    places = {"--tracking": given} | {
        name: environment.get(name) for name in ("FASTTRACK_TRACKING", "MLFLOW_TRACKING_URI")
    }
    where, text = next(((where, text) for where, text in places.items() if text), ("", OFF))
    return None if text == OFF else _check(text, where, Path(), None)


def configured_place(config: TrackingConfig, folder: Path = Path()) -> Place | None:
    """Where a merged configuration says to track; `None` for nowhere. A SQLite path in a file starts at `folder`.

    Raises ConfigError as `find_place` does.
    """
    if config.uri is None or config.uri == OFF:
        return None
    start = folder if config.origin == _CONFIGURED else Path()
    return _check(config.uri, config.origin, start, config.experiment)


def spool_folder(store: str | Path) -> Path:
    """The folder of the runs that could not be sent yet: in a local store, else in the user's state folder."""
    location = str(store)
    if not is_url(location):
        return Path(location) / ".tracking"
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    url = location.rstrip("/")
    # earlier versions had another folder for a URL with a slash at its end
    folders = [_state_folder(state, url), _state_folder(state, f"{url}/")]
    return next((folder for folder in folders if folder.exists()), folders[0])


def _state_folder(state: Path, url: str) -> Path:
    return state / "fasttrack" / hashlib.sha256(url.encode()).hexdigest()[:16] / "tracking"


class _NotedPlace(msgspec.Struct, frozen=True):
    uri: str
    experiment: str | None = None


def remember_place(spool: Path, model: str, place: Place) -> None:
    """Note where `model` is tracked, without the password, so that its later promotions are mirrored there."""
    write_atomically(
        spool / "places" / f"{model}.json", msgspec.json.encode(_NotedPlace(place.label, place.experiment))
    )


def recall_place(
    spool: Path, model: str, given: str | None = None, *, environment: Mapping[str, str] = os.environ
) -> Place | None:
    """Where the model's versions are registered: `given`, else the environment, else where it was tracked before.

    `None` if that is unknown. Raises ConfigError when the noted address lacks its password and no other is given.
    """
    place = find_place(given, environment=environment)
    if place is not None or OFF in (given, environment.get("FASTTRACK_TRACKING")):
        return place
    try:
        noted = msgspec.json.decode((spool / "places" / f"{model}.json").read_bytes(), type=_NotedPlace)
    except (OSError, msgspec.MsgspecError):
        return None
    return complete_place(noted.uri, noted.experiment)


def complete_place(uri: str, experiment: str | None) -> Place:
    """The place of a noted address. Raises ConfigError when its password was left out."""
    if any(mark in uri for mark in _HIDDEN):
        raise ConfigError(
            f"the password of {uri} is not stored; give the complete address: --tracking URI, or FASTTRACK_TRACKING"
        )
    return _check(uri, "the noted address", Path(), experiment)


def _check(uri: str, where: str, folder: Path, experiment: str | None) -> Place:
    scheme = scheme_by_name(_kind(uri))
    if scheme is None or scheme.tracking is None:
        raise ConfigError(f"{where} {redact_url(uri)} is not an address of MLflow; write {example_list('tracking')}")
    if has_ambiguous_password(uri):  # MLflow's errors, and ours, would show a part of it as the host
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
    """Whether the address is a database, which MLflow opens without a server."""
    scheme = scheme_by_name(_kind(uri))
    return scheme is not None and scheme.is_database


def _kind(uri: str) -> str:
    """The scheme without a driver."""
    if uri == "databricks":
        return uri
    match = re.match(r"([a-z]+)(\+\w+)?:/", uri)
    return match.group(1) if match else ""


def _sqlite_path(uri: str) -> Path | None:
    path = uri.partition(":///")[2].partition("?")[0]
    return Path(path) if _kind(uri) == "sqlite" and path else None
