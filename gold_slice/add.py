"""Add a module to a project: its files, its tests, its migrations, and its entries in the host's lists."""

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from . import pending
from .address import lasting_address
from .answers import HOST_ANSWERS, Module, origin_of, read_answers, read_modules
from .checks import shape_findings
from .git import lines, try_git
from .host_lists import host_lists
from .list_literal import add_entries
from .names import collision_problems, name_problems
from .project import Project
from .registration import host_edits
from .releases import latest
from .render import Part, files_in, render
from .report import Change, Kind, RefusalError, Report
from .template import Release, Template, open_template
from .trust import check_trust


def add(project: Project, options: Namespace, report: Report) -> None:
    """Add the module, or say what would be added."""
    module = Module(options.domain, options.module)
    known, problems = read_modules(project.folder)
    problems += name_problems(domain=module.domain, module=module.name)
    problems += [] if problems else collision_problems(project.folder, known=known, wanted=module)
    edits, broken = host_edits(project.folder, host_lists(), known if problems else [*known, module], add_entries)
    if problems := [*problems, *broken]:
        raise RefusalError(*problems)
    template, release = release_named(options.source) if options.source else release_of_host(project)
    answers = {"scope": "module", "domain": module.domain, "module": module.name}
    folder = render(Part(module, answers), template, release, answers)
    paths = files_in(folder)
    if problems := [*_unfit(template, folder, module), *_ignored(project, paths)]:
        raise RefusalError(*problems)
    report.changes = [Change(module.label, Kind.ADDED, path) for path in paths]
    report.changes += [Change("host", Kind.UPDATED, path) for path in edits]
    if not options.preview:
        writes: dict[str, Path | bytes] = {path: folder / path for path in paths}
        pending.apply(project, what=f"add {module.domain} {module.name}", writes=writes | edits, deletes=[])
    report.headline = f"The module {module.label} {'would be' if options.preview else 'is'} in place and registered."
    page = "docs" if options.source else f"{module.name}/modules"
    report.next_steps = [
        "uv run alembic upgrade heads      create its schemas; scripts/dev.py does it when it starts",
        "uv run pytest                     test it with all the others",
        f"uv run python scripts/dev.py      run it, on http://127.0.0.1:8000/{page}",
        f"git add -A && git commit -m 'Add {module.label}'      so that updates can reach it",
        f"uv run python scripts/remove_module.py {module.name}      undo it",
    ]


def release_named(source: str) -> tuple[Template, Release]:
    """Return the release that `ADDRESS@TAG` names, or the latest of an address; the address must be trusted.

    Raises:
        RefusalError: There is no such release, or the user does not trust the address.
    """
    address, at, tag = source.rpartition("@")
    if not at or "/" in tag or ":" in tag:  # git@server:path has no tag
        address, tag = source, ""
    address = lasting_address(address)
    check_trust(address)
    template = open_template(address, needs=tag or None)
    return template, template.get(tag or latest(template.tags()))


def release_of_host(project: Project) -> tuple[Template, Release]:
    """Return the release of the template that the host has.

    Raises:
        RefusalError: The host's answers file names none.
    """
    try:
        origin = origin_of(read_answers(project.folder / HOST_ANSWERS))
    except ValueError as wrong:
        raise RefusalError(f"{HOST_ANSWERS}: {wrong}. Fix: restore the file from git.") from None
    if origin is None:
        raise RefusalError(
            f"{HOST_ANSWERS} names no release of the template (_src_path and _commit), as after a copy from files that "
            "are not committed. Put in the address of the template's git repository and one of its tags."
        )
    template = open_template(origin[0], needs=origin[1])
    return template, template.get(origin[1])


def _unfit(template: Template, folder: Path, module: Module) -> list[str]:
    """Return a sentence for everything that keeps another template's files from being a module."""
    outside = [path for path in files_in(folder) if not module.owns(path)]
    findings = [] if outside else shape_findings(folder, module)
    imported = [f"src/backend/{module.name}/{file}" for file in ("models.py", "mem0_models.py")]
    missing = [path for path in imported if not outside and not (folder / path).is_file()]
    return [
        *(f"{template.address} does not render {path}, which the host imports." for path in missing),
        *(f"{template.address} also renders {path}, which is outside of a module's folders." for path in outside),
        *(f"{template.address} renders {each.place}, in which {each.what}." for each in findings),
    ]


def _ignored(project: Project, paths: Iterable[str]) -> list[str]:
    """Return a sentence for each rule of .gitignore that matches a file of the module, which git would then omit."""
    if not project.is_under_git:
        return []
    done = try_git(project.folder, "check-ignore", "--no-index", "-v", "-z", "--stdin", stdin="\0".join(paths))
    fields = lines(done.stdout)
    rules = {tuple(fields[start : start + 3]): fields[start + 3] for start in range(0, len(fields), 4)}
    return [
        f"{path} would be ignored by git: {source}:{line} is {pattern!r}. Change that rule, or take another name."
        for (source, line, pattern), path in rules.items()
        if not pattern.startswith("!")
    ]
