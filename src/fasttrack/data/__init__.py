"""Where tables come from: files of CSV, Parquet and JSON Lines → one Arrow table with a few plain types."""

from fasttrack.data.fingerprint import Fingerprint, fingerprint
from fasttrack.data.source import read_table, table_of, typed

__all__ = ["Fingerprint", "fingerprint", "read_table", "table_of", "typed"]
