"""The evaluation report of a version: the one that it came with, or measured again on another table."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fasttrack.errors import ConfigError, StoreError
from fasttrack.reading import DEFAULT_READING, ReadOptions
from fasttrack.report import read_report
from fasttrack.settings import Settings
from fasttrack.store import open_store

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Report", "report"]


@dataclass(frozen=True, repr=False)
class Report:
    """A report: one self-contained HTML page. A notebook shows it."""

    label: str
    """The version: `name@version`."""
    html: str

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file, and return the file's path. Raises ConfigError when it cannot be written."""
        file = Path(path)
        partial = file.with_name(f".{file.name}.partial")
        try:
            partial.write_text(self.html, encoding="utf-8")
            partial.replace(file)
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror}; choose another file") from None
        return file

    def __repr__(self) -> str:
        return f"<report of {self.label}, {len(self.html) / 1000:,.0f} kB; .save('report.html') writes it to a file>"

    def _repr_html_(self) -> str:
        # in a frame of its own: the page's styles stay off the notebook's
        return f'<iframe srcdoc="{html.escape(self.html)}" style="width: 100%; height: 80vh; border: 0"></iframe>'


def report(
    model: str | None = None,
    *,
    data: str | Path | None = None,
    query: str | None = None,
    table: str | None = None,
    rows: int | None = None,
    reading: ReadOptions = DEFAULT_READING,
    store: str | Path | None = None,
) -> Report:
    """The report of `name`, `name@champion` or `name@version`; without a name, of the model promoted last.

    `data`: measure the version again on this table; of a database `query` or `table` is read, a file as `reading` says,
    and of many rows a random sample of `rows`. `store` defaults to FASTTRACK_STORE, then to `model`. Raises StoreError
    when there is no such version, BundleError when it is damaged, DataError when the table does not suit it.
    """
    settings = Settings.from_environment()
    opened = open_store(store)
    spec = model or opened.latest()
    if spec is None:
        raise StoreError(f"store {opened.location} has no model to report on; train one first: fasttrack train")
    bundle = opened.open(spec)
    if data is None:
        if not (query is None and table is None and rows is None and reading == DEFAULT_READING):
            raise ConfigError("query, table, rows and reading are used with data only")
        return Report(bundle.label, read_report(bundle))
    from fasttrack.report import rebuild  # needs the extra train, which a stored report does not

    mismatch = settings.allow_version_mismatch
    page = rebuild(
        bundle, data, query=query, table=table, sample=rows, reading=reading, allow_version_mismatch=mismatch
    )
    return Report(bundle.label, page)
