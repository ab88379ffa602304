"""The settings of object storages, from the environment variables that their own tools read. Nothing here connects.

Readers of tables and stores of models ask here, so both understand the environment alike, whichever client they use.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from fasttrack.schemes import find_scheme

__all__ = [
    "AzureAccount",
    "Endpoint",
    "GoogleStorage",
    "azure_account",
    "google_storage",
    "s3_endpoint",
    "storage_identity",
]

_S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_GOOGLE_EMULATORS = ("STORAGE_EMULATOR_HOST", "CLOUD_STORAGE_EMULATOR_ENDPOINT")
_GOOGLE_ENDPOINTS = ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "GOOGLE_BASE_URL")
_AZURE_CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
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
_INVALID_IN_URL = re.compile(r"[\s\x00-\x1f\x7f\\^`{|}<>\"]")
_NUMERIC_HOST = re.compile(r"[\d.]+")
_EMULATOR_URL = "http://127.0.0.1:10000"
_EMULATOR_ACCOUNT = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Not a secret: every emulator of Azure's storage has it, as Microsoft documents."""


@dataclass(frozen=True)
class Endpoint:
    """A server that is asked instead of the storage's own."""

    url: str
    """`http(s)://HOST[:PORT][/PATH]`, without a slash at its end."""
    variable: str
    """The environment variable that names it, or `the address`."""

    @property
    def authority(self) -> str:
        """`HOST[:PORT]`."""
        return urlsplit(self.url).netloc

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return urlsplit(self.url).scheme


@dataclass(frozen=True)
class GoogleStorage:
    """Google Cloud Storage, or a server that stands in for it."""

    endpoint: Endpoint | None
    anonymous: bool
    """Whether requests carry no credentials: to an emulator, or to a public bucket."""


@dataclass(frozen=True)
class AzureAccount:
    """An account of Azure's storage, with a key or a token (SAS); with neither, the client uses an identity."""

    name: str
    endpoint: Endpoint | None
    """Its `url` names the account: `https://ACCOUNT.HOST`, or `http://HOST/ACCOUNT` for emulators."""
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def s3_endpoint() -> Endpoint | None:
    """The server that is asked instead of Amazon's. Raises ValueError when it is not a valid endpoint."""
    return _endpoint(*_S3_ENDPOINTS)


def google_storage() -> GoogleStorage:
    """Raises ValueError, saying what to do, when the endpoint is not valid."""
    emulator = _endpoint(*_GOOGLE_EMULATORS, scheme="http")
    endpoint = emulator or _endpoint(*_GOOGLE_ENDPOINTS)
    if endpoint is not None:  # gcloud's own setting includes the path of one of several interfaces
        endpoint = Endpoint(f"{endpoint.scheme}://{endpoint.authority}", endpoint.variable)
    return GoogleStorage(endpoint, anonymous=emulator is not None or _is_set("GOOGLE_SKIP_SIGNATURE"))


def azure_account(name: str = "", host: str = "") -> AzureAccount:
    """The account that an address names, at a host such as `dfs.core.windows.net`; by default the environment's.

    Raises ValueError, saying what to do, when there is none, or a setting is not valid.
    """
    connection = os.environ.get(_AZURE_CONNECTION)
    if connection:
        return _account_of_connection(connection, name)
    is_emulator = _is_set(_AZURE_EMULATOR)
    name = name or _first_value(*_AZURE_ACCOUNTS) or (_EMULATOR_ACCOUNT if is_emulator else "")
    if not name:
        raise ValueError(f"the account is not known; set {_AZURE_ACCOUNTS[0]}")
    endpoint = _endpoint(*_AZURE_ENDPOINTS)
    if endpoint is None and is_emulator:
        emulator = _endpoint("AZURITE_BLOB_STORAGE_URL", scheme="http") or Endpoint(_EMULATOR_URL, _AZURE_EMULATOR)
        endpoint = Endpoint(f"{emulator.url}/{name}", emulator.variable)
    if endpoint is None and host:
        endpoint = _account_endpoint(name, host.removeprefix("dfs.").removeprefix("blob."))
    variable, key = _first_variable(*_AZURE_KEYS)
    if key is None and is_emulator and name == _EMULATOR_ACCOUNT:
        key = _EMULATOR_KEY
    return _account(name, endpoint, key, variable, _first_value(*_AZURE_TOKENS))


def storage_identity(url: str) -> str:
    """What distinguishes two storages that the same URL names: the endpoint, and Azure's account.

    Raises ValueError as the other functions.
    """
    scheme = find_scheme(url)
    match scheme.storage if scheme is not None else None:
        case "azure":
            account = azure_account()
            return account.endpoint.url if account.endpoint else f"https://{account.name}.{_AZURE_HOST}"
        case "google":
            endpoint = google_storage().endpoint
        case "s3":
            endpoint = s3_endpoint()
        case _:
            endpoint = None
    return endpoint.url if endpoint else ""


def _account_of_connection(connection: str, name: str) -> AzureAccount:
    """The account of a connection string, as Azure's portal and tools write it; `name`: what the address says."""
    pairs = (pair.partition("=") for pair in connection.strip().split(";") if pair)
    settings = {key.strip().lower(): value.strip() for key, _, value in pairs}
    if settings.get("usedevelopmentstorage", "").lower() == "true":
        settings = {
            "accountname": _EMULATOR_ACCOUNT,
            "accountkey": _EMULATOR_KEY,
            "blobendpoint": f"{_EMULATOR_URL}/{_EMULATOR_ACCOUNT}",
        }
    url = settings.get("blobendpoint")
    account = settings.get("accountname") or (_account_in(url) if url else "")
    if not account:
        raise ValueError(f"{_AZURE_CONNECTION} names no account; copy it again, with AccountName=")
    if name and name != account:
        raise ValueError(
            f"the address names the account {name}, but {_AZURE_CONNECTION} is that of {account}; unset it"
        )
    endpoint = _parse_endpoint(url, _AZURE_CONNECTION) if url else None
    if endpoint is None and (suffix := settings.get("endpointsuffix")):
        endpoint = _account_endpoint(account, suffix, settings.get("defaultendpointsprotocol") or "https")
    return _account(
        account, endpoint, settings.get("accountkey"), _AZURE_CONNECTION, settings.get("sharedaccesssignature")
    )


def _account_in(url: str) -> str:
    parts = urlsplit(url)
    return parts.path.strip("/") or (parts.hostname or "").partition(".")[0]


def _account_endpoint(account: str, suffix: str, scheme: str = "https") -> Endpoint | None:
    """Azure's own endpoint of an account where it is not the default one, as in a national cloud."""
    host = f"blob.{suffix}"
    return None if (scheme, host) == ("https", _AZURE_HOST) else Endpoint(f"{scheme}://{account}.{host}", "the address")


def _account(
    name: str, endpoint: Endpoint | None, key: str | None, key_variable: str, token: str | None
) -> AzureAccount:
    if key:
        try:
            base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):  # one client would report a network error, another would end the process
            raise ValueError(
                f"the key of the account {name} is incomplete; copy it again into {key_variable}"
            ) from None
        return AzureAccount(name, endpoint, key=key)
    return AzureAccount(name, endpoint, token=token.removeprefix("?") if token else None)


def _endpoint(*variables: str, scheme: str = "https") -> Endpoint | None:
    """The endpoint that the first of these variables that is set names; `scheme` completes an address without one."""
    variable, value = _first_variable(*variables)
    if value is None:
        return None
    return _parse_endpoint(value if "://" in value else f"{scheme}://{value}", variable)


def _parse_endpoint(url: str, variable: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # a port that is not a number or too large, or a bracket that is not closed
        is_valid = False
    if not is_valid or parts.query or parts.fragment or "@" in parts.netloc or _INVALID_IN_URL.search(url):
        raise ValueError(f"{variable} is not an endpoint; write http://HOST:PORT or https://HOST, without keys in it")
    return Endpoint(url.rstrip("/"), variable)


def _is_host(name: str) -> bool:
    """Whether there is a host. Raises ValueError for an invalid IP address, on which one of the clients panics."""
    if _NUMERIC_HOST.fullmatch(name) or ":" in name:
        ip_address(name)
    return bool(name)


def _first_variable(*names: str) -> tuple[str, str | None]:
    """The first variable that is set and its value; the first of all and `None` if none is."""
    return next(((name, value) for name in names if (value := os.environ.get(name, "").strip())), (names[0], None))


def _first_value(*names: str) -> str | None:
    return _first_variable(*names)[1]


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes")
