"""A change of many files is complete or has not begun, whatever ends the process that makes it."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from commands import run
from gold_slice import pending
from gold_slice.project import Project
from gold_slice.report import RefusalError
from support import contents, replace

GONE = "docs/http_errors.md"
DELETES = [GONE]

HOLD = """
import sys, time
from pathlib import Path
from gold_slice.project import Project
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
    state = project.parent / "state"
    state.mkdir()
    return Project(project, state, is_under_git=False, top=project, prefix="")


@pytest.fixture
def writes(tmp_path: Path) -> dict[str, Path | bytes]:
    """New contents: two of bytes, one of a file that can be executed."""
    script = tmp_path / "script"
    script.write_bytes(b"NEW = 1\n")
    script.chmod(0o755)
    return {"src/new/deep.py": script, "alembic.ini": b"changed\n", "src/cos_main.py": b"X = 1\n"}


@contextmanager
def killed(owner: object, function: str, *, call: int) -> Iterator[None]:
    """Have the nth call of a function end the process that the block stands for."""
    real, calls = getattr(owner, function), count()

    def counting(*arguments: object, **options: object) -> object:
        if next(calls) == call:
            raise KilledError
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, function, counting)
        with pytest.raises(KilledError):
            yield


def test_before_the_plan_is_stored_nothing_has_happened(here: Project, writes: dict[str, Path | bytes]) -> None:
    before = contents(here.folder)
    for function in ("digest", "_complete"):
        with killed(pending, function, call=0):
            pending.apply(here, what="a change", writes=writes, deletes=DELETES)
        assert contents(here.folder) == before

    assert pending.is_interrupted(here)  # the second time, all was stored


@pytest.mark.parametrize("call", range(3))
def test_once_the_plan_is_stored_the_change_is_completed(
    here: Project, writes: dict[str, Path | bytes], call: int
) -> None:
    with killed(pending, "_put", call=call):
        pending.apply(here, what="a change", writes=writes, deletes=DELETES)
    (here.folder / ".alembic.ini.gold-slice").write_bytes(b"chan")  # half written

    assert pending._complete(here) == "a change"

    assert not pending.is_interrupted(here)
    assert (here.folder / "src/new/deep.py").read_bytes() == b"NEW = 1\n"
    assert os.access(here.folder / "src/new/deep.py", os.X_OK)
    assert (here.folder / "alembic.ini").read_bytes() == b"changed\n"
    assert (here.folder / "src/cos_main.py").read_bytes() == b"X = 1\n"
    assert not (here.folder / GONE).exists()
    assert not list(here.folder.rglob("*.gold-slice"))


def test_what_its_user_edited_since_is_not_overwritten(here: Project, writes: dict[str, Path | bytes]) -> None:
    with killed(pending, "_put", call=1):
        pending.apply(here, what="a change", writes=writes, deletes=DELETES)
    (here.folder / "alembic.ini").write_bytes(b"mine\n")

    with pytest.raises(RefusalError, match=r"alembic\.ini was edited after `a change` was interrupted"):
        pending._complete(here)

    assert (here.folder / "alembic.ini").read_bytes() == b"mine\n"
    (here.folder / "alembic.ini").unlink()
    assert pending._complete(here) == "a change"


def test_without_room_for_the_new_contents_nothing_is_changed(
    here: Project, writes: dict[str, Path | bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(here.folder)

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copy2", full)

    with pytest.raises(RefusalError, match="No space left on device"):
        pending.apply(here, what="a change", writes=writes, deletes=DELETES)

    assert contents(here.folder) == before
    assert not pending.is_interrupted(here)


def test_the_next_command_completes_an_add_that_was_killed_and_a_preview_does_not(living: Path) -> None:
    with killed(pending, "_put", call=3):
        run(living, "generate", "biz", "shop")

    preview = run(living, "remove", "crm", "--preview")
    examined = run(living, "doctor", "--json")
    next_ = run(living, "remove", "crm")

    assert preview.status == 1
    assert "doctor.py --fix` completes it first" in preview.complaint
    assert "GS101" in examined.codes
    assert "`add biz shop` was interrupted, and is complete now" in next_.complaint
    assert (living / "src/backend/shop/crud.py").exists()
    assert not (living / "src/backend/crm").exists()
    assert run(living, "doctor").status == 0


@pytest.mark.parametrize("call", [0, 20])
def test_the_doctor_completes_a_remove_that_was_killed(living: Path, call: int) -> None:
    with killed(pending, "_remove_empty_folders", call=call):
        run(living, "remove", "crm")

    ending = run(living, "doctor", "--fix")

    assert ending.status == 0
    assert "`remove crm` was interrupted, and is complete now" in ending.complaint
    assert not (living / "src/backend/crm").exists()


@pytest.mark.parametrize("function", ["apply", "_begin", "_complete"])
def test_a_remove_by_force_that_was_killed_has_removed_nothing_and_is_done_by_the_next_one(
    living: Path, function: str
) -> None:
    ours = living / "src/backend/crm/ours.py"
    ours.write_text("OURS = 1\n")
    before = contents(living / "src")
    with killed(pending, function, call=0):
        run(living, "remove", "crm", "--force")
    assert contents(living / "src") == before

    run(living, "doctor", "--fix")
    ending = run(living, "remove", "crm", "--force")

    assert (ending.status == 1) == (function == "_complete")  # that was stored, and the doctor completed it
    assert not (living / "src/backend/crm").exists()
    kept = (living / ".git/gold-slice").rglob("removed/*/src/backend/crm/ours.py")
    assert {path.read_text() for path in kept} == {"OURS = 1\n"}


def test_a_fix_that_was_killed_is_completed(living: Path) -> None:
    healthy = contents(living / "src")
    replace(living / "src/cos_main.py", '    "src.backend.crm",\n', "")
    with killed(pending, "_put", call=0):
        run(living, "doctor", "--fix")

    assert run(living, "doctor", "--fix").status == 0
    assert contents(living / "src") == healthy


def test_a_second_command_at_the_same_time_is_refused(here: Project) -> None:
    with here.locked(), pytest.raises(RefusalError, match="Another command is running"), here.locked():
        pass


def test_the_lock_ends_with_a_process_that_is_killed(here: Project) -> None:
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
