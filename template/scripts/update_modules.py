#!/usr/bin/env -S uv run --quiet python
"""Carry a release of the template into this project: into its host and its modules, keeping what you changed.

    uv run python scripts/update_modules.py                 everything, to the latest release
    uv run python scripts/update_modules.py pem --to v1.2.0
    uv run python scripts/update_modules.py --preview       name every file, and change nothing

It lands as one commit on your branch, or not at all. Where git cannot merge, nothing lands: the update waits in
.dev/update for you to settle it, then --continue lands it, or --abandon drops it. Exit status: 0 done; 1 refused or
failed, and nothing changed; 2 wrong usage; 3 a conflict that needs a person, and nothing changed yet.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence

import lifecycle.installed  # noqa: F401  # first, for it says what is missing
from lifecycle import proposal
from lifecycle.answers import Module, origin_of, read_answers, read_modules
from lifecycle.command import parser, run
from lifecycle.commits import check_way, land_tree
from lifecycle.git import git, run_git
from lifecycle.objects import index_lines, write_tree
from lifecycle.parts import Outcome, Part, Target, renders_of
from lifecycle.project import HOST_ANSWERS, Project
from lifecycle.releases import NOTES_FILE, age, base_version, latest, read_notes
from lifecycle.report import Kind, RefusalError, Report, Status
from lifecycle.source import open_source

FINISH = "uv run python scripts/update_modules.py --continue"
NAMED = 5  # so many parts a message names, and no more
ABANDON = "uv run python scripts/update_modules.py --abandon"


def main(arguments: list[str]) -> int:
    """Run the command and return the exit status."""
    options = parser(__doc__, preview="--preview")
    options.add_argument("parts", nargs="*", metavar="MODULE", help="its name, or host (default: host and all modules)")
    options.add_argument("--to", metavar="TAG", help="the release (default: the latest)")
    which = options.add_mutually_exclusive_group()
    which.add_argument("--continue", dest="goes_on", action="store_true", help="land the update that you settled")
    which.add_argument("--abandon", action="store_true", help="drop the update that waits for you")
    given = options.parse_args(arguments)
    if (given.goes_on or given.abandon) and (given.parts or given.to or given.preview):
        options.error("--continue and --abandon go alone")
    return run("update_modules", given, update)


def update(project: Project, options: Namespace, report: Report) -> None:
    """Start an update, or finish the one that waits."""
    if not project.is_under_git or run_git(project.folder, "rev-parse", "--verify", "-q", "HEAD")[0] != 0:
        raise RefusalError(
            "An update keeps what git knows. Commit the project first: git init && git add -A && git commit."
        )
    waiting = proposal.waiting(project)
    if options.goes_on or options.abandon:
        if waiting is None:
            raise RefusalError(_nothing_waits(project))
        _abandon(project, report) if options.abandon else _finish(project, waiting, report)
    elif waiting and not options.preview:
        raise RefusalError(
            f"An update to {waiting.release} waits in {proposal.FOLDER}. Finish it ({FINISH}), or drop it ({ABANDON})."
        )
    else:
        _start(project, options, report)


def _nothing_waits(project: Project) -> str:
    outer, inside, _ = f"{project.folder}/".partition(f"/{proposal.FOLDER}/")
    if inside:
        return f"You are in the update itself. Say it in the project, or for it: cd {outer}"
    return "No update waits here. Start one: uv run python scripts/update_modules.py"


def _start(project: Project, options: Namespace, report: Report) -> None:
    modules, problems = read_modules(project.folder)
    parts, unfit = _parts(project, modules, options.parts)
    if problems := [*problems, *unfit]:
        raise RefusalError(*problems)
    target = _target(project, parts, options.to)
    late = [part for part in parts if part.release != target.release.name]
    _refuse_downgrade(late, target)
    if not late:
        report.headline = f"Everything is at {target.release.name} already."
        return
    outcome, tree = _work_out(project, modules, late, target)
    report.changes = outcome.changes
    report.before_deploy = _before_deploy(project, late, target)
    report.problems = _dropped(outcome)
    message = _message(late, target)
    if outcome.conflicts:
        check_way(project, tree)  # before a person is asked to settle what could not land
        unsettled = [f"{project.prefix}{conflict.path}" for conflict in outcome.conflicts]
        head = git(project.top, "rev-parse", "HEAD").strip()
        waits = proposal.Proposal(head, target.release.name, message, unsettled, report.before_deploy)
        _ask_a_person(project, waits, outcome, tree, report)
    else:
        _land(project, tree, message, report)


def _work_out(project: Project, modules: Sequence[Module], late: Sequence[Part], target: Target) -> tuple[Outcome, str]:
    """Return what the parts become, and git's name of the whole work tree with that in it."""
    with project.scratch() as scratch, renders_of(project, late, target, scratch) as renders:
        from lifecycle.update import Update  # noqa: PLC0415  # libcst takes as long to import as Copier to render

        outcome = Update(project, modules, target, scratch).work_out(late, renders())
        lines = index_lines(outcome.files, prefix=project.prefix)
        return outcome, write_tree(project.top, lines, scratch=scratch, onto="HEAD", under=project.prefix)


def _land(project: Project, tree: str, message: str, report: Report) -> None:
    undo = land_tree(project, tree, message=message, is_preview=report.is_preview)
    report.headline = f"{message.replace('Update', 'Would update' if report.is_preview else 'Updated', 1)}."
    report.next_steps = [
        "uv sync                           dependencies may have changed",
        "uv run alembic upgrade heads      and so may tables",
        "uv run pytest",
        f"{undo}      undo it all",
    ]


def _ask_a_person(project: Project, waits: proposal.Proposal, outcome: Outcome, tree: str, report: Report) -> None:
    report.status = Status.CONFLICT
    report.headline = f"{len(waits.unsettled)} file(s) were changed in the same places by you and by the template."
    if report.is_preview:
        report.next_steps = [f"the update itself, which lays these files out for you in {proposal.FOLDER}"]
        return
    proposal.lay_out(project, waits, tree=tree, conflicts=outcome.conflicts)
    report.next_steps = [
        *(f"settle {proposal.FOLDER}/{path}" for path in waits.unsettled),
        f"{FINISH}     lands the update",
        f"{ABANDON}      drops it",
    ]


def _finish(project: Project, waits: proposal.Proposal, report: Report) -> None:
    report.before_deploy = waits.before_deploy
    _land(project, proposal.settled_tree(project, waits), waits.message, report)
    proposal.drop(project)


def _abandon(project: Project, report: Report) -> None:
    proposal.drop(project)
    report.headline = "The update is dropped; your project is as it was."


def _parts(project: Project, modules: Sequence[Module], names: Sequence[str]) -> tuple[list[Part], list[str]]:
    """Return the parts of those names, or all, and a sentence for each that cannot be updated."""
    known: dict[str, Module | None] = {"host": None} | {
        name: module for module in modules for name in (module.name, module.label)
    }
    problems = [
        f"There is no module {name[:60]}. There is {', '.join(each.label for each in modules)}."
        for name in names
        if name not in known
    ]
    chosen = [known[name] for name in names if name in known] if names else [None, *modules]
    parts = []
    for module in dict.fromkeys(chosen):
        answers_file = module.answers_file if module else HOST_ANSWERS
        try:
            part = Part(module, read_answers(project.folder / answers_file))
        except ValueError as wrong:
            problems.append(f"{answers_file}: {wrong}. Fix: restore the file from git.")
            continue
        problems += _unfit(project, part)
        parts.append(part)
    return parts, problems


def _unfit(project: Project, part: Part) -> list[str]:
    if origin_of(part.answers) is None:
        fault = f"{part.answers_file} names no release of the template (_src_path and _commit)."
        return [f"{fault} Put in the address of its git repository, and a tag."]
    if git(project.folder, "status", "--porcelain", "--", part.answers_file):
        fault = f"{part.name} is not committed: {part.answers_file} is new or changed."
        return [f"{fault} Commit it first: git add -A && git commit."]
    return []


def _target(project: Project, parts: Sequence[Part], reference: str | None) -> Target:
    """Return the release that was asked for, or the latest."""
    addresses = {str(part.answers["_src_path"]) for part in parts}
    if len(addresses) > 1:
        raise RefusalError(
            f"The answers files name several templates: {', '.join(sorted(addresses))}. Make _src_path one in all."
        )
    source = open_source(project, addresses.pop(), needs=reference)
    release = source.get(reference or latest(source.tags()))
    return Target(source, release, read_notes(source.read(release, NOTES_FILE)))


def _refuse_downgrade(parts: Sequence[Part], target: Target) -> None:
    newest = base_version(target.release.name)
    later = [part for part in parts if newest and (has := base_version(part.release)) and has > newest]
    if later:
        raise RefusalError(
            *(
                f"{part.name} is at {part.release}, which is later than {target.release.name}. Name a later --to."
                for part in later
            )
        )


def _message(parts: Sequence[Part], target: Target) -> str:
    names = ", ".join(part.name for part in parts) if len(parts) <= NAMED else f"{len(parts)} parts"
    return f"Update {names} to gold slice {target.release.name}"


def _dropped(outcome: Outcome) -> list[str]:
    paths = [change.path for change in outcome.changes if change.kind == Kind.DROPPED]
    return [
        f"{path}: the template has dropped this file; yours is kept. Remove it if it is of no more use."
        for path in paths
    ]


def _before_deploy(project: Project, parts: Sequence[Part], target: Target) -> list[str]:
    """Return what the releases on the way ask of whoever deploys."""
    oldest = min(parts, key=lambda part: age(part.release))
    environment = (project.folder / ".env").read_text(errors="replace") if (project.folder / ".env").is_file() else ""
    lines = []
    for tag, notes in target.notes(oldest).items():
        lines += [
            f"{tag}: {key}: {meaning}{' (your .env sets it)' if f'{key}=' in environment else ''}"
            for key, meaning in notes.environment.items()
        ]
        lines += [f"{tag}: {line}" for line in (*notes.changed, *notes.steps)]
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
