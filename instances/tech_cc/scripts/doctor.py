#!/usr/bin/env -S uv run --quiet python
"""Examine this project: do its answers files, modules, host files, migrations and routes fit together?

    uv run python scripts/doctor.py
    uv run python scripts/doctor.py --fix       mend what can be mended safely; --preview says what that would be

Each finding has a code, a place and a way to mend it. Exit status: 0 nothing found, or all of it mended; 1 something is
left; 2 wrong usage.
"""

import sys
from argparse import Namespace

import lifecycle.installed  # noqa: F401  # first, for it says what is missing
from lifecycle import proposal
from lifecycle.answers import read_modules
from lifecycle.checks import examine
from lifecycle.command import parser, run
from lifecycle.journal import Write, land, recover
from lifecycle.project import Project
from lifecycle.report import Change, Kind, RefusalError, Report, Status, say


def main(arguments: list[str]) -> int:
    """Run the command and return the exit status."""
    options = parser(__doc__, preview="--preview")
    options.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    return run("doctor", options.parse_args(arguments), consult, finishes=False)


def consult(project: Project, options: Namespace, report: Report) -> None:
    """Examine, mend if asked to, and say what is left."""
    if options.fix and not options.preview:
        if what := recover(project):
            say(f"`{what}` had been interrupted, and is done now")
        proposal.sweep(project)
    findings = examine(project)
    if options.fix and any(finding.code == "GS302" for finding in findings):
        writes = _registrations(project)
        report.changes = [Change("host", Kind.UPDATED, write.path) for write in writes]
        if not options.preview:
            land(project, what="doctor --fix", writes=writes)
            findings = examine(project)
    report.findings = findings
    report.status = Status.REFUSED if findings else Status.DONE
    report.headline = f"{len(findings)} finding(s)." if findings else "All fits together."


def _registrations(project: Project) -> list[Write]:
    """Return the host files with all modules in them."""
    from lifecycle.host import plan, sync  # noqa: PLC0415  # libcst takes its time: only once there is work for it

    modules, problems = read_modules(project.folder)
    edits, broken = plan(project.folder, modules, sync)
    if problems or broken:
        raise RefusalError(*problems, *broken)
    return [Write(edit.path, edit.contents, before=edit.before) for edit in edits]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
