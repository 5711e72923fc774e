"""An update with conflicts, laid out in a linked work tree for a person to settle; the project stays as it is."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .answers import read_modules
from .git import GitError, git, run_git
from .merge import Conflict
from .objects import commit
from .project import Project
from .report import RefusalError

FOLDER = ".dev/update"
MARKERS = ("<<<<<<< yours", ">>>>>>> gold slice")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was worked out, and on top of which commit; `unsettled` are the files with conflicts.

    `settled` is the tree that a person made of it, from the moment it may land.
    """

    head: str
    release: str
    message: str
    unsettled: list[str]
    before_deploy: list[str]
    settled: str | None = None


def lay_out(project: Project, proposal: Proposal, *, tree: str, conflicts: Sequence[Conflict]) -> None:
    """Make a work tree that holds the tree, with the conflicts as git knows them."""
    drop(project)
    folder = _folder(project)
    _hide(project)
    merged = commit(project.folder, tree, message=proposal.message, parents=[proposal.head])
    git(project.folder, "worktree", "add", "--quiet", "--detach", str(folder), merged)
    git(folder, "reset", "--quiet", "--soft", proposal.head)
    lines = [
        line
        for conflict in conflicts
        for line in (
            f"0 {'0' * len(proposal.head)}\t{project.prefix}{conflict.path}",
            *(
                f"{blob.mode} {blob.id} {stage}\t{project.prefix}{conflict.path}"
                for stage, blob in conflict.stages.items()
            ),
        )
    ]
    git(folder, "update-index", "-z", "--index-info", stdin="".join(f"{line}\0" for line in lines))
    _write_note(project, proposal)


def waiting(project: Project) -> Proposal | None:
    """Return the update that waits for a person, if one does."""
    known = _noted(project)
    return None if known is None or _has_landed(project, known) else known


def sweep(project: Project) -> None:
    """Take the work tree away if its update has landed, and the command was killed before it could."""
    known = _noted(project)
    if known and _has_landed(project, known):
        drop(project)


def settled_tree(project: Project, proposal: Proposal) -> str:
    """Return the tree that the person made of it.

    Raises:
        RefusalError: A file still has conflicts, or the branch has moved since.
    """
    folder = _folder(project)
    if not (folder / ".git").exists():
        raise RefusalError(
            f"{FOLDER} is gone, and what was settled in it. "
            "Abandon it (`uv run python scripts/update_modules.py --abandon`), and start the update again."
        )
    if git(project.folder, "rev-parse", "HEAD").strip() != proposal.head:
        raise RefusalError(
            "The branch has moved since this update was worked out. "
            "Abandon it (`uv run python scripts/update_modules.py --abandon`), and start it again."
        )
    open_ = [path for path in proposal.unsettled if _is_open(folder, path)]
    if open_:
        raise RefusalError(
            *(f"{FOLDER}/{path} still has a conflict. Settle it, then `git add` it there." for path in open_)
        )
    from .host import plan, sync  # noqa: PLC0415  # libcst takes its time: only once there is work for it

    inner = folder / project.prefix
    modules, problems = read_modules(inner)
    edits, broken = plan(inner, modules, sync)
    if problems or broken:
        raise RefusalError(*(f"{FOLDER}/{problem}" for problem in [*problems, *broken]))
    for edit in edits:
        (inner / edit.path).write_bytes(edit.contents)
    git(folder, "add", "--all")
    tree = git(folder, "write-tree").strip()
    _write_note(project, replace(proposal, settled=tree))
    return tree


def drop(project: Project) -> None:
    """Take the work tree away again, whole or half made."""
    _note(project).unlink(missing_ok=True)
    folder = _folder(project)
    if folder.exists():
        run_git(project.folder, "worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
    git(project.folder, "worktree", "prune")


def _has_landed(project: Project, proposal: Proposal) -> bool:
    """Say whether a commit since then has the settled tree."""
    if proposal.settled is None:
        return False
    status, trees, _ = run_git(project.folder, "log", "--format=%T", f"{proposal.head}..HEAD")
    return status == 0 and proposal.settled in trees.decode().split()


def _noted(project: Project) -> Proposal | None:
    try:
        return Proposal(**json.loads(_note(project).read_bytes()))
    except FileNotFoundError:
        return None


def _write_note(project: Project, proposal: Proposal) -> None:
    fresh = _note(project).with_suffix(".new")
    fresh.write_text(json.dumps(asdict(proposal)))
    fresh.replace(_note(project))


def _is_open(folder: Path, path: str) -> bool:
    """Say whether a file has conflict markers, or could have none and nobody has said which side it takes."""
    file = folder / path
    text = file.read_text(errors="replace") if file.is_file() else ""
    if any(line.startswith(MARKERS) for line in text.splitlines()):
        return True
    is_unmerged = bool(git(folder, "ls-files", "--unmerged", "--", path))
    return is_unmerged and not _had_markers(folder, path)


def _had_markers(folder: Path, path: str) -> bool:
    """Say whether git could write both sides into one file: both have it, as text."""
    stages = git(folder, "ls-files", "--unmerged", "--", path).split("\n")
    blobs = {line.split()[2]: line.split()[1] for line in stages if line}
    try:
        return {"2", "3"} <= blobs.keys() and all(
            "\0" not in git(folder, "cat-file", "blob", each) for each in blobs.values()
        )
    except GitError:
        return False


def _hide(project: Project) -> None:
    """Keep the work tree out of git's sight, in a project whose own .gitignore no longer does."""
    if run_git(project.folder, "check-ignore", "-q", FOLDER)[0] != 0:
        ignore = project.folder / ".dev" / ".gitignore"
        ignore.parent.mkdir(exist_ok=True)
        ignore.write_text("*\n")


def _folder(project: Project) -> Path:
    return project.folder / FOLDER


def _note(project: Project) -> Path:
    return project.state / "update.json"
