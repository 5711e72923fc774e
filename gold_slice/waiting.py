"""An update that waits for a person, in the linked work tree `.dev/update`, until it is finished or dropped."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .answers import read_answers
from .git import git, try_git
from .merge import Picked, WorkTree
from .pending import remove_stale_locks
from .project import UPDATE_FOLDER, Project
from .report import Kind, RefusalError, Report, Status

COMMAND = "uv run python scripts/update_modules.py"
SETTLED = "refs/worktree/gold-slice-settled"  # the update, while it is put on top of commits made meanwhile
RELEASE_FILE = ".dev/update-release"  # a launcher reads here which release's command finishes the update


@dataclass(slots=True)
class Waiting:
    """The commit that an update starts from, its target, and what its end has to check and to say.

    `reference` is the tag of the target, or its commit if it has none; the launcher installs the command by it.
    `parts` are the answers files of the parts, with the release that each had and the one that it goes to.
    `released` are git's names of the files as the release of each template, by its address, makes them; `migrated`,
    `reasons` and `places` tell what codemods did before the update waited.
    """

    head: str
    release: str
    commit: str
    reference: str
    address: str
    message: str
    parts: dict[str, tuple[str, str]]
    is_staged_only: bool
    before_deploy: list[str] = field(default_factory=list)
    known_findings: list[str] = field(default_factory=list)
    released: dict[str, dict[str, str]] = field(default_factory=dict)
    migrated: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)


def waiting_update(project: Project) -> Waiting | None:
    """Return the update that waits, if there is one."""
    note = _note(project)
    return Waiting(**json.loads(note.read_text())) if note.exists() else None


def wait(project: Project, waiting: Waiting, report: Report, *, conflicts: Sequence[str]) -> None:
    """Note that the update waits, and say how to go on; without conflicts it waits because of findings."""
    note = _note(project)
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(waiting)))
    (project.folder / RELEASE_FILE).write_text(waiting.reference)
    fresh.replace(note)
    report.status = Status.CONFLICT
    report.headline = in_the_same_places(conflicts)
    steps = [f"settle {UPDATE_FOLDER}/{project.prefix}{path}, then git add it there" for path in conflicts]
    if not conflicts:
        report.headline = "The update is merged, but the result has findings. Nothing has landed."
        steps = [f"correct the findings in {UPDATE_FOLDER}, or add --force to land the update as it is"]
    report.next_steps = [
        *steps,
        f"{COMMAND} --continue     lands the update",
        f"{COMMAND} --abandon      drops it",
    ]


def in_the_same_places(conflicts: Sequence[str]) -> str:
    """Return the sentence that tells how many conflicts there are."""
    return f"{len(conflicts)} file(s) were changed in the same places by you and by the template."


def forget(project: Project) -> None:
    """Remove the note and the work tree."""
    _note(project).unlink(missing_ok=True)
    (project.folder / RELEASE_FILE).unlink(missing_ok=True)
    WorkTree(project, project.folder / UPDATE_FOLDER).remove()


def settled(project: Project, waiting: Waiting, report: Report) -> WorkTree | None:
    """Return the work tree with everything picked; None if the next pick has a conflict, and the update waits again.

    Raises:
        RefusalError: A file still has a conflict, or the merge was aborted or skipped.
    """
    tree = WorkTree(project, project.folder / UPDATE_FOLDER)
    restart = f"Drop the update ({COMMAND} --abandon), and start it again."
    if not (tree.top / ".git").exists():
        raise RefusalError(f"{UPDATE_FOLDER} is gone, with what was settled in it. {restart}")
    remove_stale_locks(tree.top)  # of an earlier --continue that was killed
    if try_git(tree.top, "rev-parse", "--verify", "-q", SETTLED).returncode == 0:
        try_git(tree.top, "cherry-pick", "--quit")
        tree.git("reset", "--quiet", "--hard", SETTLED)
    _take_in(tree, waiting)
    picked = tree.go_on() if tree.is_picking() else Picked()
    report.problems += dropped(picked)
    if picked.conflicts:
        wait(project, waiting, report, conflicts=picked.conflicts)
        return None
    if skipped := [each for each, (_old, new) in waiting.parts.items() if _release_in(tree, each) != new]:
        raise RefusalError(
            f"{', '.join(skipped)} is not at {waiting.release} in {UPDATE_FOLDER}: the merge was aborted or skipped. "
            f"{restart}"
        )
    return tree


def is_on_top_of_new_commits(project: Project, tree: WorkTree, waiting: Waiting, report: Report) -> bool:
    """Put the update on top of commits made meanwhile; return False if that has a conflict, and it waits."""
    head = git(project.top, "rev-parse", "HEAD").strip()
    if head == waiting.head:
        return True
    tree.git("reset", "--quiet", "--soft", waiting.head)
    tree.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message", waiting.message)
    update = tree.head()
    tree.git("update-ref", SETTLED, update)
    tree.git("checkout", "--quiet", "--detach", head)
    waiting.head = head
    picked = tree.pick([update])
    tree.git("update-ref", "-d", SETTLED)
    if picked.conflicts:
        wait(project, waiting, report, conflicts=picked.conflicts)
    else:
        _refuse_removed(tree, waiting)
    return not picked.conflicts


def _refuse_removed(tree: WorkTree, waiting: Waiting) -> None:
    """Raise if a part of the update was removed from the project meanwhile."""
    if removed := [each for each in waiting.parts if not (tree.folder / each).exists()]:
        raise RefusalError(
            f"{', '.join(removed)} was removed meanwhile, and the update is of it, too. "
            f"Drop the update ({COMMAND} --abandon), and start it again."
        )


def dropped(picked: Picked) -> list[str]:
    """Return a sentence for each file that the release dropped and the user edited."""
    return [f"{path}: {Kind.DROPPED}. Keep it as your own, or git rm it." for path in picked.dropped]


def _take_in(tree: WorkTree, waiting: Waiting) -> None:
    """Stage the files that a person settled; git tells which had conflicts, the markers whether they still have."""
    open_ = []
    for path, stages in tree.unmerged().items():
        file = tree.top / path
        if {2, 3} <= stages and file.is_file() and b"\0" not in file.read_bytes() and not _has_markers(file):
            tree.git("add", "--force", "--", path)
        else:
            open_.append(path)
    changed = tree.git("diff", "--name-only", waiting.head).splitlines()
    open_ += [path for path in changed if _has_markers(tree.top / path)]
    if open_:
        raise RefusalError(
            *(
                f"{UPDATE_FOLDER}/{path} still has a conflict. Settle it, then `git add` it there."
                for path in sorted(set(open_))
            )
        )
    tree.git("add", "--all", "--", ".")


def _has_markers(file: Path) -> bool:
    text = file.read_bytes() if file.is_file() else b""
    return any(line.startswith(b"<<<<<<< ") for line in text.splitlines())


def _release_in(tree: WorkTree, answers_file: str) -> str | None:
    try:
        return str(read_answers(tree.folder / answers_file).get("_commit"))
    except ValueError:
        return None


def _note(project: Project) -> Path:
    return project.state / "update.json"
