"""MLflow's own client, imported on first use: without output, with bounded waiting, and with one-line errors.

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
_FIRST_REQUEST = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""Limits of the first request, so that a server that accepts connections but does not answer is noticed soon."""
_DEFAULTS = {
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
    """MLflow's client for `place`. An error in the `with` block becomes a TrackingError of one line without secrets.

    MLflow's environment variables get bounded defaults where the user has set none; they are restored afterwards.
    """
    _connect(place)
    with _defaults(_DEFAULTS), _silence():
        try:
            import mlflow

            with _bounded_databases() if is_database(place.uri) else nullcontext():
                mlflow_client = mlflow.MlflowClient(tracking_uri=place.uri, registry_uri=place.uri)
                with _defaults(_FIRST_REQUEST, over=_DEFAULTS):
                    mlflow_client.search_experiments(max_results=1)
                yield mlflow_client
        except FastTrackError:
            raise
        except Exception as error:  # of MLflow, requests, SQLAlchemy or boto3
            raise TrackingError(f"{place.label} failed: {_one_line(error, place.uri)}") from error


def _connect(place: Place) -> None:
    """Raise TrackingError soon if nothing listens there, before MLflow is imported."""
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
        raise TrackingError(f"{place.label} does not answer: {reason}") from error


@contextmanager
def _defaults(values: Mapping[str, str], *, over: Mapping[str, str] | None = None) -> Iterator[None]:
    """Set the environment variables that are not set, or are set as in `over`; restore them at the end."""
    before = {name: os.environ.get(name) for name in values}
    ours = {name: value for name, value in values.items() if before[name] in (None, (over or {}).get(name))}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            if (value := before[name]) is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _silence() -> Iterator[None]:
    """Suppress the log lines and warnings of MLflow and its libraries."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    # importing MLflow sets these levels, so they count as the levels before where it is not imported yet
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
    """Let MLflow try a database twice: by default it tries one that refuses for 100 s, and has no setting for that."""
    from mlflow.store.db import utils

    before = getattr(utils, "MAX_RETRY_COUNT", None)
    utils.MAX_RETRY_COUNT = 2
    try:
        yield
    finally:
        utils.MAX_RETRY_COUNT = before


def _one_line(error: Exception, uri: str) -> str:
    """The error's text in one line of at most 300 characters, without the password of the address."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.replace(uri, redact_url(uri))
    password = urlsplit(uri).password
    for secret in {password, unquote(password or "")} - {None, ""}:
        text = text.replace(str(secret), "***")
    text = re.sub(r"(?<=://)([^:/@\s]*):[^@/\s]*@", r"\1:***@", text)
    return text if len(text) <= 300 else f"{text[:299]}…"
