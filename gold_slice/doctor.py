"""Examine a project, and correct what can be corrected safely."""

from argparse import Namespace

from . import pending
from .answers import read_modules
from .behind import releases_of
from .checks import examine
from .host_lists import host_lists
from .list_literal import add_entries
from .project import Project
from .registration import host_edits
from .report import Change, Kind, RefusalError, Report, Status


def doctor(project: Project, options: Namespace, report: Report) -> None:
    """Examine, correct if asked to, and report what is left."""
    if options.fix and not options.preview:
        pending.complete_interrupted(project)
    findings = examine(project)
    if options.fix and any(finding.code == "GS302" for finding in findings):
        edits = _registrations(project)
        report.changes = [Change("host", Kind.UPDATED, path) for path in edits]
        if not options.preview:
            pending.apply(project, what="doctor --fix", writes=dict(edits), deletes=[])
            findings = examine(project)
    report.findings = findings
    report.releases = releases_of(project, asks=options.fetch)
    report.status = Status.REFUSED if findings else Status.DONE
    report.headline = f"{len(findings)} finding(s)." if findings else "No findings."


def _registrations(project: Project) -> dict[str, bytes]:
    """Return the host files with all modules in their lists."""
    modules, problems = read_modules(project.folder)
    edits, broken = host_edits(project.folder, host_lists(), modules, add_entries)
    if problems or broken:
        raise RefusalError(*problems, *broken)
    return edits
