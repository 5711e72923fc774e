"""Read the answers files of a project: the one source of truth about which modules it has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DOMAIN = re.compile(r"[a-z][a-z0-9]*")
MODULE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, order=True)
class Module:
    """A module as its answers file names it."""

    domain: str
    name: str

    @property
    def label(self) -> str:
        """Its second label in the graph."""
        return f"{self.domain}_{self.name}"

    @property
    def answers_file(self) -> str:
        """The file that says where it came from."""
        return f".copier-answers.{self.label}.yml"

    @property
    def folders(self) -> list[str]:
        """The folders that are its own, each with a slash at its end."""
        tests = [f"tests/{kind}/backend/{self.name}/" for kind in ("unit", "integration", "performance")]
        return [f"alembic/versions/{self.name}/", f"src/backend/{self.name}/", *tests]

    @property
    def seal(self) -> str:
        """The file that holds what its other files were when they came from the template."""
        return f"src/backend/{self.name}/.rendered.sha256"

    def owns(self, path: str) -> bool:
        """Say whether a file of the project is the module's own."""
        return path == self.answers_file or path.startswith(tuple(self.folders))


def read_modules(project: Path) -> tuple[list[Module], list[str]]:
    """Return the modules, sorted, and a sentence for every answers file that cannot be used.

    Files are `.copier-answers.<domain>_<module>.yml`; nothing in them is trusted before its form is checked.
    """
    modules, problems = [], []
    for path in sorted(project.glob(".copier-answers.*.yml")):
        try:
            module = _module_of(_parsed(path))
            _check_name(path, module)
            modules.append(module)
        except ValueError as wrong:
            problems.append(f"{path.name}: {wrong}. Fix: restore the file from git, or render the module again.")
    return sorted(modules), [*problems, *_rivals(modules)]


def read_answers(path: Path) -> dict[str, Any]:
    """Return what an answers file holds.

    Raises:
        ValueError: It is missing, or not a list of answers.
    """
    try:
        answers = _parsed(path)
    except OSError as fault:
        raise ValueError(f"it cannot be read: {fault.strerror}") from None
    if not isinstance(answers, dict):
        raise ValueError("it holds no answers")  # noqa: TRY004  # as every other fault of a file
    return answers


def origin_of(answers: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the template's address and the release that it came from, or None where there are none to use."""
    address, release = answers.get("_src_path"), answers.get("_commit")
    if not isinstance(address, str) or not isinstance(release, str):
        return None
    return (address, release) if all(text and text.isprintable() for text in (address, release)) else None


def _rivals(modules: list[Module]) -> list[str]:
    """Return a sentence for every module whose name another one bears: it names package, schemas and routes alone."""
    first: dict[str, Module] = {}
    pairs = [(first.setdefault(module.name, module), module) for module in modules]
    return [
        f".copier-answers.{rival.label}.yml: {rival.domain}/{rival.name} and {known.domain}/{known.name} "
        "cannot both be: a module's name is unique in a project. "
        "Fix: remove that file, or render the module under another name."
        for known, rival in pairs
        if known is not rival
    ]


def _parsed(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_bytes())
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise ValueError(f"line {line} is not valid YAML, or holds more than plain values") from None
    except yaml.YAMLError:
        raise ValueError("it holds characters that YAML does not allow") from None


def _module_of(answers: Any) -> Module:
    if not isinstance(answers, dict) or answers.get("scope") != "module":
        raise ValueError("it does not hold the answers of a module (`scope: module`)")
    domain, name = answers.get("domain"), answers.get("module")
    if not isinstance(domain, str) or not DOMAIN.fullmatch(domain):
        raise ValueError("its `domain` is not the name of a domain")
    if not isinstance(name, str) or not MODULE.fullmatch(name):
        raise ValueError("its `module` is not the name of a module")
    return Module(domain, name)


def _check_name(path: Path, module: Module) -> None:
    if path.name != module.answers_file:
        raise ValueError(f"it holds the answers of {module.label}, whose file is {module.answers_file}")
