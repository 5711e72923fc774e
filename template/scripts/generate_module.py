#!/usr/bin/env -S uv run --quiet python
"""Add a module to this project: its files, its tests, its migrations, and its entries in the host.

    uv run python scripts/generate_module.py tech pem

The module comes from the release of the template that the host has, and is registered in the three host files. Nothing
is changed unless all can be. Exit status: 0 done; 1 refused or failed, and nothing changed; 2 wrong usage.
"""

import sys
from argparse import Namespace
from pathlib import Path

import lifecycle.installed  # noqa: F401  # first, for it says what is missing
from lifecycle.answers import Module, origin_of, read_answers, read_modules
from lifecycle.command import changes, parser, run
from lifecycle.journal import Write, land
from lifecycle.names import collision_problems, name_problems
from lifecycle.project import HOST_ANSWERS, Project
from lifecycle.render import Job, rendering
from lifecycle.report import Kind, RefusalError, Report
from lifecycle.source import open_source


def main(arguments: list[str]) -> int:
    """Run the command and return the exit status."""
    options = parser(__doc__, preview="--preview")
    options.add_argument("domain", help="the first half of the module's label, as tech in tech_pem")
    options.add_argument("module", help="names the package, the PostgreSQL schema and the routes, as pem")
    return run("generate_module", options.parse_args(arguments), generate)


def generate(project: Project, options: Namespace, report: Report) -> None:
    """Add the module, or say what would be added."""
    module = Module(options.domain, options.module)
    known, problems = read_modules(project.folder)
    problems += name_problems(project.folder, domain=module.domain, module=module.name)
    problems += [] if problems else collision_problems(project.folder, known=known, wanted=module)
    if problems:
        raise RefusalError(*problems, *_registered(project, known)[1])
    with project.scratch() as scratch:
        job = _job(project, module, destination=scratch / "rendered")
        with rendering([job]) as under_way:
            edits, broken = _registered(project, [*known, module])
            if broken:
                raise RefusalError(*broken)
            [paths] = under_way.paths()
        writes = [*(Write(path, Path(job.destination, path).read_bytes(), before=None) for path in paths), *edits]
    report.changes = changes(writes, of=module, kind=Kind.ADDED)
    if not options.preview:
        land(project, what=f"generate_module {module.domain} {module.name}", writes=writes)
    report.headline = f"The module {module.label} {'would be' if options.preview else 'is'} in place and registered."
    report.next_steps = [
        "uv run alembic upgrade heads      create its schemas",
        "uv run pytest                     test it with all the others",
        f"uv run python scripts/dev.py      run it, on http://127.0.0.1:8000/{module.name}/modules",
        f"git add -A && git commit -m 'Add {module.label}'      so that updates can reach it",
        f"uv run python scripts/remove_module.py {module.name}      undo it",
    ]


def _job(project: Project, module: Module, *, destination: Path) -> Job:
    """Return how to render the module from the host's release of the template."""
    try:
        origin = origin_of(read_answers(project.folder / HOST_ANSWERS))
    except ValueError as wrong:
        raise RefusalError(f"{HOST_ANSWERS}: {wrong}. Fix: restore the file from git.") from None
    if origin is None:
        raise RefusalError(
            f"{HOST_ANSWERS} names no release of the template (_src_path and _commit), as after a copy out of a plain "
            "folder. Put in the address of the template's git repository and a tag of it."
        )
    address, release = origin
    source = open_source(project, address, needs=release)
    return Job(
        release_folder=str(source.folder(source.get(release))),
        destination=str(destination),
        answers={"scope": "module", "domain": module.domain, "module": module.name},
        answers_file=module.answers_file,
        release=release,
        address=address,
    )


def _registered(project: Project, modules: list[Module]) -> tuple[list[Write], list[str]]:
    """Return the host files with all modules in them, and a sentence for each that cannot be edited."""
    from lifecycle.host import plan, sync  # noqa: PLC0415  # libcst takes its time, and Copier works meanwhile

    edits, broken = plan(project.folder, modules, sync)
    return [Write(edit.path, edit.contents, before=edit.before) for edit in edits], broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
