"""Copier, made to import and render as fast as it can; import this in a process that does nothing else."""

import os
import warnings
from typing import Any

# Pydantic's plugins, Logfire's say, make the import half as long again. And without git on the PATH, Copier does not
# call it for every file it writes, which would only matter in a work tree.
os.environ |= {"PYDANTIC_DISABLE_PLUGINS": "1", "PATH": ""}

from copier import run_copy  # after its environment
from jinja2 import Environment

__all__ = ["run_copy"]

warnings.simplefilter("ignore")
compile_ = Environment.compile
compiled: dict[Any, Any] = {}


def compile_once(environment: Environment, source: Any, *arguments: Any, **options: Any) -> Any:
    """Return what Jinja made of the source before.

    Copier compiles every part of every path anew: for one module a thousand times the same few hundred strings, which
    was two thirds of a render.
    """
    key = (source, arguments, tuple(options.items()), environment.lexer)
    if key not in compiled:
        compiled[key] = compile_(environment, source, *arguments, **options)
    return compiled[key]


Environment.compile = compile_once  # type: ignore[method-assign, assignment]
