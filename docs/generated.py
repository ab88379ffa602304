"""A directive for the reference pages: text that is generated from the code, so that it cannot be out of date."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import msgspec
import typer.main
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import fasttrack
from fasttrack.cli.app import app as command_line
from fasttrack.config import TrainConfig
from fasttrack.config.option import ConfigOption, options
from fasttrack.metrics.serving import ServingMetrics
from fasttrack.settings import Settings

__all__ = ["PAGES", "setup"]


def command_pages() -> str:
    """Every command with its arguments, options and defaults."""
    return "\n".join(_command(typer.main.get_command(command_line), ["fasttrack"]))


def _command(command: Any, path: list[str]) -> Iterator[str]:
    name = " ".join(path)
    if len(path) > 1:
        yield f"{'#' * min(len(path), 4)} `{name}`\n"
        yield textwrap.dedent(command.help or "").replace("\b\n", "") + "\n"
    context = command.make_context(name, [], resilient_parsing=True)
    if hasattr(command, "commands"):
        for child in command.list_commands(context):
            yield from _command(command.commands[child], [*path, child])
        return
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{name} {usage}\n```\n"
    rows = [record for parameter in command.params if (record := _parameter(parameter, context))]
    if rows:
        yield "| argument or option | meaning |\n|---|---|"
        yield from (f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in rows)
        yield ""


def _parameter(parameter: Any, context: Any) -> tuple[str, str] | None:
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.human_readable_name, parameter.help or ""
    record = parameter.get_help_record(context)
    return None if record is None or "--help" in record[0] else record


def configuration_page() -> str:
    """Every key of `fasttrack.toml`, with the flag and keyword of the same option."""
    lines = []
    table = None
    for option in options(TrainConfig).values():
        if not option.declared.in_file:
            continue
        if option.path[:-1] != table:
            table = option.path[:-1]
            lines += ["", f"## `[{'.'.join(table)}]`" if table else "## Above the first table", ""]
            lines += ["| key | flag | keyword | meaning |", "|---|---|---|---|"]
        lines.append(_option(option))
    return "\n".join(lines)


def _option(option: ConfigOption) -> str:
    flag = f"`{option.flag}`" if option.flag else ""
    keyword = f"`{option.name}`" if option.declared.keyword else ""
    return f"| `{option.path[-1]}` | {flag} | {keyword} | {_cell(option.help)} |"


def settings_page() -> str:
    """Every setting of a server with its environment variable and default."""
    documentation = _field_docstrings(Settings)
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for field in msgspec.structs.fields(Settings):
        default = "" if field.default in (None, "", msgspec.NODEFAULT) else f"`{field.default}`"
        lines.append(f"| `FASTTRACK_{field.name.upper()}` | {default} | {_cell(documentation.get(field.name, ''))} |")
    return "\n".join(lines)


def metrics_page() -> str:
    """Every series that a server exports, besides Python's own."""
    families = sorted(ServingMetrics().registry.collect(), key=lambda family: family.name)
    lines = ["| series | type | meaning |", "|---|---|---|"]
    for family in families:
        name = family.name + "_total" * (family.type == "counter")
        lines.append(f"| `{name}` | {family.type} | {_cell(family.documentation)} |")
    return "\n".join(lines)


def python_page() -> str:
    """Every public name with its signature and documentation."""
    return "\n".join(line for name in fasttrack.__all__ for line in _public(name, getattr(fasttrack, name)))


def _public(name: str, thing: Any) -> Iterator[str]:
    yield f"## `{name}`\n"
    is_error = isinstance(thing, type) and issubclass(thing, Exception)
    if callable(thing) and not is_error:
        yield f"```python\n{name}{_signature(thing)}\n```\n"
    yield inspect.getdoc(thing) or ""
    yield ""
    if not isinstance(thing, type) or is_error:
        return
    for member, value in vars(thing).items():
        text = inspect.getdoc(value)
        if member.startswith("_") or not text or not (isinstance(value, property) or inspect.isfunction(value)):
            continue
        arguments = "" if isinstance(value, property) else str(inspect.signature(value))
        yield f"`{member}{arguments}`\n: " + text.replace("\n", "\n  ") + "\n"


def _signature(thing: Any) -> str:
    """One argument a line where they do not fit into one."""
    signature = inspect.signature(thing)
    if len(str(signature)) <= 90:
        return str(signature)
    lines = [f"    {parameter}," for parameter in signature.parameters.values()]
    return "\n".join(["(", *lines, ")"])


def _field_docstrings(kind: type) -> dict[str, str]:
    """The string that stands below each field of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101  # what getsource gives for a class
    documentation = {}
    for node, following in zip(body.body, body.body[1:], strict=False):
        text = getattr(getattr(following, "value", None), "value", None)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(text, str):
            documentation[node.target.id] = text
    return documentation


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


PAGES: dict[str, Callable[[], str]] = {
    "commands": command_pages,
    "configuration": configuration_page,
    "settings": settings_page,
    "metrics": metrics_page,
    "python": python_page,
}


class Generated(SphinxDirective):
    """`{generated} commands` stands for the text that `PAGES["commands"]` makes."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = Directive.option_spec or {}

    def run(self) -> list[nodes.Node]:
        """Parse the generated Markdown in place."""
        return list(self.parse_text_to_nodes(PAGES[self.arguments[0]](), allow_section_headings=True))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True}
