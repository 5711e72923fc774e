"""What the code imports is declared in `pyproject.toml`."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from databases import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
DECLARED = PYPROJECT["project"]["dependencies"]
FOR_TESTS = [*DECLARED, *[each for group in PYPROJECT["dependency-groups"].values() for each in group]]
DISTRIBUTIONS = packages_distributions()
# Several distributions share the package `opentelemetry`; what `logfire` and `fastapi` bring belongs to them.
SPECIAL = {
    "opentelemetry.sdk": {"opentelemetry-sdk"},
    "opentelemetry.exporter": {"opentelemetry-exporter-otlp-proto-http"},
    "opentelemetry.proto": {"opentelemetry-proto"},
    "opentelemetry": {"opentelemetry-api"},
    "logfire": {"logfire"},
    "starlette": {"fastapi"},
}


def test_the_service_imports_nothing_that_is_not_declared() -> None:
    assert undeclared("src", DECLARED) == set()


def test_the_tests_import_nothing_that_is_not_declared() -> None:
    assert undeclared("tests", FOR_TESTS) == set()


def undeclared(folder: str, requirements: list[str]) -> set[str]:
    """Return the third-party modules that the folder imports and no requirement declares."""
    declared = {normal(re.split(r"[\[<>=~ ;]", each)[0]) for each in requirements}
    imported = {name for path in (PROJECT / folder).rglob("*.py") for name in imports_of(path.read_text())}
    wanted = {name: distributions_of(name) for name in imported}
    return {name for name, distributions in wanted.items() if distributions and not distributions & declared}


def imports_of(source: str) -> set[str]:
    """Return the absolute names of the modules that the source imports."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }


def distributions_of(module: str) -> set[str]:
    """Return the distributions that bring the module; none for the standard library and the project itself."""
    for prefix, distributions in SPECIAL.items():
        if module == prefix or module.startswith(prefix + "."):
            return distributions
    top = module.partition(".")[0]
    found = set() if top in sys.stdlib_module_names else {normal(each) for each in DISTRIBUTIONS.get(top, [])}
    return found - {normal(PYPROJECT["project"]["name"])}


def normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
