"""The way of the data is the way of the imports: one direction, no private door, nothing heavy where it is served."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bundles import line, writer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent / "src" / "fasttrack"
ORDER = [
    {"errors", "contract", "addresses", "clouds"},
    {"settings", "config", "data", "graph"},
    {"evaluate"},
    {"training"},
    {"compiler"},
    {"bundled_code"},
    {"bundle"},
    {"store"},
    {"journal"},
    {"monitoring"},
    {"serving"},
    {"recorded", "observability", "gate", "tracking"},
    {"report", "expectations"},
    {"lifecycle", "scaffold", "console", "verify"},
    {"cli"},
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
LIGHT = {
    "errors",
    "contract",
    "addresses",
    "clouds",
    "graph",
    "settings",
    "config",
    "bundled_code",
    "bundle",
    "store",
    "evaluate",
} | {
    "journal",
    "monitoring",
    "serving",
}
"""What a server of a compiled model is made of."""
NOT_LIGHT = {
    "data",
    "training",
    "compiler",
    "recorded",
    "expectations",
    "observability",
    "report",
    "tracking",
    "lifecycle",
    "scaffold",
    "console",
    "verify",
    "cli",
}
HEAVY = {"sklearn", "pandas", "pyarrow", "scipy", "mlflow", "joblib"}


@dataclass(frozen=True)
class Edge:
    """One import: who, of what, under which name, and whether it runs when the module is loaded."""

    source: str
    module: str
    name: str | None
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.module}" + (f".{self.name}" if self.name else "")


def edges() -> Iterator[Edge]:
    for path in sorted(ROOT.rglob("*.py")):
        yield from _edges(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text()), at_load=True)


def _edges(source: str, node: ast.AST, *, at_load: bool) -> Iterator[Edge]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Edge(source, alias.name, None, node.lineno, at_load)
    elif isinstance(node, ast.ImportFrom):
        package = ["fasttrack", *source.split("/")[:-1]]
        above = package[: len(package) - node.level + 1] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield Edge(source, module, alias.name, node.lineno, at_load)
    inner = at_load and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not _types_only(node)
    for child in ast.iter_child_nodes(node):
        yield from _edges(source, child, at_load=inner)


def _types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def room_of(source: str) -> str:
    return source.split("/")[0].removesuffix(".py")


def target_room(edge: Edge) -> str | None:
    parts = edge.module.split(".")
    if parts[0] != "fasttrack":
        return None
    return parts[1] if len(parts) > 1 else edge.name


INSIDE = [edge for edge in edges() if target_room(edge) is not None and room_of(edge.source) != "__init__"]


def test_every_room_has_its_place() -> None:
    rooms = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or list(path.glob("*.py"))}
    assert rooms - {"__init__"} <= set(RANK)


def test_imports_point_one_way() -> None:
    back = [str(edge) for edge in INSIDE if RANK[room_of(edge.source)] < RANK[str(target_room(edge))]]
    assert not back


def test_the_contract_and_the_errors_import_no_other_room() -> None:
    allowed = {"contract": {"contract", "errors"}, "errors": set()}
    strangers = [
        str(edge) for edge in INSIDE if target_room(edge) not in allowed.get(room_of(edge.source), {target_room(edge)})
    ]
    assert not strangers


def test_what_serves_does_not_import_what_trains_even_late() -> None:
    late = [str(edge) for edge in INSIDE if room_of(edge.source) in LIGHT and target_room(edge) in NOT_LIGHT]
    assert not late


def test_what_serves_imports_nothing_heavy_when_it_is_loaded() -> None:
    heavy = [
        str(edge)
        for edge in edges()
        if edge.at_load and room_of(edge.source) in LIGHT and edge.module.split(".")[0] in HEAVY
    ]
    assert not heavy


def test_nobody_reaches_into_another_rooms_private_parts() -> None:
    private = [
        str(edge)
        for edge in INSIDE
        if room_of(edge.source) != target_room(edge)
        and any(
            part.startswith("_") and not part.startswith("__") for part in (*edge.module.split("."), edge.name or "")
        )
    ]
    assert not private


def test_every_module_says_what_it_is_for_and_what_others_may_use() -> None:
    silent = []
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text())
        listed = any(
            isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__" for node in tree.body
        )
        if not ast.get_docstring(tree) or not (listed or not _defines(tree)):
            silent.append(str(path))
    assert not silent


def _defines(tree: ast.Module) -> bool:
    return any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_") for node in tree.body
    )


def test_this_test_sees_a_back_edge_where_there_is_one() -> None:
    late = "def late():\n    from fasttrack.training import table\n"
    source = late + "if TYPE_CHECKING:\n    import pandas\nimport sklearn.base\n"
    found = list(_edges("serving/app.py", ast.parse(source), at_load=True))
    assert [(edge.module, edge.at_load) for edge in found] == [
        ("fasttrack.training", False),
        ("pandas", False),
        ("sklearn.base", True),
    ]
    assert target_room(found[0]) == "training"
    (relative,) = _edges("serving/app.py", ast.parse("from ..store import Store"), at_load=True)
    assert target_room(relative) == "store"


def test_a_server_that_reads_a_bundle_loads_nothing_heavy(tmp_path: Path) -> None:
    from fasttrack.store import open_store

    store = open_store(tmp_path)
    store.promote("line", store.add("line", writer(line(2.0))).manifest.version)
    program = """
import sys
from fasttrack.contract.decode import Decoder
from fasttrack.contract.openapi import request_schema
from fasttrack.serving.app import create_app
from fasttrack.settings import Settings
from fasttrack.store import open_store

app = create_app(Settings(store=sys.argv[1]))
contract = open_store(sys.argv[1]).open("line").manifest.contract
assert Decoder(contract).rows(b'{"x": 1}').matrix[0, 0] == 1
assert request_schema(contract)
print(sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[2:])))
"""
    command = [sys.executable, "-c", program, str(tmp_path), *sorted(HEAVY), "obstore"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
