"""Addresses as people may see them: without the password, and without what follows a question mark."""

from __future__ import annotations

import re

__all__ = ["database_name", "shown", "without_password"]

_PASSWORD = re.compile(r"(?<=://)([^:/@?#]*):(?!\d+(?:[/?#]|$)).*@", re.DOTALL)
"""From the colon behind the user to the last @, as a password may hold either; a port has digits only."""
_PARAMETERS = re.compile(r"\?.*", re.DOTALL)
_SECRET = re.compile(r"(?<=[?&])(password|sslpassword)=[^&]*&?")


def shown(address: str) -> str:
    """A URL with its password as `***` and its parameters, which may hold a signature, as `…`; a path as it is."""
    if "://" not in address:
        return address
    return _PARAMETERS.sub("?…", _PASSWORD.sub(r"\1:***@", address))


def without_password(address: str) -> str:
    """A URL as it may be written into a file: its password has another place."""
    return _SECRET.sub("", _PASSWORD.sub(r"\1@", address)).rstrip("?&") if "://" in address else address


def database_name(address: str) -> str:
    """The last name in the path of a URL, without parameters."""
    return _PARAMETERS.sub("", address.partition("://")[2]).rstrip("/").rpartition("/")[2]
