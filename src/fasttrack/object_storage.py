"""Where object storages are, and who asks them: from the variables that their own tools read.

One reading for tables and for models, whichever client is behind. Nothing here connects.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["AZURE", "GOOGLE", "S3", "Azure", "Endpoint", "Google", "azure", "google", "place_of", "s3_endpoint"]

S3 = ("s3",)
GOOGLE = ("gs", "gcs")
AZURE = ("az", "abfs", "abfss")

_S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_GOOGLE_EMULATORS = ("STORAGE_EMULATOR_HOST", "CLOUD_STORAGE_EMULATOR_ENDPOINT")
_GOOGLE_ENDPOINTS = ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "GOOGLE_BASE_URL")
_CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
_AZURE_ACCOUNTS = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
_AZURE_KEYS = ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY")
_AZURE_TOKENS = ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY")
_AZURE_ENDPOINTS = (
    "AZURE_STORAGE_BLOB_ENDPOINT",
    "AZURE_STORAGE_SERVICE_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
)
_AZURE_EMULATOR = "AZURE_STORAGE_USE_EMULATOR"
_AZURE_HOST = "blob.core.windows.net"
_UNWRITTEN = re.compile(r"[\s\x00-\x1f\x7f\\^`{|}<>\"]")
"""What no URL holds as it is."""
_NUMBERS = re.compile(r"[\d.]+")
_EMULATOR_URL = "http://127.0.0.1:10000"
_EMULATOR_ACCOUNT = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""No secret: every emulator of Azure's storage has it, as Microsoft documents."""


@dataclass(frozen=True)
class Endpoint:
    """A server that is asked in place of the storage's own, and the variable that names it."""

    url: str
    """`http(s)://HOST[:PORT][/PATH]`, without a slash at its end."""
    variable: str

    @property
    def authority(self) -> str:
        """`HOST[:PORT]`."""
        return urlsplit(self.url).netloc

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return urlsplit(self.url).scheme


@dataclass(frozen=True)
class Google:
    """Google Cloud Storage, or what stands in for it."""

    endpoint: Endpoint | None
    anonymous: bool
    """Whether requests go without credentials: to an emulator, or to a public bucket."""


@dataclass(frozen=True)
class Azure:
    """An account of Azure's storage, with one of a key and a token (SAS), or neither: then an identity counts."""

    account: str
    endpoint: Endpoint | None
    """Its `url` names the account: `https://ACCOUNT.HOST`, or `http://HOST/ACCOUNT` as emulators have it."""
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def s3_endpoint() -> Endpoint | None:
    """The server that is asked in place of Amazon's. Raises ValueError when it cannot be understood."""
    return _endpoint(*_S3_ENDPOINTS)


def google() -> Google:
    """Raises ValueError, saying what to do, when the endpoint cannot be understood."""
    emulator = _endpoint(*_GOOGLE_EMULATORS, scheme="http")
    found = emulator or _endpoint(*_GOOGLE_ENDPOINTS)
    if found is not None:  # gcloud's own has the path of one of several interfaces
        found = Endpoint(f"{found.scheme}://{found.authority}", found.variable)
    return Google(found, anonymous=emulator is not None or _is_set("GOOGLE_SKIP_SIGNATURE"))


def azure(account: str = "", host: str = "") -> Azure:
    """The account of an address, at a host such as `dfs.core.windows.net`, or without one the environment's.

    Raises ValueError, saying what to do, when there is none, or what is said of it cannot be understood.
    """
    text = os.environ.get(_CONNECTION)
    if text:
        return _connected(text, account)
    emulated = _is_set(_AZURE_EMULATOR)
    account = account or _first(*_AZURE_ACCOUNTS) or (_EMULATOR_ACCOUNT if emulated else "")
    if not account:
        raise ValueError(f"the account is not known; set {_AZURE_ACCOUNTS[0]}")
    endpoint = _endpoint(*_AZURE_ENDPOINTS)
    if endpoint is None and emulated:
        emulator = _endpoint("AZURITE_BLOB_STORAGE_URL", scheme="http") or Endpoint(_EMULATOR_URL, _AZURE_EMULATOR)
        endpoint = Endpoint(f"{emulator.url}/{account}", emulator.variable)
    if endpoint is None and host:
        endpoint = _own(account, host.removeprefix("dfs.").removeprefix("blob."))
    variable, key = _named(*_AZURE_KEYS)
    if key is None and emulated and account == _EMULATOR_ACCOUNT:
        key = _EMULATOR_KEY
    return _whole(account, endpoint, key, variable, _first(*_AZURE_TOKENS))


def place_of(url: str) -> str:
    """What distinguishes two storages that are named by the same URL: the endpoint, and Azure's account.

    Raises ValueError as the others.
    """
    scheme = urlsplit(url).scheme
    if scheme in AZURE:
        found = azure()
        return found.endpoint.url if found.endpoint else f"https://{found.account}.{_AZURE_HOST}"
    endpoint = google().endpoint if scheme in GOOGLE else s3_endpoint()
    return endpoint.url if endpoint else ""


def _connected(text: str, account: str) -> Azure:
    """What a connection string says, as Azure's portal and tools write it."""
    pairs = (pair.partition("=") for pair in text.strip().split(";") if pair)
    said = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if said.get("usedevelopmentstorage", "").lower() == "true":
        said = {
            "accountname": _EMULATOR_ACCOUNT,
            "accountkey": _EMULATOR_KEY,
            "blobendpoint": f"{_EMULATOR_URL}/{_EMULATOR_ACCOUNT}",
        }
    url = said.get("blobendpoint")
    found = said.get("accountname") or (_account_in(url) if url else "")
    if not found:
        raise ValueError(f"{_CONNECTION} names no account; copy it anew, with AccountName=")
    if account and account != found:
        raise ValueError(f"the address names the account {account}, but {_CONNECTION} is that of {found}; unset it")
    endpoint = _checked(url, _CONNECTION) if url else None
    if endpoint is None and (suffix := said.get("endpointsuffix")):
        endpoint = _own(found, suffix, said.get("defaultendpointsprotocol") or "https")
    return _whole(found, endpoint, said.get("accountkey"), _CONNECTION, said.get("sharedaccesssignature"))


def _account_in(url: str) -> str:
    parts = urlsplit(url)
    return parts.path.strip("/") or (parts.hostname or "").partition(".")[0]


def _own(account: str, suffix: str, scheme: str = "https") -> Endpoint | None:
    """Azure's own endpoint of an account, where it is not the usual one, such as a national cloud's."""
    host = f"blob.{suffix}"
    return None if (scheme, host) == ("https", _AZURE_HOST) else Endpoint(f"{scheme}://{account}.{host}", "the address")


def _whole(account: str, endpoint: Endpoint | None, key: str | None, variable: str, token: str | None) -> Azure:
    if key:
        try:
            base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):  # no client says so: one takes it for a dead network, one ends the process
            raise ValueError(f"the key of the account {account} is not whole; copy it anew into {variable}") from None
        return Azure(account, endpoint, key=key)
    return Azure(account, endpoint, token=token.removeprefix("?") if token else None)


def _endpoint(*names: str, scheme: str = "https") -> Endpoint | None:
    """What the first of these variables that is set names; `scheme` is of an address that has none."""
    variable, value = _named(*names)
    if value is None:
        return None
    return _checked(value if "://" in value else f"{scheme}://{value}", variable)


def _checked(url: str, variable: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        understood = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # a port that is no number, or too large, or a bracket that is not closed
        understood = False
    if not understood or parts.query or parts.fragment or "@" in parts.netloc or _UNWRITTEN.search(url):
        raise ValueError(f"{variable} is no endpoint; write http://HOST:PORT or https://HOST, keys elsewhere")
    return Endpoint(url.rstrip("/"), variable)


def _is_host(name: str) -> bool:
    """Whether it is a name or an address that clients take: one of them ends with a panic where it does not."""
    if _NUMBERS.fullmatch(name) or ":" in name:
        ip_address(name)
    return bool(name)


def _named(*names: str) -> tuple[str, str | None]:
    return next(((name, value) for name in names if (value := os.environ.get(name, "").strip())), (names[0], None))


def _first(*names: str) -> str | None:
    return _named(*names)[1]


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes")
