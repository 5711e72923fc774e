"""What the commands take as a release is what `copier copy` makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gold_slice.answers import Module
from gold_slice.render import Part, files_in, render
from gold_slice.template import open_template
from support import release, replace

MODULE = Module("biz", "crm")
PACKAGE = "src/backend/{{ module }}"


@pytest.fixture
def odd(releases: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template with a release that has everything that a render could make in another way than Copier."""
    package = releases / "template" / PACKAGE
    (releases / ".gitattributes").write_text("tests/ export-ignore\n*.marked ident\n*.upper filter=upper\n")
    (package / "tool.sh").write_text("#!/bin/sh\n")
    (package / "tool.sh").chmod(0o755)
    (package / "link.py").symlink_to("crud.py")
    (package / "dangling.py").symlink_to("nowhere.py")
    (package / "notes.marked").write_text("$Id$\n")
    (package / "notes.upper").write_text("Quiet\n")
    (package / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    (releases / "template/docs/scratch.tmp").write_text("never rendered\n")
    (releases / "template" / "{% if scope == 'project' %}top.txt{% endif %}.jinja").write_text("{{ module }}\n")
    replace(releases / "copier.yml", "_subdirectory:", "_preserve_symlinks: true\n_subdirectory:")
    replace(releases / "copier.yml", '  - "*.py[co]"\n', '  - "*.py[co]"\n  - "*.tmp"\n')
    settings = {"filter.upper.smudge": "tr a-z A-Z", "filter.upper.clean": "tr A-Z a-z"}  # of the user
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    release(releases, "v0.2.0")
    return releases


def copy(template: Path, folder: Path, answers: dict[str, str]) -> None:
    """Run `copier copy` without its tasks."""
    data = [word for name, value in answers.items() for word in ("--data", f"{name}={value}")]
    command = [sys.executable, "-m", "copier", "copy", "--trust", "--defaults", "--quiet", "--skip-tasks", *data]
    subprocess.run([*command, str(template), str(folder)], check=True)


def listing(folder: Path) -> dict[str, tuple[int, str | bytes]]:
    """Return mode and contents of every file, and the target of every link."""
    told: dict[str, tuple[int, str | bytes]] = {}
    for name in files_in(folder):
        path = folder / name
        if path.is_symlink():
            told[name] = (0, os.readlink(path))  # noqa: PTH115
        else:
            told[name] = (path.stat().st_mode & 0o111, path.read_bytes())
    return told


def test_a_render_of_a_module_is_what_a_copy_gives(odd: Path, tmp_path: Path) -> None:
    answers = {"scope": "module", "domain": "biz", "module": "crm"}
    copy(odd, tmp_path / "copy", answers)
    template = open_template(str(odd), needs="v0.2.0")

    rendered = listing(render(Part(MODULE, answers), template, template.get("v0.2.0"), answers))

    assert rendered == listing(tmp_path / "copy")
    assert {"src/backend/crm/tool.sh", "src/backend/crm/link.py", "tests/unit/backend/crm/test_deps.py"} <= {*rendered}
    assert rendered["src/backend/crm/tool.sh"][0]
    assert rendered["src/backend/crm/notes.upper"][1] == b"QUIET\n"


def test_a_render_of_the_host_is_what_a_copy_gives_without_the_first_module(odd: Path, tmp_path: Path) -> None:
    answers = {"scope": "project", "project_name": "shop", "domain": "biz", "module": "crm"}
    copy(odd, tmp_path / "copy", answers)
    template = open_template(str(odd), needs="v0.2.0")

    rendered = listing(render(Part(None, answers), template, template.get("v0.2.0"), answers))

    assert rendered == {name: told for name, told in listing(tmp_path / "copy").items() if not MODULE.owns(name)}
    assert rendered["top.txt"][1] == b"crm\n"
    assert "docs/scratch.tmp" not in rendered


def test_what_is_in_the_templates_folder_and_in_no_commit_is_not_rendered(odd: Path) -> None:
    (odd / "template" / PACKAGE / "later.py").write_text("X = 1\n")
    answers = {"scope": "module", "domain": "biz", "module": "crm"}
    template = open_template(str(odd), needs="v0.2.0")

    assert "src/backend/crm/later.py" not in files_in(
        render(Part(MODULE, answers), template, template.get("v0.2.0"), answers)
    )
