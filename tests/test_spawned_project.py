"""The whole way, as a user walks it: copy, install, test, add a module, test again; and the demo."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gold_slice.codemods.codemod import belongs_to_modules, for_modules
from gold_slice.codemods.run import codemods_of
from gold_slice.testing import check_types
from living.history import USES
from render import ROOT
from support import git

pytestmark = pytest.mark.xdist_group("shop")  # one worker installs the project that these tests share


@pytest.mark.parametrize(
    "gate",
    [
        "ruff check src/ tests/",
        "ruff format --check .",
        "mypy src/",
        "bandit -r src/",
        "pre-commit run --all-files",
        "pytest --cov=src --cov-report=html",
        "pytest tests/performance -m benchmark -q --benchmark-disable --memray",
        "pytest tests/performance -m database -q --no-cov --collect-only",
        "python scripts/doctor.py",
        "python scripts/check_mcp_filename_drift.py",
    ],
)
def test_a_gate_passes_straight_after_the_copy(shop: Path, bare_environment: dict[str, str], gate: str) -> None:
    if gate.startswith("pre-commit"):  # it looks at what git knows
        git(shop, "init", "--quiet")
        git(shop, "add", "--all")

    done = subprocess.run(
        ["uv", "run", *gate.split()], cwd=shop, env=bare_environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_two_modules_have_two_heads_and_the_error_says_so(shop: Path, bare_environment: dict[str, str]) -> None:
    heads = subprocess.run(
        ["uv", "run", "alembic", "heads"], cwd=shop, env=bare_environment, capture_output=True, text=True, check=True
    )

    assert sorted(heads.stdout.splitlines()) == [
        "crm_0005_module_version (biz_crm) (head)",
        "order_desk_0005_module_version (sales_order_desk) (head)",
    ]


def test_what_codemods_write_has_no_fault_for_mypy(shop: Path, tmp_path: Path) -> None:
    files = {
        f"src/ours_{number}.py": f"from {full.rpartition('.')[0]} import {full.rpartition('.')[2]}\n\n\n{code}".format(
            full.rpartition(".")[2], name="ours"
        ).replace(".cc.", ".crm.")
        for number, (full, code) in enumerate(USES.items())
    }
    codemods = [
        each
        for codemod in codemods_of(ROOT, "v0.1.0")
        for each in (for_modules(codemod, ["crm"]) if belongs_to_modules(codemod) else [codemod])
    ]
    python = shop / ".venv/bin/python"

    check_types(codemods, files, project=shop, python=python, scratch=tmp_path / "right")


def test_the_demo_leaves_a_project_to_go_on_with(tmp_path: Path, bare_environment: dict[str, str]) -> None:
    folder = tmp_path / "demo"

    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "demo.py", folder],
        cwd=ROOT,
        env=bare_environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "201 billing 1.0.0" in done.stdout
    assert "409 A module named billing" in done.stdout
    go_on = next(line for line in done.stdout.splitlines() if line.startswith("  cd "))
    assert (ROOT / go_on.removeprefix("  cd ")).resolve() == folder
    assert (folder / ".git").is_dir()  # so that a module can be added where the repository around it ignores the folder
    assert (folder / ".venv").exists()
    assert not (folder / ".dev" / "postgres" / "postmaster.pid").exists()


def test_the_demo_does_not_touch_a_folder_that_exists(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "demo.py", tmp_path], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "exists already" in " ".join(done.stdout.split())  # the line is wrapped where the path is long
    assert list(tmp_path.iterdir()) == []


def test_the_guide_to_migrations_works_as_it_is_written(shop: Path, bare_environment: dict[str, str]) -> None:
    guide = (shop / ".agents/skills/add-migration/SKILL.md").read_text()
    commands = [line for line in re.findall(r"^\$ (.*)$", guide, re.MULTILINE) if "pytest" not in line]
    folder = shop / "alembic/versions/order_desk"
    before = set(folder.glob("*.py"))
    on_postgres = ["uv", "run", "python", str(ROOT / "tools/with_external_postgres.py"), "bash", "-e", "-c"]

    try:
        done = subprocess.run(
            [*on_postgres, "\n".join(commands)],
            cwd=shop,
            env=bare_environment,
            capture_output=True,
            text=True,
            check=False,
        )
        added = set(folder.glob("*.py")) - before
    finally:
        for path in shop.glob("alembic/versions/**/*_what.py"):
            path.unlink()

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(commands) == 5
    assert [path.name for path in added] == ["order_desk_0010_what.py"]
