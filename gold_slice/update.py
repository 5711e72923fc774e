"""Carry a release into the host and the modules of a project, keeping what its owner changed."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from . import pending, waiting
from .answers import HOST_ANSWERS, Module, origin_of, read_answers, read_modules
from .checks import examine
from .git import git, try_git
from .list_literal import add_entries
from .merge import Picked, Sides, Step, WorkTree, as_released, changes_between, hide
from .own_code import migrate_code, remember
from .project import UPDATE_FOLDER, Project, project_at, unfinished_git_operation
from .registration import host_edits
from .render import Part
from .report import Finding, RefusalError, Report, Status, progress
from .target import find_targets, lists_of_host, read_settings
from .template import open_template
from .waiting import COMMAND, Waiting

NAMED = 5  # parts that a commit message names; of more it gives the number
NOT_THE_UPDATES = {"GS102", "GS203"}  # findings that an update of some parts brings by itself


def update(project: Project, options: Namespace, report: Report) -> None:
    """Start an update, or finish the one that waits."""
    if not project.is_under_git or try_git(project.folder, "rev-parse", "--verify", "-q", "HEAD").returncode != 0:
        fault = "An update keeps what git has committed."
        raise RefusalError(f"{fault} Commit the project first: git init && git add -A && git commit.")
    waits = waiting.waiting_update(project)
    if options.go_on or options.abandon:
        if waits is None:
            raise RefusalError(_nothing_waits(project))
        if options.abandon:
            waiting.forget(project)
            report.headline = "The update is dropped; your project is as it was."
        else:
            _go_on(project, waits, options, report)
    elif waits and not options.preview:
        raise RefusalError(
            f"An update to {waits.release} waits in {UPDATE_FOLDER}. "
            f"Finish it ({COMMAND} --continue), or drop it ({COMMAND} --abandon)."
        )
    else:
        _start(project, options, report)


def _start(project: Project, options: Namespace, report: Report) -> None:
    modules, problems = read_modules(project.folder)
    parts, unfit = _parts(project, modules, options.parts)
    settings, wrong = read_settings(options.settings)
    if problems := [*problems, *unfit, *wrong, *_git_problems(project, options)]:
        raise RefusalError(*problems)
    home, targets = find_targets(project.folder, parts, options.to, settings)
    late = [part for part in parts if targets[part.address].is_new_for(part, settings)]
    for address, target in targets.items():
        target.refuse_downgrade(part for part in late if part.address == address)
    names = " and ".join(dict.fromkeys(targets[part.address].release.name for part in late or parts))
    if not late:
        report.headline = f"Everything is at {names} already."
        return
    if options.check:
        report.status = Status.PENDING
        report.headline = f"{names} is there; update to it: {COMMAND}"
        report.releases = [f"{part.name} is at {part.release}" for part in late]
        return
    lists = lists_of_host(home.template, project.folder)
    if broken := host_edits(project.folder, lists, modules, add_entries)[1]:
        raise RefusalError(*broken)
    asks = sys.stdin.isatty() and not (options.preview or options.as_json or options.defaults)
    steps = []
    for part in late:
        target = targets[part.address]
        progress(f"rendering {part.name} at {part.release} and at {target.release.name}")
        steps.append(target.step(part, settings, asks=asks))
    for address, target in targets.items():
        report.before_deploy += target.before_deploy(project, [each for each in steps if each.part.address == address])
    waits = Waiting(
        head=git(project.top, "rev-parse", "HEAD").strip(),
        release=names,
        commit=home.release.commit,
        reference=home.reference,
        address=home.template.address,
        message=_message(late, names),
        parts={part.answers_file: (part.release, targets[part.address].release.name) for part in late},
        is_staged_only=options.no_commit,
        before_deploy=report.before_deploy,
        known_findings=[_key(each) for each in examine(project)],
    )
    hide(project)
    with project.scratch() as scratch:
        folder = scratch / "tree" if options.preview else project.folder / UPDATE_FOLDER
        run = Run(project, modules, waits, options, report, WorkTree.create(project, folder))
        try:
            run.merge(steps)
        finally:
            if options.preview or report.status != Status.CONFLICT:
                run.tree.remove()


@dataclass(frozen=True, slots=True)
class Run:
    """An update on its way: the parts are merged in the work tree, examined, committed, and landed."""

    project: Project
    modules: Sequence[Module]
    waits: Waiting
    options: Namespace
    report: Report
    tree: WorkTree

    def merge(self, steps: Sequence[Step]) -> None:
        """Merge all parts, and land the result; where a person must look, the update waits."""
        sides: dict[Module | None, Sides] = {}
        commits = []
        for step in steps:
            progress(f"merging {step.part.name}")
            base, picks = self.tree.commits_of(step, self.modules, title=f"gold slice {self.waits.release}")
            sides[step.part.module] = self.tree.tree(base), self.tree.tree(picks[-1])
            commits += picks
            self.waits.released.setdefault(step.part.address, {}).update(as_released(step, sides[step.part.module][1]))
        picked = self.tree.pick(commits, keep_both=True)  # the report names every file, also after a conflict
        before, after, conflicts = self.tree.tree(self.waits.head), self.tree.tree(self.tree.head()), list[str]()
        if picked.conflicts and not self.options.preview:
            migrate_code(self.tree, self.waits, self.modules, picked.conflicts, self.report)  # only to be told
            after = self.tree.tree(self.tree.git("write-tree").strip())
            self.tree.git("reset", "--quiet", "--hard", self.waits.head)
            conflicts = self.tree.pick(commits).conflicts
            picked = picked if conflicts else Picked()  # git remembers how a person settled them (rerere)
        self.report.problems += waiting.dropped(picked)
        commit = None
        if conflicts:
            waiting.wait(self.project, self.waits, self.report, conflicts=conflicts)
        elif commit := self.finish(picked.conflicts):
            after = self.tree.tree(commit)
        picked.migrated = self.report.reasons
        self.report.changes = changes_between(before, after, sides=sides, modules=self.modules, picked=picked)
        if self.options.preview:
            self._describe_preview(picked)
        elif commit:
            self.land(commit)

    def finish(self, conflicts: Sequence[str] = ()) -> str | None:
        """Fill the host's lists, examine the result, and return it as one commit; None if it waits for a person.

        Files in conflict, which only a preview brings here, keep the result from being examined.
        """
        is_examined = not conflicts
        modules, problems = read_modules(self.tree.folder)
        lists = lists_of_host(open_template(self.waits.address, needs=self.waits.commit), self.tree.folder)
        lost = self.tree.fill_lists(lists, modules)
        problems += lost if is_examined else []  # conflict markers keep a list from being filled
        migrate_code(self.tree, self.waits, modules, conflicts, self.report)
        self.report.findings = [
            each
            for each in (examine(project_at(self.tree.folder), lists) if is_examined else [])
            if _key(each) not in self.waits.known_findings and each.code not in NOT_THE_UPDATES
        ]
        self.report.problems += problems
        if (problems or self.report.findings) and not self.options.force:
            if not self.options.preview:
                self.tree.git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", self.waits.message)
                remember(self.tree, self.waits, self.report)
                waiting.wait(self.project, self.waits, self.report, conflicts=[])
                return None
            self.report.status = Status.CONFLICT
        self.tree.git("reset", "--quiet", "--soft", self.waits.head)
        if self.options.preview or self.waits.is_staged_only:
            self.tree.git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", self.waits.message)
        else:
            self._commit_as_the_user()
        return self.tree.head()

    def land(self, commit: str) -> None:
        """Bring the commit to the user's branch, or only to the index and the work tree."""
        self.report.headline = f"{self.waits.message.replace('Update', 'Updated', 1)}."
        pending.land(self.project, commit, is_staged_only=self.waits.is_staged_only)
        if self.waits.is_staged_only:
            first = [f"git diff --cached      review it; git commit -m '{self.waits.message}' keeps it"]
            undo = (
                f"git diff -z --name-only --no-renames --relative {commit[:12]} HEAD | "
                "git restore --source=HEAD --staged --worktree --pathspec-from-file=- --pathspec-file-nul"
            )
        else:
            first, undo = [], f"git reset --keep {self.waits.head[:12]}"
        self.report.next_steps = [
            *first,
            "uv sync                           dependencies may have changed",
            "uv run alembic upgrade heads      tables may have changed",
            "uv run pytest",
            f"{undo}      undo the update",
        ]

    def _commit_as_the_user(self) -> None:
        """Commit with the user's hooks, signature and name."""
        done = try_git(self.tree.top, "-c", "core.sparseCheckout=false", "commit", "--quiet", "-m", self.waits.message)
        if done.returncode != 0:
            raise RefusalError(
                f"git did not accept the commit of the update: {(done.stderr or done.stdout).strip()}. Correct that, "
                f"or take the update without a commit, and commit it yourself: {COMMAND} --no-commit"
            )

    def _describe_preview(self, picked: Picked) -> None:
        self.report.headline = f"{self.waits.message.replace('Update', 'Would update', 1)}."
        if picked.conflicts:
            self.report.status = Status.CONFLICT
            self.report.headline = waiting.in_the_same_places(picked.conflicts)
            self.report.next_steps = [f"{COMMAND}      start it; these files then wait for you in {UPDATE_FOLDER}"]
        if self.options.diff:
            form = ("--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/")
            self.report.patch = self.tree.git("diff", *form, self.waits.head, self.tree.head())


def _go_on(project: Project, waits: Waiting, options: Namespace, report: Report) -> None:
    """Finish an update that a person settled."""
    if problems := _git_problems(project, options):
        raise RefusalError(*problems)
    report.before_deploy = waits.before_deploy
    tree = waiting.settled(project, waits, report)
    if tree is None or not waiting.is_on_top_of_new_commits(project, tree, waits, report):
        return
    run = Run(project, read_modules(tree.folder)[0], waits, options, report, tree)
    if (commit := run.finish()) is None:
        return
    before, after = tree.tree(waits.head), tree.tree(commit)
    report.changes = changes_between(
        before, after, sides={}, modules=run.modules, picked=Picked(migrated=report.reasons)
    )
    run.land(commit)
    waiting.forget(project)


def _nothing_waits(project: Project) -> str:
    outer, inside, _ = f"{project.folder}/".partition(f"/{UPDATE_FOLDER}/")
    if inside:
        return f"You are in the work tree of the update. Run this in the project: cd {outer}"
    return f"No update waits here. Start one: {COMMAND}"


def _parts(project: Project, modules: Sequence[Module], names: Sequence[str]) -> tuple[list[Part], list[str]]:
    """Return the parts with those names, or all, and a sentence for each that cannot be updated."""
    known: dict[str, Module | None] = {"host": None} | {
        name: module for module in modules for name in (module.name, module.label)
    }
    problems = [
        f"There is no module {name[:60]}. There is {', '.join(each.label for each in modules) or 'none'}."
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
    home = f"src/backend/{part.module.name}" if part.module else "src"
    if not (project.folder / home).is_dir():
        return [f"{part.name} has no folder {home}. Restore it under that name, or remove the module."]
    return []


def _git_problems(project: Project, options: Namespace) -> list[str]:
    """Return what git itself would refuse later."""
    operation = unfinished_git_operation(project)
    problems = [f"A {operation} is in progress in this repository. Finish or abort it first."] if operation else []
    if options.preview:
        return problems
    if not options.no_commit and (told := try_git(project.top, "var", "GIT_COMMITTER_IDENT")).returncode != 0:
        reason = next((line for line in told.stderr.splitlines() if line.startswith("fatal:")), "no identity")
        problems.append(
            f"git does not know your name for the commit ({reason.removeprefix('fatal: ')}). "
            "Set it: git config user.name NAME && git config user.email ADDRESS"
        )
    return problems


def _message(parts: Sequence[Part], release: str) -> str:
    names = ", ".join(part.name for part in parts) if len(parts) <= NAMED else f"{len(parts)} parts"
    return f"Update {names} to gold slice {release}"


def _key(finding: Finding) -> str:
    return f"{finding.code} {finding.place.partition(':')[0]} {finding.what}"
