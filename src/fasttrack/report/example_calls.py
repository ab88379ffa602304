"""How to get a prediction from the model: commands and a program to copy."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.contract.openapi import beginning_of_row, example_row, is_wide

if TYPE_CHECKING:
    from fasttrack.bundle import Manifest

__all__ = ["ExampleCalls", "example_calls"]

_FROM_SERVER = """\
import json
from urllib.request import urlopen

server = "http://localhost:8000"
columns = json.load(urlopen(f"{server}/contract"))["columns"]
row = {column["name"]: column["example"] for column in columns}
reply = urlopen(f"{server}/predict", json.dumps(row).encode())
print(json.load(reply)["prediction"])
"""


@dataclass(frozen=True)
class ExampleCalls:
    """`row`: the beginning of the row in the file `row.json`, which `curl` sends where the row is too long to show."""

    serve: str
    curl: str
    python: str
    row: str | None


def example_calls(manifest: Manifest) -> ExampleCalls:
    """The calls for a row that is typical of the training rows."""
    serve = f"fasttrack serve --model {manifest.name}@{manifest.version}"
    if is_wide(manifest.contract):
        curl = "curl localhost:8000/predict -d @row.json"
        return ExampleCalls(serve, curl, _FROM_SERVER, beginning_of_row(manifest.contract))
    row = example_row(manifest.contract)
    body = json.dumps(row, ensure_ascii=False)
    cells = "".join(f"    {name!r}: {value!r},\n" for name, value in row.items())
    python = (
        "import json\nfrom urllib.request import urlopen\n\n"
        f"row = {{\n{cells}}}\n"
        'reply = urlopen("http://localhost:8000/predict", json.dumps(row).encode())\n'
        'print(json.load(reply)["prediction"])\n'
    )
    return ExampleCalls(serve, f"curl localhost:8000/predict -d {shlex.quote(body)}", python, None)
