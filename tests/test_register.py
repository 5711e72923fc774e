import errno
import os
import shutil
import stat
import subprocess
import sys
from contextlib import chdir
from itertools import permutations
from pathlib import Path

import pytest

from gold_slice.hook import main
from support import HOOK, add_module, commit, contents, git

ENV, MAIN, REGISTRY = "alembic/env.py", "src/cos_main.py", "src/graph/registry.py"


def hook(project: Path, command: str = "register") -> int:
    """Run the hook in this process, in the project."""
    with chdir(project):
        return main([command])


def run(project: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the hook as Copier does, in the project."""
    return subprocess.run(
        [*(command or (sys.executable,)), str(HOOK), "register"],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_module_is_registered_in_all_three_host_files(project: Path) -> None:
    add_module(project, domain="biz", module="crm")

    assert hook(project) == 0

    assert '    "src.backend.cc.models",\n    "src.backend.crm.mem0_models",\n' in (project / ENV).read_text()
    assert '    "src.backend.cc",\n    "src.backend.crm",\n]' in (project / MAIN).read_text()
    assert '    "biz_crm",\n    "tech_cc",\n]' in (project / REGISTRY).read_text()


def test_a_second_run_changes_no_byte_and_touches_no_file(project: Path) -> None:
    add_module(project, domain="biz", module="crm")
    run(project)
    before = contents(project), (project / ENV).stat().st_mtime_ns

    assert run(project).returncode == 0

    assert (contents(project), (project / ENV).stat().st_mtime_ns) == before


def test_any_order_of_modules_leads_to_the_same_bytes(pristine: Path, tmp_path: Path) -> None:
    outcomes = set()
    for number, order in enumerate(permutations([("tech", "pem"), ("biz", "crm"), ("biz", "ab")])):
        project = shutil.copytree(pristine, tmp_path / str(number))
        for domain, module in order:
            add_module(project, domain=domain, module=module)
            hook(project)
        outcomes.add(tuple((project / name).read_bytes() for name in (ENV, MAIN, REGISTRY)))

    assert len(outcomes) == 1


def test_a_line_of_a_user_before_inside_and_after_survives(project: Path) -> None:
    path = project / MAIN
    path.write_text(
        path.read_text()
        .replace("SLICES: list", "MINE = 1\nSLICES: list")
        .replace('    "src.backend.cc",\n', '    # about cc\n    "src.backend.cc",\n    "zz.orders",  # by hand\n')
        .replace("]\n# End", "]\nSLICES += []\n# End")
    )
    add_module(project, domain="biz", module="crm")

    assert hook(project) == 0

    text = path.read_text()
    assert 'MINE = 1\nSLICES: list[str] = [\n    # about cc\n    "src.backend.cc",\n    "src.backend.crm",\n' in text
    assert '    "zz.orders",  # by hand\n]\nSLICES += []\n# End' in text


def test_the_mode_of_a_file_is_kept(project: Path) -> None:
    add_module(project, domain="biz", module="crm")
    (project / ENV).chmod(0o640)

    hook(project)

    assert stat.S_IMODE((project / ENV).stat().st_mode) == 0o640


def test_a_link_to_a_host_file_stays_a_link(project: Path) -> None:
    add_module(project, domain="biz", module="crm")
    (project / ENV).rename(project / "real_env.py")
    (project / ENV).symlink_to(project / "real_env.py")

    hook(project)

    assert (project / ENV).is_symlink()
    assert "src.backend.crm.models" in (project / "real_env.py").read_text()


def test_every_problem_is_named_at_once_and_nothing_changes(project: Path) -> None:
    add_module(project, domain="biz", module="crm")
    (project / ENV).write_text("MODEL_MODULES = [\n")
    (project / MAIN).write_text("SLICES = []\nSLICES = []\n")
    (project / REGISTRY).chmod(0o444)
    (project / ".copier-answers.tech_bad.yml").write_text("scope: module\n")
    before = contents(project)

    refused = run(project)

    assert refused.returncode == 1
    lines = refused.stderr.splitlines()
    assert lines[0] == "No module was registered, and no file was changed:"
    assert [line.strip().split(": ")[0] for line in lines[1:]] == [
        ".copier-answers.tech_bad.yml",
        "alembic/env.py:1",
        "src/cos_main.py:1",
        "src/cos_main.py:2",
        "src/graph/registry.py",
    ]
    assert all(". Fix: " in line for line in lines[1:])
    assert contents(project) == before


def test_a_disk_that_fills_up_half_way_changes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_module(project, domain="biz", module="crm")
    before = contents(project)
    written: list[int] = []

    def fsync(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)

    assert hook(project) == 1

    assert "No space left on device" in capsys.readouterr().err
    assert contents(project) == before


def test_a_missing_host_file_is_named(project: Path) -> None:
    (project / ENV).unlink()

    refused = run(project)

    assert refused.returncode == 1
    assert "alembic/env.py: No such file or directory. Fix: run this in the folder of a project" in refused.stderr


def test_a_host_file_that_is_a_folder_is_named(project: Path) -> None:
    (project / ENV).unlink()
    (project / ENV).mkdir()

    assert "alembic/env.py: Is a directory. Fix: look at the file." in run(project).stderr


@pytest.fixture
def python_without_libcst(tmp_path: Path) -> str:
    """An interpreter that has the standard library alone."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    return str(tmp_path / "bare" / "bin" / "python")


def test_without_libcst_uv_runs_the_hook(project: Path, python_without_libcst: str) -> None:
    add_module(project, domain="biz", module="crm")

    done = run(project, python_without_libcst)

    assert done.returncode == 0, done.stderr
    assert "src.backend.crm.models" in (project / ENV).read_text()


def test_without_libcst_and_uv_one_sentence_says_what_to_install(project: Path, python_without_libcst: str) -> None:
    before = contents(project)

    refused = run(project, python_without_libcst, PATH="/nowhere")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Registering modules needs the package ")
    assert "Traceback" not in refused.stderr
    assert contents(project) == before


def test_a_wrong_command_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["burn"])

    assert end.value.code == 2
    assert "invalid choice: 'burn'" in capsys.readouterr().err


@pytest.fixture
def committed(project: Path) -> Path:
    """A project under git, with nothing to commit."""
    git(project, "init", "--quiet")
    commit(project, "spawned")
    return project


def status(project: Path) -> list[str]:
    return git(project, "status", "--porcelain").splitlines()


def test_entries_are_removed_before_an_update_and_put_back_after_it(committed: Path) -> None:
    before = contents(committed / "src") | contents(committed / "alembic")

    assert hook(committed, "unregister") == 0
    assert "SLICES: list[str] = []\n" in (committed / MAIN).read_text()
    assert status(committed) == [f"M  {name}" for name in (ENV, MAIN, REGISTRY)]
    assert hook(committed) == 0

    assert contents(committed / "src") | contents(committed / "alembic") == before
    assert status(committed) == []


def test_entries_are_put_back_into_a_file_with_a_conflict_elsewhere(committed: Path) -> None:
    hook(committed, "unregister")
    conflict = "<<<<<<< before updating\nx = 1\n=======\nx = 2\n>>>>>>> after updating\n"
    (committed / MAIN).write_text(conflict + (committed / MAIN).read_text())

    assert hook(committed) == 0

    text = (committed / MAIN).read_text()
    assert text.startswith(conflict)
    assert 'SLICES: list[str] = [\n    "src.backend.cc",\n]\n' in text


def test_a_file_that_was_not_changed_needs_no_git(project: Path) -> None:
    assert hook(project) == 0
    assert hook(project) == 0
    assert not (project / ".git").exists()
