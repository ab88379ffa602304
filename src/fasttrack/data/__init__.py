"""Where tables come from: files, object storages, the web and databases, read as Arrow tables of a few plain types."""

from fasttrack.data.fingerprint import Fingerprint, fingerprint
from fasttrack.data.in_memory import plain_table, table_from_frame
from fasttrack.data.source import Source, TableScan, read_table, scan_table
from fasttrack.data.text_columns import TextRules, field_findings, field_reading, with_reading

__all__ = [
    "Fingerprint",
    "Source",
    "TableScan",
    "TextRules",
    "field_findings",
    "field_reading",
    "fingerprint",
    "plain_table",
    "read_table",
    "scan_table",
    "table_from_frame",
    "with_reading",
]
