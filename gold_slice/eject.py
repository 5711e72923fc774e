"""Take files out of updates, and back in; the answers file of their part remembers them."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from . import pending
from .answers import HOST_ANSWERS, Module, ejected_files, read_answers, read_modules, with_ejected
from .edits import as_released
from .project import Project
from .render import Part, files_in
from .report import Change, Kind, RefusalError, Report

LAUNCHER = "uv run python scripts/launcher.py"


def eject(project: Project, options: Namespace, report: Report) -> None:
    """Take a file out of updates: it stays as it is, whatever releases do to it."""
    path, part = _file_and_part(project, options.path)
    if path in ejected_files(part.answers):
        raise RefusalError(f"{path} is ejected already. To take it back into updates: {LAUNCHER} adopt-file {path}")
    if path not in files_in(as_released(part)):
        raise RefusalError(f"{path} is not a file of {part.name} at {part.release}, so no update changes it.")
    _write(project, part, lambda files: files | {path}, options, report)
    report.headline = f"{path} {'would be' if options.preview else 'is'} yours: updates leave it as it is."
    report.next_steps = [
        f"git commit -m 'Eject {path}' {part.answers_file}      so that updates know of it",
        f"{LAUNCHER} adopt-file {path}      undoes it",
    ]


def adopt_file(project: Project, options: Namespace, report: Report) -> None:
    """Take an ejected file back into updates: they merge what releases after the part's own change in it."""
    path, part = _file_and_part(project, options.path)
    if path not in ejected_files(part.answers):
        there = ", ".join(ejected_files(part.answers)) or "none"
        raise RefusalError(f"{path} is not ejected. Of {part.name}, there is: {there}.")
    _write(project, part, lambda files: files - {path}, options, report)
    report.headline = f"Updates {'would merge' if options.preview else 'merge'} {path} again."
    report.next_steps = [
        f"git commit -m 'Adopt {path}' {part.answers_file}      so that updates know of it",
        f"{LAUNCHER} diff {part.name}      shows what {part.release} has in it that your file lacks",
    ]


def _file_and_part(project: Project, name: str) -> tuple[str, Part]:
    """Return a file's path in the project, and the part that owns it."""
    here = Path.cwd() / name
    path = (
        (here if here.is_relative_to(project.folder) else project.folder / name).relative_to(project.folder).as_posix()
    )
    modules, problems = read_modules(project.folder)
    if problems:
        raise RefusalError(*problems)
    module = next((each for each in modules if each.owns(path)), None)
    return path, Part(module, _answers(project, module))


def _answers(project: Project, module: Module | None) -> dict[str, object]:
    file = module.answers_file if module else HOST_ANSWERS
    try:
        return read_answers(project.folder / file)
    except ValueError as wrong:
        raise RefusalError(f"{file}: {wrong}. Fix: restore the file from git.") from None


def _write(
    project: Project, part: Part, edit: Callable[[set[str]], set[str]], options: Namespace, report: Report
) -> None:
    file = project.folder / part.answers_file
    text = with_ejected(file.read_text(), sorted(edit({*ejected_files(part.answers)})))
    report.changes = [Change(part.name, Kind.UPDATED, part.answers_file)]
    if not options.preview:
        pending.apply(project, what=options.command, writes={part.answers_file: text.encode()}, deletes=[])
