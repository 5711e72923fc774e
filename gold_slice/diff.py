"""Print what the owner of a project changed in a part, compared with the part's release."""

import shutil
from argparse import Namespace

from .answers import HOST_ANSWERS, read_answers, read_modules
from .edits import as_released
from .git import try_git
from .host_lists import host_lists
from .list_literal import add_entries
from .project import Project
from .registration import host_edits, write_all
from .render import Part, files_in
from .report import RefusalError, Report


def diff(project: Project, options: Namespace, report: Report) -> None:
    """Put the difference into the report, as a patch."""
    modules, _problems = read_modules(project.folder)
    module = next((each for each in modules if options.part in (each.name, each.label)), None)
    if module is None and options.part != "host":
        raise RefusalError(f"There is no module {options.part[:60]}. Name one of this project, or host.")
    part = Part(module, read_answers(project.folder / (module.answers_file if module else HOST_ANSWERS)))
    released = as_released(part)
    with project.scratch() as scratch:
        before, after = scratch / "a", scratch / "b"
        shutil.copytree(released, before, symlinks=True)
        if module is None:
            write_all(before, host_edits(before, host_lists(), modules, add_entries)[0])
        for path in files_in(before):
            if (project.folder / path).is_file():
                (after / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project.folder / path, after / path, follow_symlinks=False)
        after.mkdir(exist_ok=True)
        done = try_git(scratch, "diff", "--no-index", "--no-color", "--no-prefix", "a", "b")
    report.patch = done.stdout
    report.headline = "" if done.stdout else f"{part.name} is as {part.release} made it."
