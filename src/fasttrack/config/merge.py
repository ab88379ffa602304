"""One configuration from arguments, environment, file and defaults, in this order of precedence."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fasttrack.config.messages import explain, unknown_key, value_problem
from fasttrack.config.option import options, struct_of
from fasttrack.errors import ConfigError
from fasttrack.suggestions import names_hint

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.config.option import ConfigOption

__all__ = ["address_text", "build", "merge", "read_toml"]

_URL_AS_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")

C = TypeVar("C", bound=msgspec.Struct)


def read_toml(path: Path, config: type[msgspec.Struct]) -> dict[str, Any]:
    """The content of a configuration file. Raises ConfigError naming the line, or a key that no file may have."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    return _known(content, config, config, str(path), ())


def _known(
    content: dict[str, Any],
    table: type[msgspec.Struct],
    config: type[msgspec.Struct],
    where: str,
    above: tuple[str, ...],
) -> dict[str, Any]:
    """`content` itself. Raises ConfigError for a field that is no option, or one of another place than a file.

    Names that are no fields at all are left for msgspec to find.
    """
    allowed = {option.path for option in options(config).values() if option.declared.in_file}
    for field in msgspec.structs.fields(table):
        if field.name not in content:
            continue
        path = (*above, field.name)
        inner = struct_of(field.type)
        if inner is not None:
            if isinstance(content[field.name], dict):
                _known(content[field.name], inner, config, where, path)
        elif path not in allowed:
            raise ConfigError(f"{where}: {unknown_key(field.name, above, config)}")
    return content


def merge(
    config: type[msgspec.Struct],
    content: dict[str, Any],
    arguments: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Put `arguments`, by the names of the options, and the environment's variables into `content`, a file's.

    `None`, and an empty text of an option that has a variable, count as not given. Returns by option where its value
    comes from, for an error that is found later: a flag, a variable, or a key. Raises ConfigError for an argument that
    is no option, and for a value of another type than the option's.
    """
    known = {name: option for name, option in options(config).items() if option.declared.keyword}
    for name in arguments:
        if name not in known:
            raise ConfigError(f"there is no option {name!r}{names_hint(name, list(known), introduction='there are')}")
    origins: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, option in known.items():
        values[name], origin = _given(option, arguments.get(name), content, environment)
        if origin:
            origins[name] = origin
        if values[name] is not None:
            _check(option, values[name], origin)
    for name, option in known.items():
        for replaced in option.declared.replaces if values[name] is not None else ():
            _table(known[replaced], content).pop(known[replaced].path[-1], None)
    for name, option in known.items():
        if values[name] is not None:
            _put(option, values[name], content)
    return origins


def build(config: type[C], content: dict[str, Any], where: str) -> C:
    """The configuration of a merged content. Raises ConfigError that begins with `where`."""
    try:
        return msgspec.convert(content, config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {explain(error, content, config)}") from None


def _given(
    option: ConfigOption, argument: Any, content: dict[str, Any], environment: Mapping[str, str]
) -> tuple[Any, str]:
    """The value that is to replace the content's, `None` if none is; and where the option's value comes from."""
    declared = option.declared
    if argument is not None and not (isinstance(argument, str) and not argument and declared.variable):
        return _plain(argument), option.label
    if declared.variable and environment.get(declared.variable):
        return environment[declared.variable], declared.variable
    if _get(option, content) is not None:
        return None, option.key
    if declared.fallback and environment.get(declared.fallback):
        return environment[declared.fallback], declared.fallback
    return None, ""


def _plain(value: Any) -> Any:
    """A value as a file would have it: text for a path, a dictionary for any mapping, a list for any other sequence."""
    if isinstance(value, os.PathLike):
        return address_text(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return value.tolist() if type(value).__module__ == "numpy" and hasattr(value, "tolist") else value


def address_text(address: str | os.PathLike[str]) -> str:
    """An address as text. Raises ConfigError for a URL that was made a Path, without repeating its password."""
    text = os.fspath(address)
    if isinstance(address, os.PathLike) and _URL_AS_PATH.match(text):
        scheme = text.partition(":")[0]
        raise ConfigError(f"a {scheme}: URL was given as a Path, which loses a slash; give the URL as text")
    return text


def _check(option: ConfigOption, value: Any, origin: str) -> None:
    problem = value_problem(option, value)
    if problem is not None:
        item, reason = problem
        shown = item or (str(value) if isinstance(value, str | int | float) and ", got " not in reason else "")
        separator = "." if item and not origin.startswith("-") else " " * bool(shown)
        raise ConfigError(f"{origin}{separator}{shown}: {reason}")


def _put(option: ConfigOption, value: Any, content: dict[str, Any]) -> None:
    table, name = _table(option, content), option.path[-1]
    if option.declared.adds and isinstance(table.get(name), type(value)):
        table[name] = [*table[name], *value] if option.is_list else {**table[name], **value}
    else:
        table[name] = value


def _get(option: ConfigOption, content: Any) -> Any:
    for name in option.path:
        content = content.get(name) if isinstance(content, dict) else None
    return content


def _table(option: ConfigOption, content: dict[str, Any]) -> dict[str, Any]:
    """The table that has the option's value, made if it is not there. msgspec finds a file's mistakes later."""
    table = content
    for name in option.path[:-1]:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            return {}
        table = inner
    return table
