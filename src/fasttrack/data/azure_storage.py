"""Tables in Azure's storage: `abfs://CONTAINER/KEY`, or `abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pyarrow import fs

from fasttrack.data.filesystem import ObjectFileSystem, check_reachable
from fasttrack.data.object_files import object_parts
from fasttrack.object_storage import azure_account

if TYPE_CHECKING:
    from fasttrack.data.part import TablePart
    from fasttrack.data.request import ReadRequest
    from fasttrack.object_storage import AzureAccount, Endpoint

__all__ = ["azure_parts"]


def azure_parts(request: ReadRequest) -> list[TablePart]:
    """The blobs that an `abfs://` or `az://` URL names, as `object_parts`."""
    return object_parts(request, _open)


def _open(path: str) -> tuple[ObjectFileSystem, str]:
    authority, slash, key = path.partition("/")
    container, _, full_host = authority.partition("@")
    name, _, host = full_host.partition(".")
    account = azure_account(name, host)
    options: dict[str, Any] = {"account_key": account.key} if account.key else {}
    if account.token:
        options["sas_token"] = f"?{account.token}"  # the client appends it to the address as it is
    if account.endpoint:
        options |= _endpoint_options(account, account.endpoint)
        check_reachable(account.endpoint)  # the client would wait for five minutes, four times
    file_system = ObjectFileSystem(
        fs.AzureFileSystem(account.name, **options),
        bucket_word="container",
        bucket_advice="its name, the account and the endpoint",
        key_variables="AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY",
        endpoint=account.endpoint,
    )
    return file_system, container + slash + key


def _endpoint_options(account: AzureAccount, endpoint: Endpoint) -> dict[str, str]:
    """The endpoint in the client's terms: what follows the account where the host begins with it, or the whole host."""
    account_prefix = f"{account.name}."
    if endpoint.authority.startswith(account_prefix):
        blob_authority = endpoint.authority.removeprefix(account.name)
    elif urlsplit(endpoint.url).path.strip("/") == account.name:
        blob_authority = endpoint.authority
    else:
        raise ValueError(
            f"{endpoint.variable} does not name the account {account.name}; write https://{account_prefix}HOST, "
            f"or http://HOST:PORT/{account.name}"
        )
    return {
        "blob_storage_authority": blob_authority,
        "dfs_storage_authority": blob_authority.replace(".blob.", ".dfs.", 1),
        "blob_storage_scheme": endpoint.scheme,
        "dfs_storage_scheme": endpoint.scheme,
    }
