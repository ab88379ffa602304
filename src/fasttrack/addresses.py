"""Addresses as people may see them: without the password, and without what follows a question mark."""

from __future__ import annotations

import re

__all__ = ["POSTGRES_ADVICE", "SQLITE", "is_ambiguous", "is_misread", "last_name", "shown", "without_password"]

SQLITE = "sqlite:///"
"""What stands before the path of a SQLite file."""
POSTGRES_ADVICE = (
    "its address cannot be understood; write postgresql://USER@HOST:PORT/DATABASE, the password in PGPASSWORD, "
    "or with %40 for @ and %2F for /"
)
_MISREAD = re.compile(
    "invalid integer value|invalid URI|invalid port|invalid connection option|URI query|host name must be"
)
_PASSWORD = re.compile(r"(?<=://)([^:/@?#]*):(?!\d+(?:[/?#]|$)).*@", re.DOTALL)
"""From the colon behind the user to the last @, as a password may hold either; a port has digits only."""
_OF_A_DATABASE = re.compile(r"(?<=^postgres://)([^:/@?#]*):[^?]*@|(?<=^postgresql://)([^:/@?#]*):[^?]*@")
"""Also where it begins as a port would: no database is called a@b, and one that is shows as `***`."""
_TOKEN = re.compile(r"(?<=^http://)[^:/@?#]+@|(?<=^https://)[^:/@?#]+@")
"""Who is alone before the @ of a web address may be a token."""
_PARAMETERS = re.compile(r"\?.*", re.DOTALL)
_SECRET = re.compile(r"(?<=[?&])(password|sslpassword)=[^&]*&?")


def shown(address: str) -> str:
    """A URL with its password as `***` and its parameters, which may hold a signature, as `…`; a path as it is."""
    if "://" not in address:
        return address
    hidden = _OF_A_DATABASE.sub(_starred, _PASSWORD.sub(r"\1:***@", address))
    return _PARAMETERS.sub("?…", _TOKEN.sub("***@", hidden))


def _starred(found: re.Match[str]) -> str:
    return f"{found[1] or found[2] or ''}:***@"


def is_ambiguous(address: str) -> bool:
    """Whether the password holds a sign that others take for its end, who then tell the rest as a host."""
    found = _PASSWORD.search(address) or _OF_A_DATABASE.search(address)
    return found is not None and bool(re.search(r":.*[@/?#]", found[0][:-1], re.DOTALL))


def is_misread(message: str) -> bool:
    """Whether libpq took an address apart otherwise than it was meant: its message may show a piece of the password."""
    return bool(_MISREAD.search(message))


def without_password(address: str) -> str:
    """A URL as it may be written into a file: its password has another place."""
    if "://" not in address:
        return address
    bare = _OF_A_DATABASE.sub(lambda found: f"{found[1] or found[2] or ''}@", _PASSWORD.sub(r"\1@", address))
    return _SECRET.sub("", bare).rstrip("?&")


def last_name(address: str) -> str:
    """The last name of a path, or of a URL's path, in which there may be none; without parameters."""
    _, scheme, rest = _PARAMETERS.sub("", shown(address)).rpartition("://")
    path = rest.partition("/")[2] if scheme else address
    return path.rstrip("/").rpartition("/")[2]
