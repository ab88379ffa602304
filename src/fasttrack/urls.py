"""Addresses as messages and files may show them: without password, token or signature.

Every scheme is treated alike, in whichever case it is spelled. What may be a password is taken for one:
`https://me:1234/5@host/f` could name a file on the host `me`; it is read as such, but shown as `https://me:***@host/f`.
"""

from __future__ import annotations

import re
from pathlib import Path

from fasttrack.file_formats import COMPRESSIONS, format_endings
from fasttrack.schemes import SCHEMES, find_scheme, is_url

__all__ = [
    "POSTGRES_ADVICE",
    "base_name",
    "has_ambiguous_password",
    "may_quote_password",
    "model_name",
    "redact_url",
    "resolve_path",
    "split_path",
    "strip_password",
]

POSTGRES_ADVICE = (
    "its address cannot be understood; write postgresql://USER@HOST:PORT/DATABASE, the password in PGPASSWORD, "
    "or with %40 for @ and %2F for /"
)


def _alternatives(words: list[str]) -> str:
    return "|".join(map(re.escape, words))


_MISREAD = re.compile(
    'invalid integer value|invalid URI|invalid port|invalid connection option|URI query|host name must be|missing "="'
)
_PORT = r"\d+(?:[/?#]|$)"
_TABLE = rf"\d+/[^?#]*@[^/@?#]+(?:{_alternatives(format_endings())})(?:{_alternatives([*COMPRESSIONS])})?(?:[?#]|$)"
"""A port, and the path of a table's file with an @ in its own name: no host is called b.csv."""
_PASSWORD = re.compile(rf"(?<=://)([^:/?#]*):(?:(?!{_PORT}).*|(?!{_TABLE})(?:[^?]*|[^=]*))@", re.DOTALL | re.IGNORECASE)
"""From the colon behind the user to the last @, because a password may hold either sign.

If it begins as a port would, it ends at the last @ before the parameters, which have a question mark and equals signs.
"""
_SECRET_USERS = _alternatives([scheme.name for scheme in SCHEMES if scheme.user_is_secret])
_TOKEN = re.compile(rf"^((?:{_SECRET_USERS})://)[^:/@?#]+:?@", re.IGNORECASE)
_PARAMETERS = re.compile(r"\?.*", re.DOTALL)
_PASSWORD_PARAMETER = re.compile(r"(?<=[?&])(password|sslpassword)=[^&]*&?", re.IGNORECASE)


def redact_url(address: str) -> str:
    """A URL with `***` for its password or token and `…` for its parameters, which may be a signature; a path as it is.

    Every message, log line and stored record shows addresses this way.
    """
    if "://" not in address:
        return address
    redacted = _PASSWORD.sub(r"\1:***@", _TOKEN.sub(r"\1***@", address))
    return _PARAMETERS.sub("?…", redacted)


def has_ambiguous_password(address: str) -> bool:
    """Whether the password holds a sign at which other programs would end it, and take the rest for the host."""
    password = _PASSWORD.search(address)
    return password is not None and bool(re.search(r"@.*:|:.*[@/?#]", password[0][:-1], re.DOTALL))


def may_quote_password(message: str) -> bool:
    """Whether libpq says that it cannot parse an address: such a message may quote a piece of the password."""
    return bool(_MISREAD.search(message))


def strip_password(address: str) -> str:
    """A URL as a configuration file may hold it: without the password, with all other parameters."""
    if "://" not in address:
        return address
    return _PASSWORD_PARAMETER.sub("", _PASSWORD.sub(r"\1@", address)).rstrip("?&")


def base_name(address: str) -> str:
    """The last name of a path, or of a URL's path (empty if it has none), without parameters."""
    _, scheme, rest = _PARAMETERS.sub("", redact_url(address)).rpartition("://")
    path = rest.partition("/")[2] if scheme else address
    return path.rstrip("/").rpartition("/")[2]


def model_name(source: str) -> str:
    """The name that a model gets from its table: that of the file without endings, or of the database."""
    _, scheme, path = source.rpartition("://")
    names = [base_name(source), *reversed(path.split("/")[1 if scheme else 0 : -1])]
    plain = [name for name in names if name and not re.search(r"[*?\[=@]", name)]  # no pattern, no partition
    stem = plain[0].split(".")[0] if plain else ""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in stem).strip("-") or "model"


def split_path(address: str) -> tuple[str, str] | None:
    """What precedes the path of a file on this machine, and the path: `("sqlite:///", "a.db")`, `("", "a.csv")`.

    `None` for the address of anything else.
    """
    if not is_url(address):
        return "", address
    scheme = find_scheme(address)
    prefix, slashes, path = address.partition(":///")
    return (prefix + slashes, path) if slashes and scheme is not None and scheme.is_local else None


def resolve_path(address: str, folder: Path) -> str:
    """The address with a relative path taken from `folder`; the address of anything but a file here as it is."""
    parts = split_path(address)
    return address if parts is None or Path(parts[1]).is_absolute() else parts[0] + str(folder / parts[1])
