"""Remove a module from a project: its files, its tests, its migrations, and its entries in the host's lists."""

import re
import shutil
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from . import pending
from .answers import Module, read_answers, read_modules
from .edits import edited_files, present_files
from .git import git
from .host_lists import HostList, host_lists
from .list_literal import remove_entries
from .migrations import revisions_of
from .project import Project
from .python_source import imports_of
from .registration import host_edits
from .render import Part
from .report import Change, Kind, RefusalError, Report


def remove(project: Project, options: Namespace, report: Report) -> None:
    """Remove the module, or say what would go."""
    modules, problems = read_modules(project.folder)
    module = _find(modules, options.module)
    part = Part(module, read_answers(project.folder / module.answers_file))
    edits, broken = host_edits(project.folder, host_lists(), [module], remove_entries)
    if problems := [*problems, *_links(project, module), *broken]:
        raise RefusalError(*problems)
    edited = _edited(project, part)
    hindrances = [
        *(f"{path} was edited by you. Keep what you need of it; --force removes it." for path in edited),
        *_entries_in_the_way(project, module, edits),
        *_imports(project, module),
    ]
    if hindrances and not (options.force or options.preview):
        raise RefusalError(*hindrances)
    paths = present_files(project, part)
    report.changes = [Change(module.label, Kind.REMOVED, path) for path in paths]
    report.changes += [Change("host", Kind.UPDATED, path) for path in edits]
    report.headline = f"The module {module.label} {'would be' if options.preview else 'is'} removed."
    report.before_deploy = _data_steps(project, module)
    if options.preview:
        report.problems = hindrances
        return
    if kept := _keep_what_git_lacks(project, module, edited):
        report.problems = [f"What git does not have of {module.label} is kept in {kept}."]
    pending.apply(project, what=f"remove {module.name}", writes=dict(edits), deletes=paths)


def _find(modules: list[Module], name: str) -> Module:
    for module in modules:
        if name in (module.name, module.label):
            return module
    there = ", ".join(module.label for module in modules) or "none"
    raise RefusalError(f"There is no module {name[:60]} in this project; there is {there}. Name one of those.")


def _links(project: Project, module: Module) -> list[str]:
    """Return a sentence for each folder of the module that is a symbolic link."""
    return [
        f"{folder.rstrip('/')} is a symbolic link. Put the folder itself in its place, or remove the link by hand."
        for folder in module.folders
        if (project.folder / folder.rstrip("/")).is_symlink()
    ]


def _edited(project: Project, part: Part) -> list[str]:
    try:
        return edited_files(project, part)
    except RefusalError as unknown:
        raise RefusalError(
            *unknown.problems,
            f"So it is unknown which files of {part.name} you edited. To remove all of them: git rm -r them, and run "
            "scripts/doctor.py.",
        ) from None


def _imports(project: Project, module: Module) -> list[str]:
    """Return a sentence for each line of another Python file that imports from the module or names it as a string."""
    return [
        f"{path}:{line} imports from {module.label}, and would break. Change it first, or use --force."
        for path in _python_beside(project, module)
        for line in imports_of(project.folder / path, f"src.backend.{module.name}", in_package=path)
    ]


def _python_beside(project: Project, module: Module) -> Iterator[str]:
    host_files = {each.file for each in host_lists()}
    for top in ("alembic", "scripts", "src", "tests"):
        paths = (path.relative_to(project.folder).as_posix() for path in (project.folder / top).rglob("*.py"))
        yield from (
            path
            for path in sorted(paths)
            if not module.owns(path) and path not in host_files and (project.folder / path).is_file()
        )


def _entries_in_the_way(project: Project, module: Module, edits: dict[str, bytes]) -> list[str]:
    """Return a sentence for each host file that says more about the module than its plain entry."""
    lists = host_lists()
    plain = host_edits(project.folder, lists, [module], partial(remove_entries, only_plain=True))[0]
    commented = [
        f"{path}: the entry of {module.label} has a comment of yours, or shares its line. --force removes it."
        for path, contents in edits.items()
        if plain.get(path) != contents
    ]
    return [
        *commented,
        *(named for each in lists if (named := _elsewhere(each, module, _contents(project, each, edits)))),
    ]


def _contents(project: Project, each: HostList, edits: dict[str, bytes]) -> bytes:
    return edits.get(each.file) or (project.folder / each.file).read_bytes()


def _elsewhere(each: HostList, module: Module, contents: bytes) -> str:
    for entry in each.entries_of([module]):
        if re.search(rb"[\"']" + re.escape(entry.encode()) + rb"[\"']", contents):
            return f"{each.file} names {entry} outside of its list. Remove it there, or use --force."
    return ""


def _keep_what_git_lacks(project: Project, module: Module, edited: list[str]) -> Path | None:
    """Copy those edited files that the last commit does not have beside git's own files.

    Raises:
        RefusalError: There is no room for them, for example. Nothing was changed.
    """
    lost = [path for path in edited if (project.folder / path).is_file() and not _is_committed(project, path)]
    if not lost:
        return None
    kept = project.state / "removed" / f"{module.label}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        for path in lost:
            (kept / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project.folder / path, kept / path, follow_symlinks=False)
    except OSError as fault:
        raise RefusalError(f"What git does not have cannot be copied to {kept}: {fault.strerror}.") from fault
    return kept


def _is_committed(project: Project, path: str) -> bool:
    if not project.is_under_git or not git(project.folder, "ls-tree", "HEAD", "--", path):
        return False
    return not git(project.folder, "status", "--porcelain", "--", path)


def _data_steps(project: Project, module: Module) -> list[str]:
    """Return how the module's data are removed, which no command here does."""
    # Each revision by name: a pattern like crm_% would match those of a module crm_notes as well.
    revisions = ", ".join(f"'{revision}'" for revision in revisions_of(project.folder, module)) or "NULL"
    return [
        f"The revisions of {module.name} must be downgraded in every database that has them; otherwise",
        "`alembic upgrade heads` fails with an unknown revision. In a checkout that still has the module, run:",
        f"  uv run alembic downgrade {module.label}@base",
        "Without such a checkout, run this SQL (MEM0_SCHEMA may give the second schema another name):",
        f"  DROP SCHEMA {module.name} CASCADE; DROP SCHEMA mem0_{module.name} CASCADE;",
        f"  DELETE FROM alembic_version WHERE version_num IN ({revisions});",  # noqa: S608  # nosec B608  # printed, not run
        "Where the service has a graph (NEO4J_URI), delete the module's nodes, in batches, once no process runs it:",
        f"  uv run python scripts/graph.py delete {module.label}",
    ]
