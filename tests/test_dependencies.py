"""What the package imports is what pyproject.toml declares: always installed, or by an extra."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fasttrack.errors import FastTrackError
from fasttrack.extras import EXTRAS, missing_extra

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DISTRIBUTIONS = metadata.packages_distributions()


def declared(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


ALWAYS = declared(PROJECT["dependencies"])
BY_EXTRA = {extra: declared(requirements) for extra, requirements in PROJECT["optional-dependencies"].items()}


def imports() -> Iterator[tuple[str, str]]:
    """Each file of the product, and the name of a package that it imports from elsewhere."""
    for path in sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("api/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            for module in modules:
                package = module.partition(".")[0]
                if package not in sys.stdlib_module_names and package not in ("fasttrack", "api"):
                    yield path.relative_to(ROOT).as_posix(), package


IMPORTS = sorted(set(imports()))


def distributions(package: str) -> set[str]:
    return {canonicalize_name(name) for name in DISTRIBUTIONS[package]}


def test_every_import_is_declared() -> None:
    known = ALWAYS.union(*BY_EXTRA.values())
    assert [f"{file} imports {package}" for file, package in IMPORTS if not distributions(package) & known] == []


def test_a_dependency_that_is_always_installed_is_in_no_extra() -> None:
    assert {extra: names & ALWAYS for extra, names in BY_EXTRA.items() if names & ALWAYS} == {}


def test_the_extra_to_advise_is_the_one_that_installs_the_module() -> None:
    assert EXTRAS.keys() == BY_EXTRA.keys()
    for extra, modules in EXTRAS.items():
        for module in modules:
            assert distributions(module) & BY_EXTRA[extra], f"{module} is not installed by [{extra}]"


def test_every_import_of_an_extra_can_be_advised() -> None:
    advised = {module for modules in EXTRAS.values() for module in modules}
    optional = {package for _, package in IMPORTS if not distributions(package) & ALWAYS}
    assert optional <= advised


@pytest.mark.parametrize(
    ("module", "extra"), [("pandas", "train"), ("sklearn.base", "train"), ("psycopg", "postgres"), ("optuna", "search")]
)
def test_a_missing_module_names_its_extra(module: str, extra: str) -> None:
    explained = missing_extra(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert isinstance(explained, FastTrackError)
    package = module.partition(".")[0]
    assert str(explained) == (f"this command needs {package}; install it with: pip install 'fasttrack-mlops[{extra}]'")


def test_a_missing_module_of_no_extra_is_not_explained() -> None:
    assert missing_extra(ModuleNotFoundError("No module named 'flights'", name="flights")) is None
    assert missing_extra(ModuleNotFoundError("no name")) is None
