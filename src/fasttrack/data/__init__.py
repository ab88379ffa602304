"""Where tables come from: files, object stores, the web, databases → Arrow tables with a few plain types."""

from fasttrack.data.fingerprint import Fingerprint, fingerprint
from fasttrack.data.source import Scan, Source, read_table, scan_table, table_of, typed

__all__ = ["Fingerprint", "Scan", "Source", "fingerprint", "read_table", "scan_table", "table_of", "typed"]
