"""What all commands have in common: the options, the lock, and an ending that tells the truth."""

import os
import sys
import traceback
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path

from .answers import Module
from .git import GitError
from .journal import Write, is_interrupted, recover
from .project import Project, find_project
from .report import Change, Kind, RefusalError, Report, Status, say

HALF_DONE = "The change has begun and is not whole: `uv run python scripts/doctor.py --fix` completes it."
INTERRUPTED = "`{what}` had been interrupted, and is done now."


def parser(description: str | None, *, preview: str) -> ArgumentParser:
    """Return a parser with the options that every command takes."""
    options = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    options.add_argument(preview, dest="preview", action="store_true", help="change nothing, and name every file")
    options.add_argument("--json", dest="as_json", action="store_true", help="print the outcome as one JSON document")
    return options


def run(
    command: str, options: Namespace, work: Callable[[Project, Namespace, Report], None], *, finishes: bool = True
) -> int:
    """Do the work with the project locked, tell what came of it, and return the exit status.

    What a killed command left undone is done first, unless the work sees to that itself.
    """
    report, project = Report(command, is_preview=options.preview), None
    try:
        project = find_project(Path.cwd())
        with project.locked():
            if finishes:
                _finish_what_was_interrupted(project, report)
            work(project, options, report)
    except RefusalError as refusal:
        report = _refused(report, *refusal.problems)
    except (OSError, GitError) as fault:
        report = _refused(report, f"{fault}. Mend that, and try again.")
    except KeyboardInterrupt:
        report = _refused(report, "Ended by you.")
    except Exception as fault:  # noqa: BLE001  # nobody but us can read a traceback, and JSON is promised
        report = _refused(report, f"{_where(fault)}. This is a fault of gold slice: please report it.")
    if report.status == Status.REFUSED and report.problems and project and is_interrupted(project):
        report.problems.append(HALF_DONE)
        report.is_half_done = True
    _tell(report, as_json=options.as_json)
    return report.status


def _tell(report: Report, *, as_json: bool) -> None:
    """Tell it to whoever still listens: what was done is done, and the status says so."""
    try:
        report.tell(as_json=as_json)
    except OSError as fault:  # `| head -1`, or a full disk
        with open(os.devnull, "w") as nobody:  # noqa: PTH123  # a device, not a file
            os.dup2(nobody.fileno(), sys.stdout.fileno())  # or Python complains of it once more at its end
        if not isinstance(fault, BrokenPipeError):
            say(f"the outcome could not be printed: {fault.strerror}; it was: {report.headline or report.status.name}")


def _where(fault: Exception) -> str:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__}: {fault} ({Path(last.filename).name}:{last.lineno})"


def _refused(report: Report, *problems: str) -> Report:
    return Report(report.command, status=Status.REFUSED, is_preview=report.is_preview, problems=list(problems))


def changes(writes: Sequence[Write], *, of: Module, kind: Kind) -> list[Change]:
    """Return what happens to the files: to the module's own the given kind of thing; those of the host are updated."""
    return [
        Change(of.label, kind, write.path) if of.owns(write.path) else Change("host", Kind.UPDATED, write.path)
        for write in writes
    ]


def _finish_what_was_interrupted(project: Project, report: Report) -> None:
    """Carry out the rest of a command that was killed; a preview only says that there is some."""
    if report.is_preview and is_interrupted(project):
        raise RefusalError(
            "A command was interrupted half-way. `uv run python scripts/doctor.py --fix` finishes it first."
        )
    if not report.is_preview and (what := recover(project)):
        say(INTERRUPTED.format(what=what))
