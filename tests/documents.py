"""The commands that documents name, and whether they exist."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import yaml

import noxfile
from gold_slice.cli import ALIASES, parser
from render import INSTANCE, ROOT

PAGES = ("*.md", "docs/**/*.md", ".agents/skills/*/SKILL.md", ".github/*.md")
INLINE = re.compile(r"`((?:uv run|nox -s|python3 bootstrap\.py|docker compose up) [^`]*)`")
# Programs that a machine has, or that their own documents tell how to get.
EXTERNAL = {
    "$EDITOR",
    "cd",
    "claude",
    "codex",
    "copier",
    "curl",
    "docker",
    "echo",
    "git",
    "mv",
    "npx",
    "pipx",
    "psql",
    "sed",
}
COMMANDS_OF_UV = {"add", "audit", "lock", "sync"}
COMMANDS_OF_ALEMBIC = {"downgrade", "heads", "history", "revision", "upgrade"}
TOOLS = {"bandit", "deptry", "lint-imports", "mypy", "pre-commit", "ruff", "uvicorn"}


class UnknownCommandError(Exception):
    """A document names something that does not exist."""


@dataclass(frozen=True)
class Named:
    """A command as a document names it."""

    page: str
    line: str

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def pages(folder: Path) -> Iterator[Path]:
    """Yield the documents of a repository or a project; a changelog may name what is gone."""
    for pattern in PAGES:
        yield from (path for path in sorted(folder.glob(pattern)) if path.name != "CHANGELOG.md")


def named() -> Iterator[Named]:
    """Yield each command of each document, once a line."""
    for folder in (ROOT, INSTANCE):
        for path in pages(folder):
            text = path.read_text()
            typed = [line for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL) for line in prompts(block)]
            for line in dict.fromkeys([*typed, *INLINE.findall(text)]):
                yield Named(path.relative_to(ROOT).as_posix(), line)


def prompts(block: str) -> list[str]:
    """Return what a block says to type, without its comments."""
    return [line.partition("  #")[0].strip() for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE)]


def check(line: str) -> None:
    """Raise an error where the line names a program, job, file, option or service that does not exist.

    Raises:
        UnknownCommandError: It does; the message says what.
    """
    for part in re.split(r" && | \|\| |; ", line):
        words = shlex.split(part)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        _check_words(words)


def _check_words(words: list[str]) -> None:
    match words:
        case ["uv", "run", *rest]:
            _check_words([word for index, word in enumerate(rest) if index or not word.startswith("-")])
        case ["uv", command, *_]:
            _known(command, COMMANDS_OF_UV)
        case ["uvx", "--with" | "--from", _, *rest]:
            _check_words(rest)
        case ["nox", "-l" | "-s", *jobs] | ["python3", "bootstrap.py", *jobs]:
            _check_jobs(jobs)
        case ["python", script, *arguments]:
            _check_script(script, arguments)
        case ["pytest", *arguments]:
            _check_pytest(arguments)
        case ["alembic", *arguments]:
            _known(next(word for word in arguments if not word.startswith("-")), COMMANDS_OF_ALEMBIC)
        case ["docker", "compose", *arguments]:
            _check_compose(arguments)
        case [program, *arguments]:
            _check_program(program, arguments)


def _check_program(program: str, arguments: list[str]) -> None:
    if program == "gold-slice":
        _check_command(arguments)
    else:
        _known(program, EXTERNAL | TOOLS)


def _check_jobs(jobs: list[str]) -> None:
    for job in jobs[: jobs.index("--")] if "--" in jobs else jobs:
        if not (job.isupper() or job == "--list" or callable(getattr(noxfile, job, None))):
            raise UnknownCommandError(f"noxfile.py has no job {job}")


def _check_script(script: str, arguments: list[str]) -> None:
    """A launcher's arguments are those of the command; another script names its options in its text."""
    path = INSTANCE / script
    if not path.is_file():
        raise UnknownCommandError(f"a project has no {script}")
    command = {f"scripts/{file}": name for name, file in ALIASES.items()}.get(script)
    if command:
        _check_command([command, *(word for word in arguments if word != "--trust")])  # the launcher's own
    for word in arguments if not command else []:
        if word.isalpha() or word.startswith("--"):
            _known(word, {"cc", *re.findall(r"--[\w-]+|\w+", path.read_text())})


def _check_command(arguments: list[str]) -> None:
    try:
        with redirect_stderr(StringIO()) as complaint, redirect_stdout(StringIO()):
            parser().parse_args(arguments)
    except SystemExit as end:
        if end.code:
            raise UnknownCommandError(complaint.getvalue()) from None


def _check_pytest(arguments: list[str]) -> None:
    settings = tomllib.loads((INSTANCE / "pyproject.toml").read_text())["tool"]["pytest"]
    markers = {marker.partition(":")[0] for marker in settings["markers"]}
    for before, word in zip(["", *arguments], arguments, strict=False):
        if before == "-m":
            for marker in {*word.split()} - {"and", "or", "not"}:
                _known(marker, markers)
        elif word.startswith("tests/") and not (INSTANCE / word).exists():
            raise UnknownCommandError(f"a project has no {word}")


def _check_compose(arguments: list[str]) -> None:
    main = yaml.safe_load((INSTANCE / "docker-compose.yml").read_text())
    files = [main, *(yaml.safe_load((INSTANCE / name).read_text()) for name in main["include"])]
    services = {name for file in files for name in file["services"]}
    described = [service for file in files for service in file["services"].values()]
    profiles = {profile for service in described for profile in service.get("profiles", [])}
    for word in arguments:
        if not word.startswith("-"):
            _known(word, services | profiles | {"up", "down", "logs", "config"})


def _known(word: str, known: set[str]) -> None:
    if word not in known:
        raise UnknownCommandError(f"nothing is called {word}")
