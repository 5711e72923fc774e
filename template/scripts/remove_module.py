#!/usr/bin/env -S uv run --quiet python
"""Take a module out of this project: its files, its tests, its migrations, and its entries in the host.

    uv run python scripts/remove_module.py pem --trace      name all that would go, and change nothing
    uv run python scripts/remove_module.py pem

A module that you edited is refused unless you say --force; then what git does not have is kept aside. Data are never
dropped: the command says how to do it. Exit status: 0 done; 1 refused or failed, and nothing changed; 2 wrong usage.
"""

import re
import sys
import time
from argparse import Namespace
from collections.abc import Iterator

import lifecycle.installed  # noqa: F401  # first, for it says what is missing
from lifecycle.answers import Module, read_modules
from lifecycle.command import changes, parser, run
from lifecycle.git import git
from lifecycle.host_lists import HOST_LISTS
from lifecycle.journal import Write, land
from lifecycle.migrations import revisions_of
from lifecycle.project import Project
from lifecycle.report import Kind, RefusalError, Report
from lifecycle.seal import edited_files, files_of


def main(arguments: list[str]) -> int:
    """Run the command and return the exit status."""
    options = parser(__doc__, preview="--trace")
    options.add_argument("module", help="its name, as pem, or its label, as tech_pem")
    options.add_argument("--force", action="store_true", help="remove it though you edited it, or other files name it")
    return run("remove_module", options.parse_args(arguments), remove)


def remove(project: Project, options: Namespace, report: Report) -> None:
    """Remove the module, or say what would go."""
    modules, problems = read_modules(project.folder)
    module = _find(modules, options.module)
    problems += _links(project, module)
    edits, commented = _unregistered(project, module)
    hindrances = [*problems, *_edited(project, module), *commented, *_mentions(project, module)]
    if problems or (hindrances and not (options.force or options.preview)):
        raise RefusalError(*hindrances)
    writes = [*edits, *(Write(path, None) for path in files_of(project.folder, module))]
    report.changes = changes(writes, of=module, kind=Kind.REMOVED)
    report.headline = f"The module {module.label} {'would go' if options.preview else 'is gone'}."
    report.before_deploy = _farewell(project, module)
    if options.preview:
        report.problems = hindrances
        return
    if kept := _keep_what_git_lacks(project, module):
        report.problems = [f"What git does not have of {module.label} is kept in {kept}."]
    land(project, what=f"remove_module {module.name}", writes=writes)


def _find(modules: list[Module], name: str) -> Module:
    for module in modules:
        if name in (module.name, module.label):
            return module
    there = ", ".join(module.label for module in modules) or "none at all"
    raise RefusalError(f"There is no module {name[:60]} in this project; there is {there}. Name one of those.")


def _links(project: Project, module: Module) -> list[str]:
    """Return a sentence for each folder of the module that is somewhere else in truth, where nothing may be removed."""
    return [
        f"{folder.rstrip('/')} is a symbolic link. Put the folder itself in its place, or remove the link by hand."
        for folder in module.folders
        if (project.folder / folder.rstrip("/")).is_symlink()
    ]


def _edited(project: Project, module: Module) -> list[str]:
    """Return a sentence for each file of the module that is not as the template made it."""
    edited = edited_files(project.folder, module)
    if edited is None:
        return [f"{module.seal} is missing or broken, so nobody can tell what was edited. --force removes all of it."]
    return [f"{path} was edited by you. Keep what you need of it; --force removes it." for path in edited]


def _mentions(project: Project, module: Module) -> list[str]:
    """Return a sentence for each line of another Python file that imports from the module."""
    name = module.name
    imports = re.compile(
        rf"\s*(from|import)\s+(src\.)?backend\.{name}\b|\s*from\s+(src\.)?backend\s+import\b.*\b{name}\b"
    )
    return [
        f"{path}:{number} imports from {module.label}, and would break. Change it first, or say --force."
        for path in _python_beside(project, module)
        for number, line in enumerate((project.folder / path).read_text(errors="replace").splitlines(), 1)
        if imports.match(line)
    ]


def _python_beside(project: Project, module: Module) -> Iterator[str]:
    for top in ("alembic", "scripts", "src", "tests"):
        paths = (path.relative_to(project.folder).as_posix() for path in (project.folder / top).rglob("*.py"))
        yield from (path for path in sorted(paths) if not module.owns(path) and (project.folder / path).is_file())


def _unregistered(project: Project, module: Module) -> tuple[list[Write], list[str]]:
    """Return the host files without the module, and a sentence for whatever else they say of it."""
    from lifecycle.host import plan, strip, unregister  # noqa: PLC0415  # libcst takes its time

    edits, broken = plan(project.folder, [module], unregister)
    if broken:
        raise RefusalError(*broken)
    untouched = {edit.path: edit.contents for edit in plan(project.folder, [module], strip)[0]}
    commented = [
        f"{edit.path}: the entry of {module.label} carries a comment of yours, or shares its line. --force removes it."
        for edit in edits
        if untouched.get(edit.path) != edit.contents
    ]
    left = {listing.path: (project.folder / listing.path).read_bytes() for listing in HOST_LISTS}
    left |= {edit.path: edit.contents for edit in edits}
    elsewhere = [
        f"{listing.path} names {entry} outside of its list. Take it out there, or say --force."
        for listing in HOST_LISTS
        for entry in listing.entries([module])
        if re.search(rb"[\"']" + re.escape(entry.encode()) + rb"[\"']", left[listing.path])
    ]
    return [Write(edit.path, edit.contents, before=edit.before) for edit in edits], [*commented, *elsewhere]


def _keep_what_git_lacks(project: Project, module: Module) -> str | None:
    """Copy those files of the module beside git's own that were edited and are not in the last commit as they are."""
    lost = [path for path in edited_files(project.folder, module) or [] if (project.folder / path).is_file()]
    lost = [path for path in lost if not _is_committed(project, path)]
    if not lost:
        return None
    aside = project.state / "removed" / f"{module.label}-{time.strftime('%Y%m%d-%H%M%S')}"
    for path in lost:
        (aside / path).parent.mkdir(parents=True, exist_ok=True)
        (aside / path).write_bytes((project.folder / path).read_bytes())
    return str(aside)


def _is_committed(project: Project, path: str) -> bool:
    if not project.is_under_git:
        return False
    is_tracked = git(project.folder, "ls-tree", "HEAD", "--", path)
    return bool(is_tracked) and not git(project.folder, "status", "--porcelain", "--", path)


def _farewell(project: Project, module: Module) -> list[str]:
    """Return how the module's data go, which no command of ours drops."""
    # By name: a pattern like crm_% would take the revisions of a module crm_notes as well.
    revisions = ", ".join(f"'{revision}'" for revision in revisions_of(project.folder, module)) or "NULL"
    return [
        f"A database that has {module.name} must lose its revisions, or `alembic upgrade heads` will not know them.",
        "In a checkout that still has the module, of an older commit say:",
        f"  uv run alembic downgrade {module.label}@base",
        "or, where there is none left, as SQL (MEM0_SCHEMA may have given the second schema another name):",
        f"  DROP SCHEMA {module.name} CASCADE; DROP SCHEMA mem0_{module.name} CASCADE;",
        f"  DELETE FROM alembic_version WHERE version_num IN ({revisions});",  # noqa: S608  # to be read, not run
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
