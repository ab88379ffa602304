"""Addresses as people may see them: without the password, and without what follows a question mark.

Whatever the scheme, and however it is spelled. In doubt it is a password: `https://me:1234/5@host/f` may as well be a
file on the host `me`, which is read all the same, but shown as `https://me:***@host/f`.
"""

from __future__ import annotations

import re

__all__ = [
    "POSTGRES_ADVICE",
    "SQLITE",
    "base_name",
    "has_ambiguous_password",
    "may_quote_password",
    "model_name",
    "redact_url",
    "strip_password",
]

SQLITE = "sqlite:///"
"""What stands before the path of a SQLite file."""
POSTGRES_ADVICE = (
    "its address cannot be understood; write postgresql://USER@HOST:PORT/DATABASE, the password in PGPASSWORD, "
    "or with %40 for @ and %2F for /"
)
_MISREAD = re.compile(
    'invalid integer value|invalid URI|invalid port|invalid connection option|URI query|host name must be|missing "="'
)
_PORT = r"\d+(?:[/?#]|$)"
_TABLE = r"\d+/[^?#]*@[^/@?#]+\.(?:csv|tsv|txt|jsonl?|ndjson|parquet)(?:\.(?:gz|bz2|zst|xz))?(?:[?#]|$)"
"""A port, and a path to a table's file with an @ in its own name: no host is called b.csv."""
_PASSWORD = re.compile(rf"(?<=://)([^:/?#]*):(?:(?!{_PORT}).*|(?!{_TABLE})(?:[^?]*|[^=]*))@", re.DOTALL | re.IGNORECASE)
"""From the colon behind the user to the last @, as a password may hold either.

Where it begins as a port would, to the last @ before the parameters, which have a question mark and an equals sign.
"""
_TOKEN = re.compile(r"^((?:https?|s3|gs|gcs|az)://)[^:/@?#]+:?@", re.IGNORECASE)
"""Who is alone before the @ of a web address may be a token, and of a bucket a key; `abfs://` has a container there."""
_PARAMETERS = re.compile(r"\?.*", re.DOTALL)
_SECRET = re.compile(r"(?<=[?&])(password|sslpassword)=[^&]*&?", re.IGNORECASE)


def redact_url(address: str) -> str:
    """A URL with its password as `***` and its parameters, which may hold a signature, as `…`; a path as it is."""
    if "://" not in address:
        return address
    hidden = _PASSWORD.sub(r"\1:***@", _TOKEN.sub(r"\1***@", address))
    return _PARAMETERS.sub("?…", hidden)


def has_ambiguous_password(address: str) -> bool:
    """Whether the password holds a sign that others take for its end, who then tell the rest as a host."""
    found = _PASSWORD.search(address)
    return found is not None and bool(re.search(r"@.*:|:.*[@/?#]", found[0][:-1], re.DOTALL))


def may_quote_password(message: str) -> bool:
    """Whether libpq took an address apart otherwise than it was meant: its message may show a piece of the password."""
    return bool(_MISREAD.search(message))


def strip_password(address: str) -> str:
    """A URL as it may be written into a file: its password has another place."""
    if "://" not in address:
        return address
    return _SECRET.sub("", _PASSWORD.sub(r"\1@", address)).rstrip("?&")


def base_name(address: str) -> str:
    """The last name of a path, or of a URL's path, in which there may be none; without parameters."""
    _, scheme, rest = _PARAMETERS.sub("", redact_url(address)).rpartition("://")
    path = rest.partition("/")[2] if scheme else address
    return path.rstrip("/").rpartition("/")[2]


def model_name(source: str) -> str:
    """The name that a model gets from its table: the file's name without endings, or a database's."""
    _, scheme, path = source.rpartition("://")
    names = [base_name(source), *reversed(path.split("/")[1 if scheme else 0 : -1])]
    plain = [name for name in names if name and not re.search(r"[*?\[=@]", name)]  # no pattern, no partition
    stem = plain[0].split(".")[0] if plain else ""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in stem).strip("-") or "model"
