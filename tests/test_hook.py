"""A copy records an address and a release that can be fetched later, or says why there is none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from commands import run
from gold_slice.address import lasting_address
from gold_slice.hook import settle_origins
from gold_slice.trust import trust_file
from support import CC, HOST, contents, replace


def copied(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `copier copy` in a folder, as a user's shell does."""
    command = ["env", f"PWD={cwd}", sys.executable, "-m", "copier", "copy", "--trust", "--defaults", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)


def origin(project: Path, answers_file: str = HOST) -> tuple[str | None, str | None]:
    """Return the address and the release in an answers file."""
    answers = yaml.safe_load((project / answers_file).read_text())
    return answers.get("_src_path"), answers.get("_commit")


def test_a_copy_from_a_folder_with_changes_is_warned_about_and_has_no_release(template: Path, tmp_path: Path) -> None:
    dirty = shutil.copytree(template, tmp_path / "dirty")
    replace(dirty / "template/src/health.py", "Liveness", "Life")

    done = copied("--vcs-ref", "HEAD", str(dirty), str(tmp_path / "project"), cwd=tmp_path)

    assert done.stderr.count("that are in no commit, so this project cannot be updated") == 1
    assert origin(tmp_path / "project") == origin(tmp_path / "project", CC) == (str(dirty), None)
    refused = run(tmp_path / "project", "generate", "biz", "crm")
    assert "names no release of the template" in refused.complaint
    assert run(tmp_path / "project", "doctor", "--json").codes == ["GS202"]


def test_a_copy_from_a_relative_path_records_the_whole_path(template: Path, tmp_path: Path) -> None:
    (tmp_path / "template").symlink_to(template)
    (tmp_path / "work").mkdir()

    copied("../template", "project", cwd=tmp_path / "work")

    project = tmp_path / "work/project"
    assert origin(project) == origin(project, CC) == (str(template), "v0.1.0")
    assert str(template) in trust_file().read_text().splitlines()
    assert run(project, "generate", "biz", "crm").status == 0


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("gh:owner/name", "https://github.com/owner/name.git"),
        ("gh:owner/name.git", "https://github.com/owner/name.git"),
        ("gl:owner/name", "https://gitlab.com/owner/name.git"),
        ("git+https://host/name.git", "https://host/name.git"),
        ("https://me:s3cret@host/name.git", "https://host/name.git"),
        ("https://t0ken@host/name.git", "https://host/name.git"),
        ("ssh://git@host/name.git", "ssh://git@host/name.git"),
        ("git@host:owner/name.git", "git@host:owner/name.git"),
    ],
)
def test_a_short_address_is_recorded_in_full_and_without_a_password(project: Path, typed: str, recorded: str) -> None:
    for name in (HOST, CC):
        lines = (project / name).read_text().splitlines()
        text = "\n".join(f"_src_path: {typed}" if line.startswith("_src_path") else line for line in lines)
        (project / name).write_text(f"{text}\n")

    assert settle_origins(project) == []

    assert lasting_address(typed) == recorded
    assert origin(project) == origin(project, CC) == (recorded, "v0.1.0")
    assert recorded.replace("git@host/", "host/") in trust_file().read_text().splitlines()
    assert "s3cret" not in trust_file().read_text()


def test_files_of_another_template_and_broken_ones_are_left_alone(project: Path) -> None:
    (project / ".copier-answers.docs.yml").write_text("_src_path: gh:someone/docs\n")
    (project / ".copier-answers.tech_bad.yml").write_text("a: [\n")

    assert settle_origins(project) == []
    assert (project / ".copier-answers.docs.yml").read_text() == "_src_path: gh:someone/docs\n"


def test_a_home_folder_that_cannot_be_written_does_not_stop_a_copy(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))

    assert settle_origins(project) == []


def test_a_password_in_the_address_of_a_copy_is_in_no_file_of_the_project(template: Path, tmp_path: Path) -> None:
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{template}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://me:pass-0f3a9@template.invalid/x.git",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        done = copied(settings["GIT_CONFIG_VALUE_0"], "project", cwd=tmp_path)

    assert not [name for name, text in contents(tmp_path / "project").items() if b"pass-0f3a9" in text]
    assert origin(tmp_path / "project") == ("https://template.invalid/x.git", "v0.1.0")
    assert "pass-0f3a9" not in done.stdout
