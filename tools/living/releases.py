"""Releases of the template made for tests: each changes it in a way that updates must cope with."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from living.project import commit, git, provide_command

MAIN, ENV, LABELS = "template/src/cos_main.py", "template/alembic/env.py", "template/src/graph/registry.py"
LISTS = "gold_slice/host_lists.yml"
OLD_TITLE, NEW_TITLE, NEW_END = '."""\n', '. Seen again."""\n', "\n\n# A new end.\n"
HOST_DROPS = "tests/unit/common/test_startup_errors.py"
MODULE_DROPS = "tests/unit/backend/{{ module }}/test_slice.py"
HOST_MOVES = ("docs/http_errors.md", "docs/refusals.md")
LIST_MOVES = ("src/graph/registry.py", "src/graph/labels.py")
MODULE_MOVES = ("tests/unit/backend/{{ module }}/test_deps.py", "tests/unit/backend/{{ module }}/test_access.py")
NEW_HOME_OF_SLICES = "src/slices.py"
FOURTH_LIST = "src/common/teams.py"
COMMENTS = {".py": "# {}\n", ".ini": "# {}\n", ".toml": "# {}\n", ".mako": "## {}\n", ".md": "\n<!-- {} -->\n"}
# What users call and releases rename, oldest release first, each by a codemod.
MODULE_RENAME = ("src.graph.registry", "src.graph.labels")
FUNCTION_RENAMES = tuple(f"src.common.json_limits.{name}" for name in ("check_text", "refuse_text", "reject_text"))
SERVICE_RENAME = tuple(f"src.backend.{{module}}.services.health.{name}" for name in ("summarize_health", "sum_up"))
CODEMODS = '''"""What has another name since."""

from gold_slice.codemods import Renamed

CODEMODS = [
{}]
'''


def make_releases(template: Path) -> list[str]:
    """Add the releases to a repository of the template that has v0.1.0, and return all tags, oldest first."""
    notes: dict[str, dict[str, Any]] = {}
    tags = ["v0.1.0"]
    for number, change in enumerate(CHANGES, start=2):
        tag = f"v0.{number}.0"
        notes[tag] = change(template)
        if codemods := notes[tag].pop("codemods", None):
            file = template / f"gold_slice/codemods/{tag.replace('.', '_')}.py"
            file.write_text(CODEMODS.format("".join(f"    {each},\n" for each in codemods)))
        (template / "releases.yml").write_text(json.dumps(notes, indent=2))  # which is YAML too
        commit(template, f"{tag}: {change.__doc__}")
        git(template, "tag", tag)
        tags.append(tag)
    for tag in tags:
        provide_command(template, tag)
    return tags


def touch_host_files(template: Path) -> dict[str, object]:
    """The three host files differ at their first and last lines, and not beside the lists of modules."""
    for path in (MAIN, ENV, LABELS):
        host = template / path
        host.write_text(host.read_text().replace(OLD_TITLE, NEW_TITLE, 1) + NEW_END)
    return {"changed": ["host files are seen again"]}


def touch_every_file(template: Path) -> dict[str, object]:
    """Every file that can hold a comment has a new last line."""
    for path in _files(template):
        if comment := COMMENTS.get(Path(path.name.removesuffix(".jinja")).suffix):
            path.write_text(path.read_text() + comment.format("Seen again."))
    return {"changed": ["every file has a new last line"]}


def move_a_list(template: Path) -> dict[str, object]:
    """The list of slices stands further down in its file."""
    text, region = _without_slices((template / MAIN).read_text())
    (template / MAIN).write_text(text.replace("def __getattr__(", f"{region}\n\ndef __getattr__("))
    return {"changed": ["the list of slices moved"]}


def rename_files(template: Path) -> dict[str, object]:
    """A file of the host and one of every module have other names."""
    for old, new in (HOST_MOVES, MODULE_MOVES):
        path = next(path for path in _files(template) if _name(template, path) == old)
        suffix = ".jinja" if path.name.endswith(".jinja") else ""
        path.rename(template / "template" / f"{new}{suffix}")
    return {"renamed": dict((HOST_MOVES, MODULE_MOVES))}


def rename_a_host_file(template: Path) -> dict[str, object]:
    """The file with the list of labels has another name."""
    old, new = LIST_MOVES
    (template / "template" / old).rename(template / "template" / new)
    _replace_everywhere(template, "src.graph.registry", "src.graph.labels")
    _replace(template / LISTS, old, new)
    return {"renamed": {old: new}, "codemods": [_renamed(*MODULE_RENAME)]}


def rename_functions(template: Path) -> dict[str, object]:
    """A function of the host and one of every module have other names."""
    renames = (FUNCTION_RENAMES[:2], SERVICE_RENAME)
    for old, new in renames:
        _rename_everywhere(template, old, new)
    return {"codemods": [_renamed(old, new) for old, new in renames]}


def rename_in_the_machinery(template: Path) -> dict[str, object]:
    """An internal function of the commands has another name; no project contains it."""
    for path in (template / "gold_slice").glob("*.py"):
        path.write_text(path.read_text().replace("undisturbed", "without_signals"))
    return {}


def drop_files(template: Path) -> dict[str, object]:
    """A file of the host and one of every module are gone."""
    dropped = [HOST_DROPS, MODULE_DROPS]
    for path in [path for path in _files(template) if _name(template, path) in dropped]:
        path.unlink()
    return {"removed": dropped}


def rename_a_question(template: Path) -> dict[str, object]:
    """The question project_name is called title."""
    _replace(template / "copier.yml", "project_name", "title")
    _replace_everywhere(template, "project_name", "title")
    return {"questions": {"project_name": "title"}}


def ask_a_new_question(template: Path) -> dict[str, object]:
    """There is a question more, with a default, and README.md contains the answer."""
    asked = "continent:\n  type: str\n  help: Where does it run?\n  default: europe\n\n"
    _replace(template / "copier.yml", "answers_file:\n  type", f"{asked}answers_file:\n  type")
    readme = template / "template/README.md.jinja"
    readme.write_text(readme.read_text() + "\nIt runs in {{ continent }}.\n")
    return {"environment": {"CONTINENT": "where it runs"}, "steps": ["Say where it runs."]}


def change_the_migrations(template: Path) -> dict[str, object]:
    """What migrations have in common differs, right beside the list of model files too."""
    environment = template / ENV
    _replace(environment, "# End of the model files.\n", "# The end of the model files.\nIS_STRICT = True\n")
    strict = "def is_strict() -> bool:\n    return IS_STRICT\n\n\n"
    _replace(environment, "def migrate(connection", f"{strict}def migrate(connection")
    _replace(environment, '"lock_timeout": "5s"', '"lock_timeout": "4s"')
    mako = template / "template/alembic/script.py.mako"
    mako.write_text("## A new first line.\n" + mako.read_text())
    return {"changed": ["migrations wait for a lock for 4 s"]}


def move_a_list_to_a_new_file(template: Path) -> dict[str, object]:
    """The list of slices has a file of its own."""
    text, region = _without_slices((template / MAIN).read_text())
    (template / MAIN).write_text(text.replace("\n\n\n", f"\nfrom {_dotted(NEW_HOME_OF_SLICES)} import SLICES\n\n\n", 1))
    (template / "template" / NEW_HOME_OF_SLICES).write_text(f'"""The slices of this project."""\n\n{region}')
    _replace(template / LISTS, "src/cos_main.py", NEW_HOME_OF_SLICES)
    return {"changed": [f"the list of slices is in {NEW_HOME_OF_SLICES}"]}


def add_a_fourth_list(template: Path) -> dict[str, object]:
    """One more list names the modules."""
    (template / "template" / FOURTH_LIST).write_text('"""Teams."""\n\nTEAMS: list[str] = []\n')
    lists = template / LISTS
    lists.write_text(f'{lists.read_text()}- file: {FOURTH_LIST}\n  list: TEAMS\n  entries: ["team-{{module}}"]\n')
    return {"changed": [f"{FOURTH_LIST} names the modules too"]}


def change_functions(template: Path) -> dict[str, object]:
    """Bodies of functions differ in many files, one has another name again, and a module has one file more."""
    _rename_everywhere(template, *FUNCTION_RENAMES[1:])
    for path in _files(template):
        if path.suffix == ".py":
            text = path.read_text()
            path.write_text(re.sub(r"(?m)^    return ", "    # Mind the result.\n    return ", text, count=1))
    (template / "template/src/backend/{{ module }}/limits.py").write_text('"""Limits."""\n\nMOST = 10\n')
    return {"changed": ["functions mind their results"], "codemods": [_renamed(*FUNCTION_RENAMES[1:])]}


CHANGES: tuple[Callable[[Path], dict[str, object]], ...] = (
    touch_host_files,
    touch_every_file,
    move_a_list,
    rename_files,
    rename_a_host_file,
    rename_functions,
    rename_in_the_machinery,
    drop_files,
    rename_a_question,
    ask_a_new_question,
    change_the_migrations,
    move_a_list_to_a_new_file,
    add_a_fourth_list,
    change_functions,
)


def _without_slices(text: str) -> tuple[str, str]:
    """Return a file without the list of slices and its comments, and these lines."""
    end = "# End of the slices.\n"
    first, last = text.index("# The generator keeps"), text.index(end) + len(end)
    region = text[first:last]
    return text[:first].rstrip("\n") + "\n\n\n" + text[last:].lstrip("\n"), region


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path} lacks {old!r}"
    path.write_text(text.replace(old, new))


def _replace_everywhere(template: Path, old: str, new: str) -> None:
    for path in _files(template):
        if old in (text := path.read_text()):
            path.write_text(text.replace(old, new))


def _rename_everywhere(template: Path, old: str, new: str) -> None:
    """Give a function its new name in all Python files, by its last part alone, which nothing else has."""
    before, after = (name.rpartition(".")[2] for name in (old, new))
    for path in _files(template):
        if path.name.removesuffix(".jinja").endswith(".py"):
            path.write_text(re.sub(rf"\b{before}\b", after, path.read_text()))


def _renamed(old: str, new: str) -> str:
    return f"Renamed({old!r}, {new!r})"


def _dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _files(template: Path) -> Iterator[Path]:
    """Yield the files of the template that a render copies or renders, except answers files."""
    for path in sorted((template / "template").rglob("*")):
        if path.is_file() and "answers" not in path.name:
            yield path


def _name(template: Path, path: Path) -> str:
    return path.relative_to(template / "template").as_posix().removesuffix(".jinja")
