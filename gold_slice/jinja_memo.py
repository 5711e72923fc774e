"""Compile each text of a template once: Copier has Jinja compile the name of a folder anew for every file in it."""

from functools import cache
from pathlib import Path
from types import CodeType

import yaml
from jinja2 import Environment
from jinja2.ext import Extension

NEEDS_TRUST = {"_jinja_extensions", "_external_data"}  # what `unsafe=True` would allow beside our own extension


class Memo(Extension):
    """An extension of Jinja; Copier loads it, and gives it the environment that it renders with."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        compiled = cache(environment.compile)

        def compile_once(source: str, *arguments: str) -> CodeType:
            environment.preprocess(source)  # Copier's own extension prepares itself there for each text
            return compiled(source, *arguments)

        environment.compile = compile_once  # type: ignore[assignment,method-assign]  # of this environment only


def add_memo(config: Path) -> bool:
    """Add the extension to a template's `copier.yml`; return False, and add nothing, where that needs trust."""
    try:
        keys = {key for document in yaml.safe_load_all(config.read_bytes()) for key in document or ()}
    except (OSError, TypeError, yaml.YAMLError):  # documents can include others, or be lists
        return False
    if keys & NEEDS_TRUST:
        return False
    with config.open("a") as file:  # Copier adds up the extensions of all documents
        file.write(f"\n---\n_jinja_extensions: [{Memo.__module__}.{Memo.__name__}]\n")
    return True
