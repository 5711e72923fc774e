"""What documents name exists: commands, files, and the skills of agents."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from documents import Named, UnknownCommandError, check, named, pages
from render import INSTANCE, ROOT

SKILLS = sorted([*ROOT.glob(".agents/skills/*/SKILL.md"), *INSTANCE.glob(".agents/skills/*/SKILL.md")])
# What a document names in one of these folders must be there.
FOLDERS = "src|tests|scripts|alembic|docs|gold_slice|hooks|tools|template|instances|requirements"


@pytest.mark.parametrize("command", list(named()), ids=str)
def test_a_command_that_a_document_names_exists(command: Named) -> None:
    check(command.line)


@pytest.mark.parametrize(
    "line",
    [
        "nox -s no_such_job",
        "uv run python scripts/no_such_script.py",
        "uv run python scripts/update_modules.py --no-such-option",
        "uv run python scripts/highway.py --no-such-option",
        "uv run pytest tests/no_such_file.py",
        "uv run pytest -m no_such_marker",
        "docker compose up no_such_service",
        "uvx --from git+ADDRESS@TAG gold-slice no-such-command",
        "uv sync && no_such_program",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises(UnknownCommandError):
        check(line)


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_a_skill_says_what_it_is_for(path: Path) -> None:
    front = yaml.safe_load(path.read_text().split("---")[1])

    assert front["name"] == path.parent.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", front["name"])
    assert " Use " in front["description"]
    assert len(path.read_text().splitlines()) < 60


@pytest.mark.parametrize("folder", [ROOT, INSTANCE], ids=["repository", "project"])
def test_a_link_within_the_repository_leads_somewhere(folder: Path) -> None:
    links = {
        (path, link) for path in pages(folder) for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    }

    assert [f"{path}: {link}" for path, link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("folder", [ROOT, INSTANCE], ids=["repository", "project"])
def test_a_path_that_a_document_names_is_there(folder: Path) -> None:
    texts = {path: path.read_text() for path in pages(folder)}
    paths = {(page, path) for page, text in texts.items() for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", text)}

    assert [
        f"{page}: {path}" for page, path in paths if not any((at / path).exists() for at in {folder, INSTANCE})
    ] == []


@pytest.mark.parametrize("folder", [ROOT, INSTANCE], ids=["repository", "project"])
def test_every_dependency_is_in_the_table(folder: Path) -> None:
    pyproject = tomllib.loads((folder / "pyproject.toml").read_text())
    groups = [pyproject["project"]["dependencies"], *pyproject["dependency-groups"].values()]
    names = {re.split(r"[\[<>=~ ;]", requirement)[0] for group in groups for requirement in group}
    rows = [line.split("|") for line in (ROOT / "docs/dependencies.md").read_text().splitlines() if "|" in line]
    listed = {cell.strip() for row in rows for cell in row[1].split(",")}

    assert names - listed == set()


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    navigation = (ROOT / "zensical.toml").read_text()
    found = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}

    assert found == set(re.findall(r'"([\w/-]+\.md)"', navigation))
