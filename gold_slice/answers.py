"""Read the answers files of a project: the one source of truth about which modules it has."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

EJECTED = "_ejected"  # the key of an answers file; Copier passes over it
DOMAIN = re.compile(r"[a-z][a-z0-9]*")
HOST_ANSWERS = ".copier-answers.yml"
ORIGIN = ("_commit", "_src_path")
MODULE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, order=True)
class Module:
    """A module, as its answers file names it."""

    domain: str
    name: str

    @property
    def label(self) -> str:
        """The module's label in the graph, such as `tech_cc`."""
        return f"{self.domain}_{self.name}"

    @property
    def answers_file(self) -> str:
        """The file that names its release."""
        return f".copier-answers.{self.label}.yml"

    @property
    def folders(self) -> list[str]:
        """The folders that it owns, each with a slash at its end."""
        tests = [f"tests/{kind}/backend/{self.name}/" for kind in ("unit", "integration", "performance")]
        return [f"alembic/versions/{self.name}/", f"src/backend/{self.name}/", *tests]

    def owns(self, path: str) -> bool:
        """Return whether the module owns a file of the project."""
        return path == self.answers_file or path.startswith(tuple(self.folders))


def read_modules(project: Path) -> tuple[list[Module], list[str]]:
    """Return the modules, sorted, and a sentence for every answers file that cannot be used.

    Files are `.copier-answers.<domain>_<module>.yml`. An answers file of another Copier template is passed over.
    """
    modules, problems = [], []
    for path in sorted(project.glob(".copier-answers.*.yml")):
        try:
            answers = _parsed(path)
            if isinstance(answers, dict) and answers.get("scope") != "module":
                continue
            module = _module_of(answers)
            _check_name(path, module)
            modules.append(module)
        except ValueError as wrong:
            problems.append(f"{path.name}: {wrong}. Fix: restore the file from git, or render the module again.")
    return sorted(modules), [*problems, *_duplicates(modules)]


def read_answers(path: Path) -> dict[str, Any]:
    """Return the answers in a file; `_commit` and `_src_path` are always strings.

    Raises:
        ValueError: It is missing, or not a list of answers.
    """
    try:
        answers = _parsed(path)
    except OSError as fault:
        raise ValueError(f"it cannot be read: {fault.strerror}") from None
    if not isinstance(answers, dict):
        raise ValueError("it holds no answers")  # noqa: TRY004  # as every other fault of a file
    origin = {
        key: text for key in ORIGIN if answers.get(key) is not None and isinstance(text := _texts(path)[key], str)
    }
    return answers | origin


def origin_of(answers: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the address of the template and the release, or None if the answers do not name both."""
    address, release = answers.get("_src_path"), answers.get("_commit")
    if not isinstance(address, str) or not isinstance(release, str):
        return None
    return (address, release) if all(text and text.isprintable() for text in (address, release)) else None


def write_origin(path: Path, *, address: str, release: str | None) -> None:
    """Write the address of the template and the release into an answers file; without a release, remove `_commit`."""
    lines = path.read_text().splitlines(keepends=True)
    header = "".join(takewhile(lambda line: line.startswith("#"), lines))
    answers = {key: value for key, value in read_answers(path).items() if key != "_commit"}
    answers |= {"_src_path": address} | ({"_commit": release} if release else {})
    path.write_text(header + yaml.safe_dump(answers, indent=4, allow_unicode=True, default_flow_style=False))


def ejected_files(answers: Mapping[str, Any]) -> list[str]:
    """Return the files of a part that updates leave as they are."""
    files = answers.get(EJECTED)
    return [str(path) for path in files] if isinstance(files, list) else []


def with_ejected(text: str, files: Sequence[str]) -> str:
    """Return the text of an answers file with these ejected files, and all else as it is."""
    kept = re.sub(rf"^{EJECTED}:.*\n(?:[- ].*\n)*", "", text, flags=re.MULTILINE)
    return kept + (yaml.safe_dump({EJECTED: list(files)}, allow_unicode=True) if files else "")


def _duplicates(modules: list[Module]) -> list[str]:
    """Return a sentence for every module that has the same name as another one."""
    first: dict[str, Module] = {}
    pairs = [(first.setdefault(module.name, module), module) for module in modules]
    return [
        f".copier-answers.{other.label}.yml: {other.domain}/{other.name} and {known.domain}/{known.name} "
        "cannot both be: a module's name is unique in a project. "
        "Fix: remove that file, or render the module under another name."
        for known, other in pairs
        if known is not other
    ]


def _texts(path: Path) -> dict[str, Any]:
    """Return the answers as text: YAML reads a hash like 1234567 as a number, and 0123456 as an octal one."""
    answers: dict[str, Any] = yaml.load(path.read_bytes(), yaml.BaseLoader)  # noqa: S506  # nosec B506  # only strings
    return answers


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
