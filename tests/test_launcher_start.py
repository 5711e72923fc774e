"""The launchers of a project run the command of its release, whatever else is in the project and the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gold_slice.trust import trust_file
from render import ROOT
from support import HOST, git


def launched(project: Path, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a launcher with the standard library alone, from another folder."""
    command = [sys.executable, "-S", str(project / "scripts" / script), *arguments]
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTHON"))}
    variables["UV_PYTHON"] = str(Path(sys.base_prefix, "bin", "python3"))  # the one that these tests run on
    return subprocess.run(
        command, cwd=project.parent, env=variables | environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_they_run_beside_a_script_that_is_named_like_a_standard_module(living: Path) -> None:
    for name in ("email", "pathlib", "re", "subprocess"):
        (living / f"scripts/{name}.py").write_text("raise SystemExit('the wrong one')\n")

    done = launched(living, "doctor.py", PYTHONSAFEPATH="1")
    usual = launched(living, "generate_module.py", "biz", "shop", "--preview")

    assert (done.returncode, done.stdout) == (0, "No findings.\n"), done.stderr
    assert usual.returncode == 0, usual.stderr
    assert "The module biz_shop would be in place" in usual.stdout


def test_help_is_that_of_the_script(living: Path) -> None:
    done = launched(living, "remove_module.py", "--help")

    assert done.stdout.startswith("usage: scripts/remove_module.py ")
    assert "--trust" in done.stdout


def test_the_launcher_names_itself_and_without_a_command_it_says_what_there_is(living: Path) -> None:
    alone, ours = launched(living, "launcher.py"), launched(living, "launcher.py", "diff", "--help")

    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.startswith("usage: scripts/launcher.py ")
    assert "init-template" not in alone.stdout  # it makes a repository, and has no use in a project
    assert ours.stdout.startswith("usage: scripts/launcher.py diff ")
    assert "    uv run python scripts/launcher.py diff crm\n" in ours.stdout


def test_a_password_is_neither_printed_nor_stored(living: Path, tmp_path: Path) -> None:
    text = (living / HOST).read_text().splitlines()
    lines = ["_src_path: https://me:s3cret@127.0.0.1:9/x.git" if "_src_path" in line else line for line in text]
    (living / HOST).write_text("\n".join(lines) + "\n")
    config = {"XDG_CONFIG_HOME": str(tmp_path / "config")}

    refused = launched(living, "doctor.py", **config)
    failed = launched(living, "doctor.py", "--trust", **config)
    unreached = launched(living, "update_modules.py", **config)

    assert [each.returncode for each in (refused, failed, unreached)] == [1, 1, 1]
    assert "https://127.0.0.1:9/x.git" in refused.stderr
    assert "could not be installed" in failed.stderr
    assert "No release was found" in unreached.stderr
    assert "s3cret" not in refused.stderr + failed.stderr + unreached.stderr
    assert "s3cret" not in (tmp_path / "config/gold-slice/trusted").read_text()


@pytest.mark.parametrize("missing", ["_commit", "_src_path"])
def test_without_an_origin_a_sentence_says_what_to_write(living: Path, missing: str) -> None:
    lines = [line for line in (living / HOST).read_text().splitlines() if not line.startswith(missing)]
    (living / HOST).write_text("\n".join(lines) + "\n")

    done = launched(living, "doctor.py")

    assert done.returncode == 1
    assert "put in the template's git address and one of its tags" in done.stderr


def test_who_copied_with_trust_is_not_asked_again(template: Path, pristine: Path) -> None:
    assert pristine.is_dir()
    assert str(template) in trust_file().read_text().splitlines()


def test_without_uv_a_sentence_says_what_is_missing(living: Path, tmp_path: Path) -> None:
    variables = {"GOLD_SLICE_CACHE": str(tmp_path / "cold"), "PATH": str(tmp_path)}

    done = launched(living, "doctor.py", **variables)

    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == ["uv is missing. Install or restore it, and try again."]


def test_a_template_without_a_release_is_a_sentence(living: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    text = (living / HOST).read_text().splitlines()
    lines = [f"_src_path: {tmp_path / 'empty'}" if "_src_path" in line else line for line in text]
    (living / HOST).write_text("\n".join(lines) + "\n")

    done = launched(living, "update_modules.py", "--trust")

    assert done.returncode == 1
    assert f"No release was found at {tmp_path / 'empty'}: it has no tag like v1.2.0." in done.stderr


@pytest.mark.parametrize("imported", ["gold_slice.cli", "embedded.postgres", "launcher"])
def test_on_windows_a_sentence_says_where_it_runs(imported: str) -> None:
    code = f"import sys; sys.platform = 'win32'; import {imported} as it; it.main('add', [])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "template" / "scripts")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.strip().endswith("On Windows, work in WSL 2.")
    assert "Traceback" not in done.stderr
