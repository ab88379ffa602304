"""Uvicorn's access log without query strings: the values of `GET /predict` are in them."""

from __future__ import annotations

import logging

__all__ = ["hide_queries"]

_TARGET = 2
"""The place of path and query among the arguments of Uvicorn's record."""


class _WithoutQuery(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args
        if isinstance(arguments, tuple) and len(arguments) > _TARGET:
            path, question, _ = str(arguments[_TARGET]).partition("?")
            target = f"{path}?…" if question else path
            record.args = (*arguments[:_TARGET], target, *arguments[_TARGET + 1 :])
        return True


_FILTER = _WithoutQuery()


def hide_queries() -> None:
    """From now on Uvicorn's access log of this process has paths without what follows the question mark."""
    logging.getLogger("uvicorn.access").addFilter(_FILTER)  # does nothing where it is there
