"""MLflow's own client, imported when first needed: kept quiet, its waiting bounded, its errors told in one line.

By itself MLflow waits for minutes on a server that is down, and its way of saying so is a page long.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import warnings
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from fasttrack.errors import FastTrackError, TrackingError
from fasttrack.schemes import scheme_by_name
from fasttrack.tracking.place import is_database
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fasttrack.tracking.place import Place

__all__ = ["client"]

_CONNECT_S = 5.0
_PROBE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""For the first question, so that a server which takes connections but does not answer is found out soon."""
_QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_SET_BY_MLFLOW = ("mlflow", "alembic")
_LOGGERS = (*_SET_BY_MLFLOW, "urllib3", "botocore", "boto3")


@contextmanager
def client(place: Place) -> Iterator[Any]:
    """MLflow's client for `place`. Whatever goes wrong inside is raised as TrackingError, in a line, without secrets.

    What the user has set in the environment holds; what is not set is bounded here, and put back afterwards.
    """
    _connect(place)
    with _defaults(_QUIET), _silence():
        try:
            import mlflow

            with _bounded_databases() if is_database(place.uri) else nullcontext():
                found = mlflow.MlflowClient(tracking_uri=place.uri, registry_uri=place.uri)
                with _defaults(_PROBE, over=_QUIET):
                    found.search_experiments(max_results=1)
                yield found
        except FastTrackError:
            raise
        except Exception as error:  # MLflow's own, requests', SQLAlchemy's, boto3's
            raise TrackingError(f"{place.shown} failed: {_line(error, place.uri)}") from error


def _connect(place: Place) -> None:
    """Raise TrackingError soon when nothing listens; MLflow is not even imported then."""
    parts = urlsplit(place.uri)
    scheme = scheme_by_name(parts.scheme.partition("+")[0])
    port = parts.port or (scheme.port if scheme is not None else None)
    if port is None or not parts.hostname:
        return
    try:
        with socket.create_connection((parts.hostname, port), timeout=_CONNECT_S):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise TrackingError(f"{place.shown} does not answer: {reason}") from error


@contextmanager
def _defaults(values: Mapping[str, str], *, over: Mapping[str, str] | None = None) -> Iterator[None]:
    """Set what is not set, or is set as in `over`; put it back at the end."""
    before = {name: os.environ.get(name) for name in values}
    ours = {name: value for name, value in values.items() if before[name] in (None, (over or {}).get(name))}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            if (kept := before[name]) is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = kept


@contextmanager
def _silence() -> Iterator[None]:
    """No log line and no warning of MLflow's and its libraries' on the user's console."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    # what importing MLflow will set, where it is not imported yet
    before = [logger.level or (logging.INFO if logger.name in _SET_BY_MLFLOW else 0) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _bounded_databases() -> Iterator[None]:
    """MLflow tries a database that refuses for 100 s, and has no setting for it."""
    from mlflow.store.db import utils

    before = getattr(utils, "MAX_RETRY_COUNT", None)
    utils.MAX_RETRY_COUNT = 2
    try:
        yield
    finally:
        utils.MAX_RETRY_COUNT = before


def _line(error: Exception, uri: str) -> str:
    """The error's first sentence, without the address's password."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.replace(uri, redact_url(uri))
    password = urlsplit(uri).password
    for secret in {password, unquote(password or "")} - {None, ""}:
        text = text.replace(str(secret), "***")
    text = re.sub(r"(?<=://)([^:/@\s]*):[^@/\s]*@", r"\1:***@", text)
    return text if len(text) <= 300 else f"{text[:299]}…"
