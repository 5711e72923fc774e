"""What the options of an update do: a preview, a staged result, answers, and the undo that is printed."""

import io
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import run
from gold_slice.report import Report
from render import ROOT
from scenes import ADDED, HEALTH, MAIN, configure, head, state
from support import HOST, commit, git, release, replace

PATIENCE_S = 60
QUESTION = """
region:
  type: str
  help: Where does it run?
  default: eu
  when: "{{ scope == 'project' }}"
"""


@pytest.fixture
def asking(releases: Path) -> Path:
    """A template whose second release asks a new question about the host."""
    (releases / "copier.yml").write_text((releases / "copier.yml").read_text() + QUESTION)
    (releases / "template/docs/region.md.jinja").write_text("Runs in {{ region }}.\n")
    release(releases, "v0.2.0")
    return releases


def undo_of(project: Path, *arguments: str) -> str:
    """Update a project, and return the command that undoes it as it is printed."""
    line: str = run(project, "update", "--json", *arguments).document["next"][-1]
    assert line.endswith("undo the update")
    return line.split("  ", maxsplit=1)[0]


def test_a_preview_names_what_the_real_run_does_and_changes_nothing(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / HEALTH, "router = ", "OURS = 1\nrouter = ")
    commit(living, "edited")
    before = state(living)

    preview = run(living, "update", "--preview", "--json")

    assert state(living) == before
    assert not (living / ".dev").exists()
    assert preview.status == 0
    assert preview.document["changes"] == run(living, "update", "--json").document["changes"]


def test_the_patch_of_a_preview_is_one_that_git_applies_and_gives_the_same_files(
    living: Path, released: Path, tmp_path: Path
) -> None:
    git(released, "checkout", "--quiet", "v0.1.0", "--", "template/docs")
    (released / "template/docs/logo.png").write_bytes(b"\x89PNG\0\xff" * 100)
    (released / "template/docs/größe.md").write_text("without an end of line")
    (released / "template/scripts/purge_l1.py").chmod(0o755)
    git(released, "mv", "template/docs/http_errors.md", "template/docs/errors.md")
    release(released, "v0.3.0")
    patch = run(living, "update", "--preview", "--diff")
    (tmp_path / "update.patch").write_bytes(os.fsencode(patch.output))

    git(living, "apply", "--index", str(tmp_path / "update.patch"))
    applied = git(living, "write-tree").strip()
    git(living, "reset", "--quiet", "--hard")
    assert run(living, "update").status == 0

    assert git(living, "rev-parse", "HEAD^{tree}").strip() == applied


def test_the_settings_of_a_user_for_diffs_do_not_change_the_patch(
    living: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert released.exists()
    plain = run(living, "update", "host", "--preview", "--diff").output

    settings = {"diff_noprefix": "true", "color_ui": "always", "diff_external": "false", "diff_mnemonicPrefix": "true"}
    configure(monkeypatch, **settings)

    assert run(living, "update", "host", "--preview", "--diff").output == plain


def test_the_undo_that_it_prints_keeps_other_local_changes(living: Path, released: Path) -> None:
    assert released.exists()
    before = state(living)
    (living / "notes.txt").write_text("mine\n")
    (living / "staged.txt").write_text("mine\n")
    git(living, "add", "staged.txt")
    replace(living / "README.md", "## Tests", "## Our tests")
    undo = undo_of(living, "host")
    assert "A  staged.txt" in git(living, "status", "--porcelain")

    subprocess.run(undo, shell=True, cwd=living, check=True)  # noqa: S602  # as a user types it

    assert head(living) == before[0]
    assert not (living / ADDED).exists()
    after = state(living)[2]
    assert after.pop("notes.txt") == after.pop("staged.txt") == b"mine\n"
    assert b"## Our tests" in after.pop("README.md")
    assert after.items() <= before[2].items()


def test_without_a_commit_it_leaves_the_update_staged_and_its_undo_works(living: Path, released: Path) -> None:
    assert released.exists()
    replace(living / "README.md", "## Tests", "## Our tests")
    before = state(living)

    undo = undo_of(living, "host", "--no-commit")

    assert head(living) == before[0]
    assert set(git(living, "status", "--porcelain").splitlines()) == {
        f"M  {HOST}", f"A  {ADDED}", "D  docs/http_errors.md", f"M  {MAIN}", f"M  {HEALTH}", " M README.md",
    }  # fmt: skip
    (living / HEALTH).write_text("edited since\n")
    (living / ADDED).touch()
    subprocess.run(undo, shell=True, cwd=living, check=True)  # noqa: S602  # as a user types it
    assert state(living) == before


def test_without_a_commit_staged_work_of_the_user_that_is_not_in_the_way_stays(living: Path, released: Path) -> None:
    assert released.exists()
    (living / "staged.txt").write_text("mine\n")
    git(living, "add", "staged.txt")
    os.utime(living / HEALTH, (0, 0))  # touched, and not edited

    ending = run(living, "update", "host", "--no-commit")

    assert ending.status == 0, ending.complaint
    assert "A  staged.txt" in git(living, "status", "--porcelain")
    assert (living / "staged.txt").read_text() == "mine\n"


def test_an_answer_is_changed_by_set_also_where_nothing_else_is_to_do(living: Path) -> None:
    ending = run(living, "update", "--set", "project_name=shop", "--json")

    assert ending.status == 0, ending.document
    assert ending.document["headline"] == "Updated host to gold slice v0.1.0."
    assert "project_name: shop" in (living / HOST).read_text()
    assert 'name = "shop"' in (living / "pyproject.toml").read_text()
    assert run(living, "update", "--set", "project_name=shop").output == "Everything is at v0.1.0 already.\n"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("nosuch=1", "asks no question nosuch"),
        ("scope=module", "scope, domain and module cannot be changed"),
        ("_commit=v9", "write question=answer"),
        ("project_name", "write question=answer"),
        ("project_name=SHOP!", "A project is named like order-desk"),
        ("project_name=[", "write question=answer"),
    ],
)
def test_a_setting_that_is_no_answer_is_refused(living: Path, setting: str, sentence: str) -> None:
    before = state(living)

    ending = run(living, "update", "--set", setting)

    assert ending.status == 1
    assert sentence in ending.complaint
    assert state(living) == before


def test_a_new_question_is_announced_with_its_default(living: Path, asking: Path) -> None:
    assert asking.exists()

    ending = run(living, "update", "--json")

    assert ending.status == 0
    question = "v0.2.0 asks a new question, region; the answer is 'eu' for host. "
    assert ending.document["before_deploy"] == [f"{question}Another one: update_modules.py --set region=ANSWER"]
    assert (living / "docs/region.md").read_text() == "Runs in eu.\n"
    assert run(living, "update", "--set", "region=us").status == 0
    assert (living / "docs/region.md").read_text() == "Runs in us.\n"


def test_a_new_question_is_answered_by_set(living: Path, asking: Path) -> None:
    assert asking.exists()

    ending = run(living, "update", "--set", "region=asia", "--json")

    assert ending.document["before_deploy"] == []
    assert (living / "docs/region.md").read_text() == "Runs in asia.\n"


def test_a_new_question_is_asked_on_a_terminal(living: Path, asking: Path) -> None:
    assert asking.exists()
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gold_slice", "update", "host"],
        cwd=living, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    screen = read_until(ours, b"Where does it run?")
    for _ in "eu":
        os.write(ours, b"\x7f")
    os.write(ours, b"mars\r")
    screen += read_until(ours, b"undo the update")

    assert process.wait(PATIENCE_S) == 0, screen
    os.close(ours)
    assert (living / "docs/region.md").read_text() == "Runs in mars.\n"
    assert b"project called" not in screen


def read_until(terminal: int, text: bytes) -> bytes:
    """Read from a terminal until a text is there, and answer the question for the place of the cursor."""
    screen, deadline = b"", time.monotonic() + PATIENCE_S
    while text not in screen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                fresh = os.read(terminal, 65536)
            except OSError:
                break
            if b"\x1b[6n" in fresh:
                os.write(terminal, b"\x1b[1;1R")
            screen += fresh
    return screen


def test_a_renamed_question_keeps_its_answer(living: Path, releases: Path) -> None:
    templates = [path for path in (releases / "template").rglob("*.jinja") if "project_name" in path.read_text()]
    for path in [releases / "copier.yml", *templates]:
        path.write_text(path.read_text().replace("project_name", "service_name"))
    replace(living / HOST, "project_name: cos", "project_name: shop")
    for name in ("README.md", "pyproject.toml", "src/project.py"):
        path = living / name
        path.write_text(path.read_text().replace('"cos"', '"shop"').replace("# cos", "# shop"))
    commit(living, "called shop")
    (releases / "releases.yml").write_text("v0.2.0:\n  questions: {project_name: service_name}\n")
    release(releases, "v0.2.0")

    ending = run(living, "update", "host", "--json")

    assert ending.status == 0
    assert ending.document["before_deploy"] == []
    assert "service_name: shop" in (living / HOST).read_text()
    assert 'name = "shop"' in (living / "pyproject.toml").read_text()


def test_an_answer_that_a_release_no_longer_takes_is_told(living: Path, releases: Path) -> None:
    replace(releases / "copier.yml", "project_name | length > 40", "project_name | length > 2")
    release(releases, "v0.2.0")
    before = state(living)

    ending = run(living, "update", "host")

    assert ending.status == 1
    assert "A project is named like order-desk" in ending.complaint
    assert state(living) == before
    assert run(living, "update", "host", "--set", "project_name=ab").status == 0


@pytest.mark.parametrize("arguments", [("--continue", "crm"), ("--abandon", "--preview"), ("--continue", "--abandon")])
def test_options_that_contradict_each_other_are_wrong_usage(living: Path, arguments: tuple[str, ...]) -> None:
    assert run(living, "update", *arguments).status == 2


def test_a_patch_holds_files_as_they_are_also_those_that_are_not_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(written := io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stdout)

    Report("update", patch=os.fsdecode(b"+caf\xe9\n")).print_out(as_json=False)

    assert written.getvalue() == b"+caf\xe9\n"
