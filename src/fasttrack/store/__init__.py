"""Where versions and their aliases are kept: in a folder, or in a bucket of an object storage."""

from __future__ import annotations

from fasttrack.store.alias import ALIASES, CHALLENGER, CHAMPION, Promotion, Spec, parse_spec
from fasttrack.store.audit import AuditRecord, audit_record, user_name
from fasttrack.store.folder import LocalStore
from fasttrack.store.location import local_folder, open_store
from fasttrack.store.store import Store, Watch, ignore
from fasttrack.store.transfer import copy_version

__all__ = [
    "ALIASES",
    "CHALLENGER",
    "CHAMPION",
    "AuditRecord",
    "LocalStore",
    "Promotion",
    "Spec",
    "Store",
    "Watch",
    "audit_record",
    "copy_version",
    "ignore",
    "local_folder",
    "open_store",
    "parse_spec",
    "user_name",
]
