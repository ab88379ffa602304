"""What Python callers see of an options' class: a signature with every keyword, and their descriptions."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fasttrack.config.option import options

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["with_options"]

F = TypeVar("F", bound="Callable[..., Any]")


def with_options(function: F, config: type[msgspec.Struct]) -> F:
    """`function`, which takes `**options`, with the keywords of `config` in its signature and its documentation.

    A keyword that the function has as a parameter already is not repeated.
    """
    signature = inspect.signature(function)
    parameters = [
        parameter for parameter in signature.parameters.values() if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    names = {parameter.name for parameter in parameters}
    keywords = [option for name, option in options(config).items() if option.declared.keyword and name not in names]
    parameters += [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option.keyword_type | None
        )
        for option in keywords
    ]
    described = [
        line
        for option in keywords
        for line in textwrap.wrap(f"{option.name}: {option.help}", 96, subsequent_indent="    ", break_on_hyphens=False)
    ]
    text = inspect.cleandoc(function.__doc__ or "")
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    function.__doc__ = f"{text}\n\nOptions:\n" + textwrap.indent("\n".join(described), "    ")
    return function
