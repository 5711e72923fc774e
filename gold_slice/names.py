"""Check the name of a new module; `copier.yml` has the same rules, and a test compares them."""

import json
from pathlib import Path

from .answers import DOMAIN, MODULE, Module

DOMAIN_LENGTH, MODULE_LENGTH = 20, 30
SHOWN_LENGTH = 40
RESERVED_NAMES = Path(__file__).with_name(
    "reserved_names.txt"
)  # of Python, PostgreSQL and the host; copier.yml reads it too


def name_problems(*, domain: str, module: str) -> list[str]:
    """Return a sentence for each rule that the names break."""
    problems = []
    if not DOMAIN.fullmatch(domain) or len(domain) > DOMAIN_LENGTH:
        problems.append(f"A domain is named like sales2: a-z first, then a-z, 0-9, at most 20; not {_shown(domain)}.")
    if not MODULE.fullmatch(module) or len(module) > MODULE_LENGTH:
        problems.append(
            "A module is named like order_desk: a-z first, then a-z, 0-9, single underscores, at most 30; "
            f"not {_shown(module)}."
        )
    elif module in RESERVED_NAMES.read_text().split() or module.startswith(("pg_", "mem0")):
        problems.append(
            f"A module cannot be named {module}: Python, PostgreSQL or the host uses that name. "
            "Take another, like order_desk."
        )
    return problems


def collision_problems(project: Path, *, known: list[Module], wanted: Module) -> list[str]:
    """Return a sentence for everything in the project that is where the module would go."""
    namesake = next((each for each in known if each.name == wanted.name), None)
    if namesake:
        taken = f"The module {namesake.label} exists already, and the name of a module is unique in a project."
        return [f"{taken} Take another name, or remove that module first."]
    return [
        f"{path} is in the way of {wanted.label}. Move it, or take another name."
        for path in (*wanted.folders, wanted.answers_file, f"src/backend/{wanted.name}.py")
        if _is_in_the_way(project / path)
    ]


def _is_in_the_way(path: Path) -> bool:
    """Return whether there is anything but empty folders and byte code."""
    if path.is_symlink() or not path.is_dir():
        return path.is_symlink() or path.exists()
    return any(not each.is_dir() and "__pycache__" not in each.parts for each in path.rglob("*"))


def _shown(name: str) -> str:
    return json.dumps(name if len(name) <= SHOWN_LENGTH else f"{name[: SHOWN_LENGTH - 3]}...")
