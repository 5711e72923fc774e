"""What the template made of a module is noted, so that its user's edits can be told from it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import seal
from lifecycle.answers import Module
from lifecycle.seal import edited_files
from support import replace

CC = Module("tech", "cc")


def test_a_fresh_module_has_no_edits(project: Path) -> None:
    assert edited_files(project, CC) == []


def test_the_hook_notes_what_is_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = (project / CC.seal).read_bytes()
    (project / CC.seal).unlink()
    (project / "src/backend/cc/ours.py").touch()
    monkeypatch.chdir(project)

    seal.main(["tech", "cc"])

    assert (project / CC.seal).read_bytes() == noted


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the tool is not everywhere; ours does not need it")
def test_sha256sum_reads_it_too(project: Path) -> None:
    replace(project / "src/backend/cc/crud.py", "SQL of", "Our SQL of")

    told = subprocess.run(["sha256sum", "--check", CC.seal], cwd=project, capture_output=True, text=True, check=False)

    assert "src/backend/cc/crud.py: FAILED" in told.stdout
    assert told.stdout.count("FAILED") == 1


def test_a_broken_seal_tells_nothing(project: Path) -> None:
    (project / CC.seal).write_text("nonsense\n")

    assert edited_files(project, CC) is None


def test_commands_outside_the_projects_environment_say_what_to_do(project: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    script = project / "scripts" / "doctor.py"

    done = subprocess.run([tmp_path / "bare/bin/python", script], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "lacks copier, filelock, libcst, yaml" in done.stderr
    assert "uv sync" in done.stderr
    assert "Traceback" not in done.stderr
