"""A change of many files happens as if in one moment, whatever ends the process that makes it."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from commands import run
from lifecycle import journal
from lifecycle.branch import Landing, move_branch
from lifecycle.journal import Write, is_interrupted, land, recover
from lifecycle.project import Project
from lifecycle.report import RefusalError
from support import commit, contents, git, release, replace

WRITES = [
    Write("src/new/deep.py", b"NEW = 1\n", is_executable=True),
    Write("alembic.ini", b"changed\n"),
    Write("docs/refusals.md", None),
    Write("src/cos_main.py", b"X = 1\n"),
]


HOLD = """
import sys, time
from pathlib import Path
from lifecycle.project import Project
folder = Path(sys.argv[1])
with Project(folder, folder.parent / "state", is_under_git=False, top=folder, prefix="").locked():
    print("held", flush=True)
    time.sleep(60)
"""


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def here(project: Path) -> Project:
    """The project, with a state folder of its own."""
    return Project(project, project.parent / "state", is_under_git=False, top=project, prefix="")


@contextmanager
def killed(function: str, *, call: int) -> Iterator[None]:
    """Have the nth call of a function of the journal end the process that the block stands for."""
    real, calls = getattr(journal, function), count()

    def counting(*arguments: object, **options: object) -> object:
        if next(calls) == call:
            raise KilledError
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, function, counting)
        with pytest.raises(KilledError):
            yield


@pytest.mark.parametrize("call", range(2))
def test_before_the_plan_is_there_nothing_has_happened(here: Project, call: int) -> None:
    before = contents(here.folder)
    with killed("_keep", call=call):
        land(here, what="a change", writes=WRITES)

    assert not is_interrupted(here)
    assert recover(here) is None
    assert contents(here.folder) == before
    assert not (here.state / "journal.new").exists()


@pytest.mark.parametrize("call", range(len(WRITES)))
def test_once_the_plan_is_there_the_change_happens(here: Project, call: int) -> None:
    with killed("_take", call=call):
        land(here, what="a change", writes=WRITES)

    assert is_interrupted(here)
    assert recover(here) == "a change"
    assert not is_interrupted(here)
    assert (here.folder / "src/new/deep.py").read_bytes() == b"NEW = 1\n"
    assert os.access(here.folder / "src/new/deep.py", os.X_OK)
    assert not (here.folder / "docs/refusals.md").exists()
    assert (here.folder / "src/cos_main.py").read_bytes() == b"X = 1\n"
    assert not list(here.folder.rglob("*.gold-slice"))


def test_a_file_half_written_is_written_again(here: Project) -> None:
    with killed("_digest", call=2 * len(WRITES)):
        land(here, what="a change", writes=WRITES)
    (here.folder / ".alembic.ini.gold-slice").write_bytes(b"chan")

    recover(here)

    assert (here.folder / "alembic.ini").read_bytes() == b"changed\n"
    assert not (here.folder / ".alembic.ini.gold-slice").exists()


def test_what_its_user_changed_since_is_not_overwritten(here: Project) -> None:
    with killed("_take", call=1):
        land(here, what="a change", writes=WRITES)
    (here.folder / "alembic.ini").write_bytes(b"mine\n")

    with pytest.raises(RefusalError, match=r"alembic\.ini was changed after `a change` was interrupted"):
        recover(here)

    assert (here.folder / "alembic.ini").read_bytes() == b"mine\n"
    (here.folder / "alembic.ini").unlink()
    assert recover(here) == "a change"


def test_no_room_for_the_plan_is_a_refusal(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(here.folder)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path), len(data))

    monkeypatch.setattr(journal, "_keep", full)

    with pytest.raises(RefusalError, match="No space left on device"):
        land(here, what="a change", writes=WRITES)

    assert contents(here.folder) == before


def test_the_next_command_finishes_and_a_preview_does_not(living: Path) -> None:
    with killed("_take", call=3):
        run(living, "generate", "biz", "shop")

    preview = run(living, "remove", "crm", "--trace")
    examined = run(living, "doctor", "--json")
    next_ = run(living, "remove", "crm")

    assert preview.status == 1
    assert "doctor.py --fix` finishes it first" in preview.complaint
    assert "GS101" in examined.codes
    assert "`generate_module biz shop` had been interrupted, and is done now" in next_.complaint
    assert (living / "src/backend/shop/crud.py").exists()
    assert run(living, "doctor").status == 0


def test_the_doctor_finishes_it_too(living: Path) -> None:
    with killed("_take", call=3):
        run(living, "remove", "crm")

    ending = run(living, "doctor", "--fix")

    assert ending.status == 0
    assert "had been interrupted" in ending.complaint
    assert not (living / "src/backend/crm").exists()


def test_an_update_that_was_killed_before_the_branch_moved_is_finished(releases: Path, living: Path) -> None:
    replace(releases / "template/src/health.py", "Liveness", "Life")
    release(releases, "v0.2.0")
    with killed("move_branch", call=0):
        run(living, "update")
    branch = git(living, "symbolic-ref", "HEAD").strip()
    (living / ".git" / f"{branch}.lock").touch()  # as a git that was killed leaves it

    assert run(living, "doctor", "--fix").status == 0

    assert git(living, "status", "--porcelain") == ""
    assert git(living, "log", "-1", "--format=%s").startswith("Update host")


def test_a_branch_that_somebody_else_moved_is_left_alone(living: Path) -> None:
    head = git(living, "rev-parse", "HEAD").strip()
    (living / "ours.txt").touch()
    commit(living, "moved")
    here = Project(living, living / ".git/gold-slice", is_under_git=True, top=living, prefix="")

    with pytest.raises(RefusalError, match="The branch moved to"):
        move_branch(here, Landing(head, "0" * 40, [], "an update"))


def test_a_second_command_at_the_same_time_is_refused(here: Project) -> None:
    with here.locked(), pytest.raises(RefusalError, match="Another command is at work"), here.locked():
        pass


def test_the_lock_goes_with_a_process_that_is_killed(here: Project) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(here.folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()

    with here.locked():
        pass


@pytest.mark.parametrize("before", [b"something else\n", None])
def test_a_file_that_changed_while_the_command_worked_is_not_written(here: Project, before: bytes | None) -> None:
    untouched = contents(here.folder)

    with pytest.raises(RefusalError, match=r"alembic\.ini was changed while the command worked"):
        land(here, what="a change", writes=[*WRITES, Write("alembic.ini", b"x", before=before)])

    assert contents(here.folder) == untouched


def test_a_change_that_the_disk_cannot_hold_is_refused(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=4096))

    with pytest.raises(RefusalError, match="4,096 bytes left"):
        land(here, what="a change", writes=WRITES)
