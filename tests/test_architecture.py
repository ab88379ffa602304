"""Imports follow the data flow: one direction, no cycles, no private names, nothing heavy where a model is served."""

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
LAYERS = [
    {"errors", "suggestions", "quoting", "schemes", "file_formats", "lazy", "progress", "processors", "reading"},
    {"contract", "urls", "atomic_files", "object_storage", "extras"},
    {"settings", "config", "data", "graph"},
    {"evaluation", "understanding"},
    {"training"},
    {"compiler"},
    {"bundle"},
    {"store"},
    {"journal"},
    {"scoring"},
    {"metrics"},
    {"serving"},
    {"monitoring", "gate", "tracking"},
    {"report", "expectations"},
    {"jobs"},
    {"public", "cli"},
]
"""From the bottom up: a package imports only its own layer's packages and those below."""
RANK = {package: rank for rank, packages in enumerate(LAYERS) for package in packages}
LIGHT = {
    "errors",
    "suggestions",
    "quoting",
    "schemes",
    "file_formats",
    "lazy",
    "progress",
    "processors",
    "reading",
    "contract",
    "urls",
    "atomic_files",
    "object_storage",
    "graph",
    "settings",
    "config",
    "bundle",
    "store",
    "evaluation",
    "journal",
    "scoring",
    "metrics",
    "serving",
}
"""What a server of a compiled model is made of."""
NOT_LIGHT = RANK.keys() - LIGHT
HEAVY = {"sklearn", "pandas", "pyarrow", "scipy", "mlflow", "joblib"}


@dataclass(frozen=True)
class Edge:
    """One import: who, of what, under which name, and whether it runs when the module is loaded."""

    source: str
    module: str
    name: str | None
    line: int
    at_load: bool
    types_only: bool = False

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.module}" + (f".{self.name}" if self.name else "")


def edges() -> Iterator[Edge]:
    for path in sorted(ROOT.rglob("*.py")):
        yield from _edges(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text()), at_load=True)


def _edges(source: str, node: ast.AST, *, at_load: bool, types_only: bool = False) -> Iterator[Edge]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Edge(source, alias.name, None, node.lineno, at_load, types_only)
    elif isinstance(node, ast.ImportFrom):
        package = ["fasttrack", *source.split("/")[:-1]]
        above = package[: len(package) - node.level + 1] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield Edge(source, module, alias.name, node.lineno, at_load, types_only)
    inner = at_load and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not _types_only(node)
    for child in ast.iter_child_nodes(node):
        yield from _edges(source, child, at_load=inner, types_only=types_only or _types_only(node))


def _types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def package_of(source: str) -> str:
    return source.split("/")[0].removesuffix(".py")


def target_package(edge: Edge) -> str | None:
    parts = edge.module.split(".")
    if parts[0] != "fasttrack":
        return None
    return parts[1] if len(parts) > 1 else edge.name


INSIDE = [edge for edge in edges() if target_package(edge) is not None and package_of(edge.source) != "__init__"]


def module_of(source: str) -> str:
    return "fasttrack." + source.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(path.relative_to(ROOT).as_posix()) for path in ROOT.rglob("*.py")}


def imported_module(edge: Edge) -> str:
    """The module that the import runs: `from package import module` runs the module."""
    submodule = f"{edge.module}.{edge.name}"
    return submodule if submodule in MODULES else edge.module


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """The nodes of one cycle, the first repeated at the end; empty if there is none."""
    finished: set[str] = set()
    for start in sorted(graph):
        path: list[str] = []
        stack = [(start, iter(sorted(graph[start])))] if start not in finished else []
        path += [start] if stack else []
        while stack:
            node, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                finished.add(node)
                stack.pop()
                path.pop()
            elif target in path:
                return [*path[path.index(target) :], target]
            elif target not in finished:
                stack.append((target, iter(sorted(graph.get(target, ())))))
                path.append(target)
    return []


def test_every_package_is_given_its_layer() -> None:
    packages = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or list(path.glob("*.py"))}
    assert packages - {"__init__"} == set(RANK)


def test_imports_point_one_way() -> None:
    back = [str(edge) for edge in INSIDE if RANK[package_of(edge.source)] < RANK[str(target_package(edge))]]
    assert not back


def test_packages_import_each_other_in_no_circle() -> None:
    graph: dict[str, set[str]] = {package: set() for package in RANK}
    for edge in INSIDE:
        if package_of(edge.source) != target_package(edge):
            graph[package_of(edge.source)].add(str(target_package(edge)))
    assert not cycle_in(graph)


def test_modules_import_each_other_in_no_circle_even_late() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for edge in INSIDE:
        if not edge.types_only and module_of(edge.source) != imported_module(edge):
            graph[module_of(edge.source)].add(imported_module(edge))
    assert not cycle_in(graph)


def test_a_circle_is_found_where_there_is_one() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_contract_and_the_errors_import_nothing_else_of_the_package() -> None:
    allowed = {"contract": {"contract", "errors"}, "errors": set()}
    strangers = [
        str(edge)
        for edge in INSIDE
        if target_package(edge) not in allowed.get(package_of(edge.source), {target_package(edge)})
    ]
    assert not strangers


def test_what_serves_does_not_import_what_trains_even_late() -> None:
    late = [str(edge) for edge in INSIDE if package_of(edge.source) in LIGHT and target_package(edge) in NOT_LIGHT]
    assert not late


def test_what_serves_imports_nothing_heavy_when_it_is_loaded() -> None:
    heavy = [
        str(edge)
        for edge in edges()
        if edge.at_load and package_of(edge.source) in LIGHT and edge.module.split(".")[0] in HEAVY
    ]
    assert not heavy


def test_nobody_reaches_into_another_packages_private_parts() -> None:
    private = [
        str(edge)
        for edge in INSIDE
        if package_of(edge.source) != target_package(edge)
        and any(
            part.startswith("_") and not part.startswith("__") for part in (*edge.module.split("."), edge.name or "")
        )
    ]
    assert not private


ENCODES = {
    "journal/export.py": "turns the codes in the operator's own journal back into words",
    "journal/recorder.py": "asks whether a column has categories at all",
    "expectations/cells.py": "reads the cells of the user's own table as codes",
    "scoring/model.py": "scores the typical row that is not published",
    "metrics/reference.py": "counts numbers outside of the training range, without naming it",
}
"""The modules outside of the contract, the compiler and training that need private parts of a column, and why."""
PUBLISHERS = (
    "serving",
    "report",
    "monitoring",
    "tracking",
    "cli",
    "metrics",
    "journal",
    "expectations",
    "scoring",
    "jobs",
)
PRIVATE = {"categories", "quantiles", "minimum", "maximum", "example"}


def private_uses(tree: ast.AST) -> list[tuple[int, str]]:
    """Lines that take a private part of what is called a column, and its name."""
    return [
        (node.lineno, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in PRIVATE and _is_column(node.value)
    ]


def _is_column(node: ast.AST) -> bool:
    """Whether an expression is a column by its name: `column`, `self.column`, `columns[j]`, `one_column`."""
    if isinstance(node, ast.Subscript):
        return _is_column(node.value)
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.lower().endswith(("column", "columns"))


def test_values_of_the_training_table_are_published_by_one_module_only() -> None:
    uses = {
        path.relative_to(ROOT).as_posix(): private_uses(ast.parse(path.read_text()))
        for package in PUBLISHERS
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    published = {ROOT / "contract" / "openapi.py": "contract/openapi.py"}
    uses |= {name: private_uses(ast.parse(path.read_text())) for path, name in published.items()}
    assert {name: found for name, found in uses.items() if found and name not in ENCODES} == {}
    assert {name for name in ENCODES if not uses[name]} == set()  # no exception that nothing needs


def test_a_private_part_of_a_column_is_found_where_it_is_used() -> None:
    source = "contract.columns[0].categories\nnp.minimum(a, b)\nself._column.maximum\noption.example\ncolumn.example"
    assert private_uses(ast.parse(source)) == [(1, "categories"), (3, "maximum"), (5, "example")]


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
    assert target_package(found[0]) == "training"
    (relative,) = _edges("serving/app.py", ast.parse("from ..store import Store"), at_load=True)
    assert target_package(relative) == "store"


def test_a_server_that_reads_a_bundle_loads_nothing_heavy(tmp_path: Path) -> None:
    from fasttrack.store import open_store

    store = open_store(tmp_path)
    store.point("line", store.add("line", writer(line(2.0))).manifest.version)
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
