"""The audit log of a store: one record for each move of an alias. Records are added, never changed or removed."""

from __future__ import annotations

import getpass
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from fasttrack.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AuditRecord", "audit_record", "decode_audit", "encode_audit", "user_name"]


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One move of an alias."""

    time: str
    """ISO 8601, UTC."""
    who: str
    """`user@host` of the process that moved it."""
    what: str
    """`promote`, `rollback`, or `clear` for an alias that means no version any more."""
    model: str
    alias: str
    from_version: str | None = msgspec.field(name="from")
    """`None` where the alias meant no version."""
    to_version: str | None = msgspec.field(name="to")
    why: str
    """The reason, in words; may be empty."""


def audit_record(
    what: str, model: str, alias: str, from_version: str | None, to_version: str | None, why: str
) -> AuditRecord:
    """The record of a move that was made just now, by this process."""
    return AuditRecord(
        time=datetime.now(UTC).isoformat(),
        who=f"{user_name()}@{socket.gethostname()}",
        what=what,
        model=model,
        alias=alias,
        from_version=from_version,
        to_version=to_version,
        why=why,
    )


def encode_audit(record: AuditRecord) -> bytes:
    """The record as one line of JSON, without the line's end."""
    return msgspec.json.encode(record)


def decode_audit(lines: Iterable[tuple[str, bytes]]) -> list[AuditRecord]:
    """The records of lines, each given with the place that it was read from. Raises StoreError naming that place."""
    records = []
    for place, line in lines:
        try:
            records.append(msgspec.json.decode(line, type=AuditRecord))
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise StoreError(f"{place} cannot be read: {error}; restore the audit log from a copy") from None
    return records


def user_name() -> str:
    """The user that this process runs as; `unknown` where the system has no name for it, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
