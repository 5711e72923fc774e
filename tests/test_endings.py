"""However a command ends, its status and its words are true, and no traceback or password is among them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import run
from gold_slice import pending
from render import ROOT
from support import CC, CRM, HOST, commit, git, release, replace

# A process of its own, because a signal that one thread holds back reaches another: the tests may have several.
INTERRUPTED_UPDATE = """
import os, signal, sys
from gold_slice import cli, git, landing

def interrupted(folder, *arguments):
    os.kill(os.getpid(), signal.SIGINT)
    return git.try_git(folder, *arguments)

landing.try_git = interrupted
sys.exit(cli.main(["update"]))
"""


def test_ctrl_c_that_comes_too_late_is_no_refusal(living: Path, releases: Path) -> None:
    replace(releases / "template/src/health.py", "Liveness and readiness", "Life and readiness")
    release(releases, "v0.2.0")

    command = [sys.executable, "-c", INTERRUPTED_UPDATE]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=living, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert git(living, "log", "-1", "--format=%s").startswith("Update host")


def test_a_change_that_is_half_done_is_not_called_nothing(living: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pending, "_put", full)
        ending = run(living, "remove", "crm")

    assert ending.status == 1
    assert "doctor.py --fix" in ending.complaint
    assert "Nothing was changed" not in ending.complaint
    assert run(living, "doctor", "--fix").status == 0
    assert not (living / "src/backend/crm").exists()


def test_no_password_of_an_address_is_printed(living: Path) -> None:
    for answers in (HOST, CC, CRM):
        text = (living / answers).read_text().splitlines()
        lines = ["_src_path: https://me:s3cret@127.0.0.1:9/x.git" if "_src_path" in line else line for line in text]
        (living / answers).write_text("\n".join(lines) + "\n")
    commit(living, "an address with a password")

    for arguments in (["update"], ["update", "--json"], ["generate", "biz", "pem"]):
        ending = run(living, *arguments)
        assert ending.status == 1
        assert "s3cret" not in ending.output + ending.complaint


@pytest.mark.parametrize("value", ["~nobody-here/x", '"a\\0b"', '""', '"a\\nb"'])
@pytest.mark.parametrize("key", ["_src_path", "_commit"])
def test_an_origin_that_can_be_none_is_refused_in_a_sentence(living: Path, key: str, value: str) -> None:
    for answers in (HOST, CC, CRM):
        text = (living / answers).read_text().splitlines()
        lines = [f"{key}: {value}" if line.startswith(key) else line for line in text]
        (living / answers).write_text("\n".join(lines) + "\n")
    commit(living, "an odd origin")

    for arguments in (["update", "--json"], ["generate", "biz", "pem", "--json"]):
        ending = run(living, *arguments)
        assert ending.status == 1
        assert "bug in gold slice" not in ending.output


@pytest.mark.parametrize("text", ["- a\n", ": : [\n"])
def test_broken_answers_of_the_host_are_refused_in_a_sentence(living: Path, text: str) -> None:
    (living / HOST).write_text(text)

    ending = run(living, "generate", "biz", "pem", "--json")

    assert ending.status == 1
    assert "restore the file from git" in ending.document["problems"][0]


def shell(project: Path, *arguments: str, redirect: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that redirects its output."""
    line = f'"$0" -m gold_slice "$@" {redirect}'
    command = ["bash", "-c", line, sys.executable, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_a_reader_that_leaves_and_a_full_disk_change_no_status(living: Path) -> None:
    for redirect in ("> /dev/full", "| true; exit ${PIPESTATUS[0]}"):
        done = shell(living, "remove", "crm", "--preview", redirect=redirect)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr


def test_progress_never_gets_among_the_json(living: Path) -> None:
    done = shell(living, "add", "biz", "pem", "--preview", "--json", redirect="2>&-")
    assert done.stdout.startswith("{")
