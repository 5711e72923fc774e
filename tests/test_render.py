"""What a first render holds, whatever it is called."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from copier import run_copy
from pytest_copie.plugin import Copie

from gold_slice.answers import read_modules
from render import ROOT
from support import Spawn, contents

TEMPLATE = ROOT / "template"
NAMES = [("tech", "cc"), ("zz", "z"), ("d" * 20, "m" * 30)]


def test_a_first_copy_has_a_host_a_module_and_an_answers_file_for_each(copie: Copie) -> None:
    result = copie.copy(extra_answers={"domain": "sales", "module": "order_desk", "project_name": "shop"})

    assert result.exception is None
    assert result.exit_code == 0
    assert result.project_dir is not None
    project: Path = result.project_dir
    assert (project / "src/backend/order_desk/identity.py").read_text().count("order_desk") == 3
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["project_name"] == "shop"
    assert [module.label for module in read_modules(project)[0]] == ["sales_order_desk"]


def test_no_mark_of_a_template_is_left(pristine: Path) -> None:
    marks = {  # an expression of a workflow, ${{ … }}, is none
        name: found
        for name, data in contents(pristine).items()
        if (found := re.findall(rb"(?<!\$)\{\{-? |\{%|\.jinja", data)) and not name.endswith(".mako")
    }

    assert marks == {}


@pytest.mark.parametrize("path", ["src/infrastructure", "src/memory", "src/common/mem0_client.py"])
def test_what_is_not_part_of_the_design_is_not_there(pristine: Path, path: str) -> None:
    assert not (pristine / path).exists()


def test_no_python_template_holds_a_decision() -> None:
    deciding = [str(path) for path in TEMPLATE.rglob("*.py.jinja") if "{%" in path.read_text()]

    assert deciding == []


def test_hardly_any_python_of_src_and_scripts_is_a_template() -> None:
    templates = [path for part in ("src", "scripts") for path in (TEMPLATE / part).rglob("*.py.jinja")]

    assert len(templates) <= 5


def test_a_service_stays_small_enough_to_read(pristine: Path) -> None:
    assert len(list((pristine / "src").rglob("*.py"))) < 140


def test_a_module_brings_only_what_is_its_own(spawn: Spawn, project: Path) -> None:
    before = contents(project)

    spawn(project, scope="module", domain="biz", module="crm")

    after = contents(project)
    registered = {"alembic/env.py", "src/cos_main.py", "src/graph/registry.py"}
    assert {name for name in before if after.get(name) != before[name]} == registered
    own = re.compile(
        r"\.copier-answers\.biz_crm\.yml|alembic/versions/crm/.*|src/backend/crm/.*|tests/\w+/backend/crm/.*"
    )
    assert [name for name in after.keys() - before.keys() if not own.fullmatch(name)] == []
    assert "src/backend/crm/models.py" in after


def test_the_first_module_is_the_same_as_one_added_later(spawn: Spawn, tmp_path: Path) -> None:
    first = contents(spawn(tmp_path / "first", domain="biz", module="crm"))
    later = contents(spawn(spawn(tmp_path / "later"), scope="module", domain="biz", module="crm"))

    of_module = {name for name in first if "crm" in name}
    assert {name: first[name] for name in of_module} == {name: later[name] for name in of_module}


def test_every_module_has_the_same_plain_files(spawn: Spawn, project: Path) -> None:
    spawn(project, scope="module", domain="biz", module="crm")

    ours, theirs = (
        {name.replace(f"{module}_mcp/", "mcp/"): text for name, text in files.items()}
        for module in ("cc", "crm")
        for files in [contents(project / "src/backend" / module)]
    )

    assert sorted(name for name in ours if ours[name] != theirs.get(name)) == ["identity.py"]


@pytest.mark.parametrize(("domain", "module"), NAMES)
def test_a_render_is_clean_whatever_it_is_called(
    whole_template: Path, tmp_path: Path, domain: str, module: str
) -> None:
    project, answers = tmp_path / "project", {"domain": domain, "module": module}
    run_copy(str(whole_template), project, data=answers, defaults=True, unsafe=True, quiet=True)

    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            ["ruff", *check, "--no-cache", "."], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_a_copy_out_of_a_plain_folder_works_too(spawn: Spawn, template: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(template, tmp_path / "template", ignore=shutil.ignore_patterns(".git"))

    from_git = contents(spawn(tmp_path / "from_git"))
    done = subprocess.run(
        ["copier", "copy", "--trust", "--defaults", folder, tmp_path / "from_folder"], capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    from_folder = contents(tmp_path / "from_folder")
    assert {name for name in from_git if from_git[name] != from_folder.get(name)} == {
        ".copier-answers.yml",
        ".copier-answers.tech_cc.yml",
    }


def test_the_example_in_the_page_on_consumers_is_the_tested_file(spawn: Spawn) -> None:
    project = spawn()
    tested = (project / "tests/integration/backend/cc/welcome_notes.py").read_text()

    example = tested[tested.index("class WelcomeNotes") :]

    assert f"```python\n{example}```" in (project / "docs/consumers.md").read_text()
