"""Releases of the template that there have not been yet: each changes it in a way that updates must cope with."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from living.project import commit, git

MAIN, ENV, LABELS = "template/src/cos_main.py", "template/alembic/env.py", "template/src/graph/registry.py"
OLD_TITLE, NEW_TITLE, NEW_END = '."""\n', '. Seen again."""\n', "\n\n# A new end.\n"
HOST_DROPS = "tests/unit/common/test_quiet_startup.py"
MODULE_DROPS = "tests/unit/backend/{{ module }}/test_slice.py"
HOST_MOVES = ("docs/refusals.md", "docs/errors.md")
MODULE_MOVES = ("tests/unit/backend/{{ module }}/test_deps.py", "tests/unit/backend/{{ module }}/test_access.py")
COMMENTS = {".py": "# {}\n", ".ini": "# {}\n", ".toml": "# {}\n", ".mako": "## {}\n", ".md": "\n<!-- {} -->\n"}


def make_releases(template: Path) -> list[str]:
    """Add the releases to a repository of the template that has v0.1.0, and return all tags, oldest first."""
    notes: dict[str, dict[str, object]] = {}
    tags = ["v0.1.0"]
    for number, change in enumerate(CHANGES, start=2):
        tag = f"v0.{number}.0"
        notes[tag] = change(template)
        (template / "releases.yml").write_text(json.dumps(notes, indent=2))  # which is YAML too
        commit(template, f"{tag}: {change.__doc__}")
        git(template, "tag", tag)
        tags.append(tag)
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


def move_a_region(template: Path) -> dict[str, object]:
    """The list of slices stands further down, and the labels have another comment above them."""
    host = template / MAIN
    text = host.read_text()
    first, last = text.index("# The generator keeps"), text.index("# End of the slices.\n") + 21
    region = text[first:last]
    text = text.replace(f"{region}\n\n", "")
    host.write_text(text.replace("app = create_app(", f"{region}\napp = create_app("))
    return {"changed": ["the list of slices moved"]}


def rename_files(template: Path) -> dict[str, object]:
    """A file of the host and one of every module have other names."""
    for old, new in (HOST_MOVES, MODULE_MOVES):
        path = next(path for path in _files(template) if _name(template, path) == old)
        suffix = ".jinja" if path.name.endswith(".jinja") else ""
        path.rename(template / "template" / f"{new}{suffix}")
    return {"renamed": dict((HOST_MOVES, MODULE_MOVES))}


def drop_files(template: Path) -> dict[str, object]:
    """A file of the host and one of every module are gone."""
    dropped = [HOST_DROPS, MODULE_DROPS]
    for path in [path for path in _files(template) if _name(template, path) in dropped]:
        path.unlink()
    return {"removed": dropped}


def rename_a_question(template: Path) -> dict[str, object]:
    """The question project_name is called title."""
    for path in [template / "copier.yml", *_files(template)]:
        text = path.read_text()
        if "project_name" in text:
            path.write_text(text.replace("project_name", "title"))
    return {"questions": {"project_name": "title"}}


def ask_a_new_question(template: Path) -> dict[str, object]:
    """There is a question more, with a default, and README.md says the answer."""
    questions = template / "copier.yml"
    asked = "continent:\n  type: str\n  help: Where does it run?\n  default: europe\n\n"
    questions.write_text(questions.read_text().replace("answers_file:\n  type", f"{asked}answers_file:\n  type"))
    readme = template / "template/README.md.jinja"
    readme.write_text(readme.read_text() + "\nIt runs in {{ continent }}.\n")
    return {"environment": {"CONTINENT": "where it runs"}, "steps": ["Say where it runs."]}


def change_a_migration_helper(template: Path) -> dict[str, object]:
    """What migrations have in common differs, right beside the list of model files too."""
    environment = template / ENV
    text = environment.read_text()
    text = text.replace("# End of the model files.\n", "# The end of the model files.\nIS_STRICT = True\n")
    text = text.replace(
        "def migrate(connection", "def is_strict() -> bool:\n    return IS_STRICT\n\n\ndef migrate(connection"
    )
    environment.write_text(text.replace('"lock_timeout": "5s"', '"lock_timeout": "4s"'))
    mako = template / "template/alembic/script.py.mako"
    mako.write_text("## A new first line.\n" + mako.read_text())
    helper = template / "template/scripts/lifecycle/migrations.py"
    helper.write_text(helper.read_text().replace("these migrations are of no module", "no module has these migrations"))
    return {"changed": ["migrations wait for a lock for 4 s"]}


def change_functions(template: Path) -> dict[str, object]:
    """Bodies of functions differ, all over the place; and a module has one file more."""
    for path in _files(template):
        if path.suffix == ".py" and "lifecycle" not in path.parts:
            text = path.read_text()
            path.write_text(re.sub(r"(?m)^    return ", "    # Mind the result.\n    return ", text, count=1))
    (template / "template/src/backend/{{ module }}/limits.py").write_text('"""Limits."""\n\nMOST = 10\n')
    return {"changed": ["functions mind their results"]}


CHANGES: tuple[Callable[[Path], dict[str, object]], ...] = (
    touch_host_files,
    touch_every_file,
    move_a_region,
    rename_files,
    drop_files,
    rename_a_question,
    ask_a_new_question,
    change_a_migration_helper,
    change_functions,
)


def _files(template: Path) -> Iterator[Path]:
    """Yield the files of the template that a render copies or renders, but for answers and lists of words."""
    for path in sorted((template / "template").rglob("*")):
        if path.is_file() and "answers" not in path.name and not path.name.startswith("reserved_names"):
            yield path


def _name(template: Path, path: Path) -> str:
    return path.relative_to(template / "template").as_posix().removesuffix(".jinja")
