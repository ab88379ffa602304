"""Addresses as people may see them: without the password, and without what follows a question mark."""

from __future__ import annotations

import re

__all__ = ["shown"]

_PASSWORD = re.compile(r"(?<=://)([^:/@?#]*):[^@/]*@")
_PARAMETERS = re.compile(r"\?.*", re.DOTALL)


def shown(address: str) -> str:
    """A URL with its password as `***` and its parameters, which may hold a signature, as `…`; a path as it is."""
    if "://" not in address:
        return address
    return _PARAMETERS.sub("?…", _PASSWORD.sub(r"\1:***@", address))
