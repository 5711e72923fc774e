"""`gold-slice init-template` makes a template of modules out of the example, and the example keeps the contract."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from gold_slice import template as repository
from gold_slice.cli import main
from gold_slice.testing import check_module_in_project, check_module_template
from render import ROOT
from scenes import head, state
from support import TAG, commit, contents, git, release, replace

EXAMPLE = ROOT / "examples/audit"
ENTRIES = "src/backend/{{ module }}/services/entries.py"
CODEMODS = """from gold_slice.codemods import Renamed

CODEMODS = [Renamed("src.backend.{module}.services.entries.add_entry", "src.backend.{module}.services.entries.append")]
"""
OURS = """from src.backend.audit.services.entries import add_entry


def test_ours() -> None:
    assert callable(add_entry)
"""

type Printed = pytest.CaptureFixture[str]


@pytest.fixture
def _installed(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command knows its release, as after an installation from git."""
    monkeypatch.setattr(repository, "own_release", lambda: (str(template), TAG))


@pytest.fixture
def audit(_installed: None, tmp_path: Path) -> Path:
    """The repository that `init-template` makes."""
    folder = tmp_path / "audit-template"
    assert main(["init-template", str(folder)]) == 0
    return folder


def make_second_release(audit: Path) -> None:
    """Rename a function, and carry it into users' own code."""
    for file in (ENTRIES, "src/backend/{{ module }}/routers/entries.py"):
        replace(audit / "template" / file, "add_entry(", "append(")
    (audit / "gold_slice/codemods").mkdir(parents=True)
    (audit / "gold_slice/codemods/v0_2_0.py").write_text(CODEMODS)
    release(audit, "v0.2.0")


@pytest.mark.usefixtures("_installed")
def test_a_template_has_the_name_of_its_folder(tmp_path: Path, template: Path) -> None:
    folder = tmp_path / "order-desk-template"

    assert main(["init-template", str(folder)]) == 0

    assert git(folder, "log", "--format=%s %D").strip() == "A template of modules HEAD -> main, tag: v0.1.0"
    assert git(folder, "status", "--porcelain") == ""
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    assert settings["project"]["name"] == "order-desk-template"
    assert settings["tool"]["uv"]["sources"]["gold-slice"] == {"git": f"file://{template}", "rev": TAG}
    assert "  default: order_desk\n" in (folder / "copier.yml").read_text()
    assert "generate_module.py ops order_desk --from" in (folder / "README.md").read_text()
    assert contents(folder / "template") == contents(EXAMPLE / "template")


@pytest.mark.usefixtures("_installed")
def test_what_cannot_be_a_template_is_refused(tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").touch()
    for name, sentence in (("class-template", "A module cannot be named class"), ("mine", "is not empty")):
        assert main(["init-template", str(tmp_path / name)]) == 1
        assert sentence in capsys.readouterr().err

    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    assert main(["init-template", str(tmp_path / "orders")]) == 1
    assert "Please tell me who you are" in capsys.readouterr().err
    monkeypatch.setattr(repository, "own_release", lambda: None)
    assert main(["init-template", str(tmp_path / "orders")]) == 1
    assert "uvx --from git+ADDRESS@TAG gold-slice init-template FOLDER" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_example_is_tried_in_projects_of_this_release() -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    source = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["tool"]["uv"]["sources"]["gold-slice"]

    assert source == {"git": ours["urls"]["Repository"], "rev": f"v{ours['version']}"}


def test_the_kit_tries_what_is_not_committed_yet(audit: Path, living: Path, tmp_path: Path) -> None:
    before = state(living)
    (tmp_path / "scratch").mkdir()
    replace(audit / "template/src/backend/{{ module }}/__init__.py", "SLICE = ", "OTHER = ")

    with pytest.raises(AssertionError, match="add d m .* ended with 1"):
        check_module_template(audit, project=living, scratch=tmp_path / "scratch")

    assert state(living) == before
    assert git(audit, "tag").split() == ["v0.1.0"]


@pytest.mark.xdist_group("shop")
def test_a_module_lives_in_a_project(
    audit: Path, shop: Path, bare_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*command: str) -> str:
        words = ["uv", "run", "--quiet", *command]
        done = subprocess.run(words, cwd=shop, env=bare_environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    git(shop, "init", "--quiet")
    commit(shop, "before")
    before = head(shop)
    ours = shop / "tests/unit/backend/audit/test_ours.py"
    make_second_release(audit)

    check_module_in_project(audit, project=shop, scratch=tmp_path)
    run("python", "scripts/generate_module.py", "ops", "audit", "--from", f"{audit}@v0.1.0", "--trust")
    ours.write_text(OURS)
    commit(shop, "audit")
    run("python", "scripts/update_modules.py", "audit")

    assert ours.read_text() == OURS.replace("add_entry", "append")
    assert run("python", "scripts/doctor.py").startswith("No findings.\n")
    assert run("python", "scripts/launcher.py", "diff", "audit") == "ops_audit has no changes of yours since v0.2.0.\n"
    run("pytest", "--no-cov", "-q", "tests/unit/backend/audit")
    ours.unlink()
    commit(shop, "without ours")
    run("python", "scripts/remove_module.py", "audit")
    git(shop, "add", "--all")
    assert git(shop, "diff", "--cached", "--name-only", before) == ""
