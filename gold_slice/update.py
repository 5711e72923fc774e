"""Carry a release into the host and the modules of a project, keeping what its owner changed."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import landing
from .answers import Module, origin_of, read_answers, read_modules
from .checks import examine
from .git import git, temporarily, try_git
from .host_lists import host_lists
from .merge import FOLDER, Picked, Render, Step, WorkTree, changes_between, hide
from .project import HOST_ANSWERS, Project, project_at, unfinished_git_operation
from .releases import NOTES_FILE, Notes, base_version, latest, notes_between, read_notes
from .render import Part, render
from .report import Finding, Kind, RefusalError, Report, Status, progress
from .template import Release, Template, open_template, own_release

COMMAND = "uv run python scripts/update_modules.py"
RELEASE_FILE = ".dev/update-release"  # a launcher reads which release's command finishes the update that waits
NAMED = 5  # parts that a commit message names; of more it gives the number
NOT_THE_UPDATES = {"GS102", "GS203"}  # findings that an update of some parts brings by itself


@dataclass(slots=True)
class Waiting:
    """An update that waits for a person: the commit it starts from, and what its end has to say and to check."""

    head: str
    release: str
    commit: str
    address: str
    message: str
    parts: list[str]
    is_staged_only: bool
    before_deploy: list[str] = field(default_factory=list)
    known_findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """The release to update to, with the notes of all releases."""

    template: Template
    release: Release
    notes: Mapping[str, Notes]
    questions: Mapping[str, Any]

    def notes_for(self, part: Part) -> dict[str, Notes]:
        """Return the notes of the releases between the part's and this one, oldest first."""
        return notes_between(self.notes, after=part.release, until=self.release.name)


def update(project: Project, options: Namespace, report: Report) -> None:
    """Start an update, or finish the one that waits."""
    if not project.is_under_git or try_git(project.folder, "rev-parse", "--verify", "-q", "HEAD").returncode != 0:
        raise RefusalError(
            "An update keeps what git has committed. Commit the project first: git init && git add -A && git commit."
        )
    waiting = waiting_update(project)
    if options.go_on or options.abandon:
        if waiting is None:
            raise RefusalError(_nothing_waits(project))
        _abandon(project, report) if options.abandon else _go_on(project, waiting, options, report)
    elif waiting and not options.preview:
        raise RefusalError(
            f"An update to {waiting.release} waits in {FOLDER}. "
            f"Finish it ({COMMAND} --continue), or drop it ({COMMAND} --abandon)."
        )
    else:
        _start(project, options, report)


def waiting_update(project: Project) -> Waiting | None:
    """Return the update that waits for a person, if there is one."""
    note = _note(project)
    return Waiting(**json.loads(note.read_text())) if note.exists() else None


def _start(project: Project, options: Namespace, report: Report) -> None:
    modules, problems = read_modules(project.folder)
    parts, unfit = _parts(project, modules, options.parts)
    settings, wrong = _settings(options.settings)
    if problems := [*problems, *unfit, *wrong, *_git_problems(project, options)]:
        raise RefusalError(*problems)
    target = _target(parts, options.to)
    late = [part for part in parts if part.release != target.release.name or _changes_answers(part, settings, target)]
    _refuse_downgrade(late, target)
    if not late:
        report.headline = f"Everything is at {target.release.name} already."
        return
    asks = sys.stdin.isatty() and not (options.preview or options.as_json or options.defaults)
    steps = [_step(part, target, settings, report, asks=asks) for part in late]
    report.before_deploy = [*report.before_deploy, *_before_deploy(project, late, target)]
    waiting = Waiting(
        head=git(project.top, "rev-parse", "HEAD").strip(),
        release=target.release.name,
        commit=target.release.commit,
        address=target.template.address,
        message=_message(late, target),
        parts=[part.answers_file for part in late],
        is_staged_only=options.no_commit,
        before_deploy=report.before_deploy,
        known_findings=[_key(each) for each in examine(project)],
    )
    _merge(project, modules, steps, waiting, options, report)


def _merge(
    project: Project, modules: Sequence[Module], steps: Sequence[Step], waiting: Waiting, options: Namespace,
    report: Report,
) -> None:  # fmt: skip
    hide(project)
    with project.scratch() as scratch:
        tree = WorkTree.create(project, scratch / "tree" if options.preview else project.folder / FOLDER)
        keeps = False
        try:
            sides, commits = [], []
            for step in steps:
                progress(f"merging {step.part.name}")
                base, picks = tree.commits_of(step, modules, title=f"gold slice {waiting.release}")
                sides.append((step.part, tree.tree(base), tree.tree(picks[-1])))
                commits += picks
            picked = tree.pick(commits, keep_both=True)  # so that the report names every file, after a conflict too
            before, merged = tree.tree(waiting.head), tree.tree(tree.head())
            if picked.conflicts and not options.preview:
                tree.git("reset", "--quiet", "--hard", waiting.head)
                if conflicts := tree.pick(commits).conflicts:
                    keeps = True
                    _wait_for_a_person(project, waiting, report, conflicts=conflicts)
                else:  # git remembered how a person settled them (rerere)
                    picked = Picked()
            commit = None if keeps else _finish(project, tree, waiting, options, report)
            keeps = keeps or report.status == Status.CONFLICT
            after = tree.tree(commit) if commit else merged
            report.changes = changes_between(before, after, sides=sides, modules=modules, picked=picked)
            report.problems += _dropped(picked)
            if options.preview:
                _describe_preview(tree, waiting, picked, options, report)
            elif commit:
                _land(project, waiting, commit, report)
        finally:
            if not keeps:
                tree.remove()


def _finish(project: Project, tree: WorkTree, waiting: Waiting, options: Namespace, report: Report) -> str | None:
    """Fill the lists of the host, examine the result, and return it as one commit; None if a person must look first."""
    modules, problems = read_modules(tree.folder)
    template = Template(waiting.address, open_template(waiting.address, needs=waiting.commit).repository)
    problems += tree.fill_lists(template.checkout(Release(waiting.release, waiting.commit)), modules)
    # Transforms of the user's own code that releases carry belong here: after the merge, before the examination.
    known = set(waiting.known_findings)
    found = [
        each
        for each in examine(project_at(tree.folder))
        if _key(each) not in known and each.code not in NOT_THE_UPDATES
    ]
    if (found or problems) and not options.force:
        report.findings = found
        report.problems += problems
        if not options.preview:
            temporarily(tree.top, "commit", "--quiet", "--allow-empty", "--no-verify", "-m", waiting.message)
            _wait_for_a_person(project, waiting, report, conflicts=[])
            return None
        report.status = Status.CONFLICT
    temporarily(tree.top, "reset", "--quiet", "--soft", waiting.head)
    if options.preview or waiting.is_staged_only:
        temporarily(tree.top, "commit", "--quiet", "--allow-empty", "--no-verify", "-m", waiting.message)
    else:
        done = try_git(tree.top, "-c", "core.sparseCheckout=false", "commit", "--quiet", "-m", waiting.message)
        if done.returncode != 0:
            raise RefusalError(
                f"git did not accept the commit of the update: {(done.stderr or done.stdout).strip()}. Correct that, "
                f"or take the update without a commit, and commit it yourself: {COMMAND} --no-commit"
            )
    return tree.head()


def _land(project: Project, waiting: Waiting, commit: str, report: Report) -> None:
    """Bring the commit to the user's branch."""
    old = waiting.head[:12]
    if waiting.is_staged_only:
        landing.stage(project, commit)
        report.headline = f"{waiting.message.replace('Update', 'Updated', 1)}, staged and not committed."
        first = [f"git diff --cached                 look at it; git commit -m '{waiting.message}' keeps it"]
        undo = f"git read-tree -m -u {commit[:12]} HEAD"
    else:
        landing.fast_forward(project, commit)
        report.headline = f"{waiting.message.replace('Update', 'Updated', 1)}."
        first, undo = [], f"git reset --keep {old}"
    report.next_steps = [
        *first,
        "uv sync                           dependencies may have changed",
        "uv run alembic upgrade heads      tables may have changed",
        "uv run pytest",
        f"{undo}      undo the update",
    ]


def _wait_for_a_person(project: Project, waiting: Waiting, report: Report, *, conflicts: Sequence[str]) -> None:
    """Leave the work tree as it is, and say how to go on."""
    note = _note(project)
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(waiting)))
    (project.folder / RELEASE_FILE).write_text(waiting.release)
    fresh.replace(note)
    report.status = Status.CONFLICT
    if conflicts:
        report.headline = f"{len(conflicts)} file(s) were changed in the same places by you and by the template."
        steps = [f"settle {FOLDER}/{project.prefix}{path}, then git add it there" for path in conflicts]
    else:
        report.headline = "The update is merged, but the result has findings. Nothing has landed."
        steps = [f"correct the findings in {FOLDER}, or add --force to land the update as it is"]
    report.next_steps = [
        *steps,
        f"{COMMAND} --continue     lands the update",
        f"{COMMAND} --abandon      drops it",
    ]


def _go_on(project: Project, waiting: Waiting, options: Namespace, report: Report) -> None:
    """Finish an update that a person settled."""
    tree = WorkTree(project, project.folder / FOLDER)
    if not (tree.top / ".git").exists():
        raise RefusalError(
            f"{FOLDER} is gone, with what was settled in it. Drop the update ({COMMAND} --abandon), and start it again."
        )
    if problems := _git_problems(project, options):
        raise RefusalError(*problems)
    landing.remove_stale_locks(tree.top)  # of an earlier --continue that was killed
    report.before_deploy = waiting.before_deploy
    picked = _settled(tree, report)
    if picked.conflicts:
        _wait_for_a_person(project, waiting, report, conflicts=picked.conflicts)
        return
    if skipped := [each for each in waiting.parts if _release_in(tree, each) != waiting.release]:
        raise RefusalError(
            f"{', '.join(skipped)} of {FOLDER} is not at {waiting.release}: the merge was aborted or skipped there. "
            f"Drop the update ({COMMAND} --abandon), and start it again."
        )
    before = tree.tree(waiting.head)
    commit = _finish(project, tree, waiting, options, report)
    if commit is None:
        return
    commit = _on_top_of_new_commits(project, tree, waiting, commit, report)
    if commit is None:
        return
    modules = read_modules(tree.folder)[0]
    report.changes = changes_between(before, tree.tree(commit), sides=[], modules=modules, picked=Picked())
    _land(project, waiting, commit, report)
    _forget(project)
    tree.remove()


def _settled(tree: WorkTree, report: Report) -> Picked:
    """Take what a person settled into commits, and pick what is left to pick."""
    open_ = []
    for path, stages in tree.unmerged().items():
        file = tree.top / path
        if {2, 3} <= stages and file.is_file() and b"\0" not in (text := file.read_bytes()) and b"<<<<<<< " not in text:
            tree.git("add", "--force", "--", path)
        else:
            open_.append(path)
    marked = [path for path in tree.git("diff", "--name-only", "HEAD").splitlines() if _has_markers(tree.top / path)]
    if open_ or marked:
        raise RefusalError(
            *(
                f"{FOLDER}/{path} still has a conflict. Settle it, then `git add` it there."
                for path in sorted({*open_, *marked})
            )
        )
    if tree.is_picking():
        if not tree.git("status", "--porcelain").strip():
            tree.git("commit", "--quiet", "--allow-empty", "--no-verify", "--no-edit")
        picked = tree.go_on() if tree.is_picking() else Picked()
        report.problems += _dropped(picked)
        return picked
    tree.git("add", "--all", "--", ".")
    return Picked()


def _has_markers(file: Path) -> bool:
    text = file.read_bytes() if file.is_file() else b""
    return any(line.startswith(b"<<<<<<< ") for line in text.splitlines())


def _on_top_of_new_commits(
    project: Project, tree: WorkTree, waiting: Waiting, commit: str, report: Report
) -> str | None:
    """Return the commit of the update on top of the commits made meanwhile; None if that has conflicts."""
    head = git(project.top, "rev-parse", "HEAD").strip()
    if head == waiting.head:
        return commit
    tree.git("checkout", "--quiet", "--detach", head)
    waiting.head = head
    picked = tree.pick([commit])
    if picked.conflicts:
        _wait_for_a_person(project, waiting, report, conflicts=picked.conflicts)
        return None
    return tree.head()


def _abandon(project: Project, report: Report) -> None:
    _forget(project)
    WorkTree(project, project.folder / FOLDER).remove()
    report.headline = "The update is dropped; your project is as it was."


def _describe_preview(tree: WorkTree, waiting: Waiting, picked: Picked, options: Namespace, report: Report) -> None:
    report.headline = f"{waiting.message.replace('Update', 'Would update', 1)}."
    if picked.conflicts:
        report.status = Status.CONFLICT
        report.headline = f"{len(picked.conflicts)} file(s) were changed in the same places by you and by the template."
        report.next_steps = [f"the update itself, which leaves these files for you in {FOLDER}"]
    if options.diff:
        report.patch = tree.git("diff", "--binary", "--no-ext-diff", "--no-color", waiting.head, tree.head())


def _forget(project: Project) -> None:
    _note(project).unlink(missing_ok=True)
    (project.folder / RELEASE_FILE).unlink(missing_ok=True)


def _note(project: Project) -> Path:
    return project.state / "update.json"


def _nothing_waits(project: Project) -> str:
    outer, inside, _ = f"{project.folder}/".partition(f"/{FOLDER}/")
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
    problems = []
    if operation := unfinished_git_operation(project):
        problems.append(f"A {operation} is in progress in this repository. Finish or abort it first.")
    if options.preview:
        return problems
    if not options.no_commit and (told := try_git(project.top, "var", "GIT_COMMITTER_IDENT")).returncode != 0:
        reason = next((line for line in told.stderr.splitlines() if line.startswith("fatal:")), "no identity")
        problems.append(
            f"git does not know your name for the commit ({reason.removeprefix('fatal: ')}). "
            "Set it: git config user.name NAME && git config user.email ADDRESS"
        )
    return problems


def _settings(pairs: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the answers of `--set question=answer`, and a sentence for each that is not one."""
    settings, problems = {}, []
    for pair in pairs:
        question, equals, answer = pair.partition("=")
        if not equals or question in ("scope", "domain", "module") or question.startswith("_"):
            problems.append(f"--set {pair}: write question=answer; scope, domain and module cannot be changed.")
        else:
            settings[question] = yaml.safe_load(answer)
    return settings, problems


def _target(parts: Sequence[Part], reference: str | None) -> Target:
    """Return the release that was asked for; else the release of this command, or the latest."""
    addresses = {str(part.answers["_src_path"]) for part in parts}
    if len(addresses) > 1:
        raise RefusalError(
            f"The answers files name several templates: {', '.join(sorted(addresses))}. Use one _src_path in all."
        )
    address = addresses.pop()
    own = own_release()
    if reference is None and own and own[0] == address:
        reference = own[1]
    template = open_template(address, needs=reference)
    release = template.get(reference or latest(template.tags()))
    questions = yaml.safe_load(template.read(release, "copier.yml") or "") or {}
    return Target(
        template,
        release,
        read_notes((template.read(release, NOTES_FILE) or "").encode()),
        {name: question for name, question in questions.items() if not name.startswith("_")},
    )


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


def _changes_answers(part: Part, settings: Mapping[str, Any], target: Target) -> bool:
    if unknown := [name for name in settings if name not in target.questions]:
        raise RefusalError(f"{target.release.name} asks no question {unknown[0]}; see copier.yml of the template.")
    return any(name in part.answers and part.answers[name] != value for name, value in settings.items())


def _step(part: Part, target: Target, settings: Mapping[str, Any], report: Report, *, asks: bool) -> Step:
    """Render a part as it came and as the target makes it."""
    progress(f"rendering {part.name} at {part.release} and at {target.release.name}")
    template = target.template
    old = template.find(part.release)
    if old is None:
        raise RefusalError(
            f"{part.answers_file}: the template at {template.address} has no release {part.release}, from which "
            f"{part.name} came. Put the release that {part.name} is most like as _commit."
        )
    answers = _renamed(part, target) | dict(settings)
    base = Render(render(part, template, old, part.answers), host_lists_of(template, old))
    folder = render(part, template, target.release, answers, ask=asks and bool(_new(part, target, answers)))
    given = read_answers(folder / part.answers_file)
    for question in sorted(given.keys() - answers.keys()):
        report.before_deploy.append(
            f"{target.release.name} asks a new question, {question}; the answer is {given[question]!r} for {part.name}. "
            f"Another one: {COMMAND} --set {question}=…"
        )
    new = Render(folder, host_lists_of(template, target.release))
    return Step(part, base, new, _renames(part, target))


def host_lists_of(template: Template, release: Release) -> Sequence[Any]:
    """Return the lists of modules of a release."""
    return host_lists(template.checkout(release))


def _new(part: Part, target: Target, answers: Mapping[str, Any]) -> list[str]:
    """Return the questions that the part has no answer to."""
    scope = "module" if part.module else "project"
    asked = [name for name, question in target.questions.items() if question.get("when", True) is not False]
    return [name for name in asked if name not in answers and scope in str(target.questions[name].get("when", scope))]


def _renamed(part: Part, target: Target) -> dict[str, Any]:
    """Return the part's answers under the names that the questions have in the target."""
    answers = dict(part.answers)
    for notes in target.notes_for(part).values():
        for before, now in notes.questions.items():
            if before in answers:
                answers.setdefault(now, answers.pop(before))
    return answers


def _renames(part: Part, target: Target) -> dict[str, str]:
    """Return the renames that the releases on the way declare, old to new, with the part's own names."""
    moves: dict[str, str] = {}
    for notes in target.notes_for(part).values():
        for before, now in notes.renamed.items():
            is_of_module = "{{ module }}" in before
            if is_of_module == (part.module is not None):
                name = part.module.name if part.module else ""
                old, new = (path.replace("{{ module }}", name) for path in (before, now))
                moves[next((start for start, end in moves.items() if end == old), old)] = new
    return moves


def _message(parts: Sequence[Part], target: Target) -> str:
    names = ", ".join(part.name for part in parts) if len(parts) <= NAMED else f"{len(parts)} parts"
    return f"Update {names} to gold slice {target.release.name}"


def _dropped(picked: Picked) -> list[str]:
    return [f"{path}: {Kind.DROPPED}. Keep it as your own, or git rm it." for path in picked.dropped]


def _before_deploy(project: Project, parts: Sequence[Part], target: Target) -> list[str]:
    """Return what the releases between the oldest part and the target ask for."""
    notes: dict[str, Notes] = {}
    for part in parts:
        notes |= target.notes_for(part)
    env = project.folder / ".env"
    set_here = env.read_text(errors="replace") if env.is_file() else ""
    told = []
    for tag in notes_between(notes, after="v0.0.0", until=target.release.name):
        told += [
            f"{tag}: {key}: {meaning}{' (your .env sets it)' if f'{key}=' in set_here else ''}"
            for key, meaning in notes[tag].environment.items()
        ]
        told += [f"{tag}: {line}" for line in (*notes[tag].changed, *notes[tag].steps)]
    return told


def _release_in(tree: WorkTree, answers_file: str) -> str | None:
    try:
        return str(read_answers(tree.folder / answers_file).get("_commit"))
    except ValueError:
        return None


def _key(finding: Finding) -> str:
    return f"{finding.code} {finding.place.partition(':')[0]} {finding.what}"
