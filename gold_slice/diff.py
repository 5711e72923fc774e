"""Print what the owner of a project changed in a part, or what a later release changes in it."""

import shutil
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from .answers import HOST_ANSWERS, Module, read_answers, read_modules
from .edits import as_released
from .git import lines, try_git
from .host_lists import HostList, host_lists
from .list_literal import add_entries
from .project import Project
from .registration import host_edits, write_all
from .releases import latest
from .render import Part, files_in
from .report import RefusalError, Report
from .target import find_target
from .template import open_template


def diff(project: Project, options: Namespace, report: Report) -> None:
    """Put the difference into the report, as a patch."""
    modules, _problems = read_modules(project.folder)
    module = next((each for each in modules if options.part in (each.name, each.label)), None)
    if module is None and options.part != "host":
        raise RefusalError(f"There is no module {options.part[:60]}. Name one of this project, or host.")
    part = Part(module, read_answers(project.folder / (module.answers_file if module else HOST_ANSWERS)))
    registered = [] if module else modules
    with project.scratch() as scratch:
        _copy(as_released(part), scratch / "mine/a", host_lists(), registered)
        _copy_what_is_there(project, scratch / "mine/a", scratch / "mine/b")
        mine, changed = _patch(scratch / "mine")
        if not options.upstream:
            report.patch = mine
            report.headline = "" if mine else f"{part.name} has no changes of yours since {part.release}."
            return
        target = find_target(part.address, options.to or latest(open_template(part.address, needs=None).tags()))
        step = target.step(part, {}, asks=False)
        for name, render in (("a", step.base), ("b", step.new)):
            _copy(render.folder, scratch / "theirs" / name, render.lists, registered)
        theirs, changed_by_them = _patch(scratch / "theirs")
    release = target.release.name
    both = [f"# {path} is changed by you and by {release}\n" for path in sorted(changed & changed_by_them)]
    report.patch = "".join(both) + theirs
    report.headline = "" if theirs else f"{release} changes nothing in {part.name}."


def _copy(folder: Path, copy: Path, lists: Sequence[HostList], modules: Sequence[Module]) -> None:
    """Copy a part as a release makes it, with the modules in the host's lists."""
    shutil.copytree(folder, copy, symlinks=True)
    if modules:
        write_all(copy, host_edits(copy, lists, modules, add_entries)[0])


def _copy_what_is_there(project: Project, released: Path, copy: Path) -> None:
    """Copy those files of the part's release that the project has, as it has them."""
    copy.mkdir()
    for path in files_in(released):
        if (project.folder / path).is_file():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project.folder / path, copy / path, follow_symlinks=False)


def _patch(folder: Path) -> tuple[str, set[str]]:
    """Return a patch from the folder `a` in a folder to `b`, and the files that differ."""
    options = ("diff", "--no-index", "--no-color", "--no-prefix")
    names = lines(try_git(folder, *options, "--no-renames", "-z", "--name-only", "a", "b").stdout)
    return try_git(folder, *options, "a", "b").stdout, {name.partition("/")[2] for name in names}
