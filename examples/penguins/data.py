"""Write the 344 penguins of the package palmerpenguins, as they are shipped, to `data/penguins.csv`.

Another place can be named: `python examples/penguins/data.py penguins.csv`.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

PLACE = Path(__file__).parent / "data" / "penguins.csv"


def main(place: Path = PLACE) -> None:
    """Copy the package's own file to `place`."""
    try:
        package = metadata.distribution("palmerpenguins")
    except metadata.PackageNotFoundError:
        sys.exit("palmerpenguins is not installed: pip install palmerpenguins")
    content = Path(str(package.locate_file("palmerpenguins/data/penguins.csv"))).read_bytes()
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(place)
    print(f"wrote {len(content.splitlines()) - 1} rows to {place}")  # a script speaks


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
