"""Merge what a release changed into a project, with plain git, in a linked work tree at the user's HEAD.

For each part there are up to three commits on top of HEAD: BASE, the part as its own release made it; MOVED, BASE with
the renames that the release declares; and NEW, the part as the target makes it. MOVED and NEW are cherry-picked, so
git merges what changed between the releases with what the user changed. Parts are picked one after the other: modules
are alike, and in one merge git would take a file of one module for a renamed file of another.
"""

import shutil
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .answers import Module, ejected_files, with_ejected
from .git import TEMPORARY, GitError, git_path, lines, remove_work_tree, temporarily, try_git
from .host_lists import HostList
from .list_literal import add_entries
from .project import UPDATE_FOLDER, Project
from .registration import host_edits, write_all
from .render import Part, files_in
from .report import Change, Kind


@dataclass(frozen=True, slots=True)
class Render:
    """A part as a release makes it, and where that release keeps its lists of modules."""

    folder: Path
    lists: Sequence[HostList]


@dataclass(frozen=True, slots=True)
class Step:
    """An update of one part; `renames` maps old paths to new ones, `new_answers` are those to new questions."""

    part: Part
    base: Render
    new: Render
    renames: Mapping[str, str]
    new_answers: Mapping[str, Any]


@dataclass(slots=True)
class Picked:
    """What came of cherry-picking: the files that wait for a person, and the edited files that the release dropped.

    `migrated` are the files that codemods changed afterwards.
    """

    conflicts: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    migrated: Container[str] = ()


@dataclass(frozen=True, slots=True)
class WorkTree:
    """A linked work tree of the project's repository."""

    project: Project
    top: Path

    @property
    def folder(self) -> Path:
        """The project's folder in it."""
        return self.top / self.project.prefix

    @classmethod
    def create(cls, project: Project, top: Path) -> "WorkTree":
        """Make the work tree at the commit that the project is on, in place of an old one."""
        tree = cls(project, top)
        tree.remove()
        temporarily(project.top, "worktree", "add", "--quiet", "--force", "--force", "--detach", str(top), "HEAD")
        return tree

    def remove(self) -> None:
        """Remove the work tree, whole or half made."""
        remove_work_tree(self.project.top, self.top)

    def git(self, *arguments: str, stdin: str = "") -> str:
        """Run git in the work tree, for temporary commits."""
        return temporarily(self.top, *arguments, stdin=stdin)

    def head(self) -> str:
        """Return the commit that the work tree is on."""
        return self.git("rev-parse", "HEAD").strip()

    def commit_all(self, message: str) -> str:
        """Commit every file, ignored ones too, and return the commit."""
        self.git("add", "--all", "--force", "--", ".")
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message", message)
        return self.head()

    # Commits of the releases

    def commits_of(self, step: Step, modules: Sequence[Module], *, title: str) -> tuple[str, list[str]]:
        """Make BASE, MOVED and NEW of a part, and return BASE and the commits to pick, oldest first."""
        head = self.head()
        crlf = self._files_with_crlf()
        self._replace_part(step.part, step.base, modules, crlf=crlf)
        # No user edits an answers file, except to correct it: the new one replaces it without a merge.
        temporarily(self.folder, "checkout", "--quiet", head, "--", step.part.answers_file)
        base = self.commit_all(f"{step.part.name} as its release made it")
        picks = []
        kept = {*ejected_files(step.part.answers)}
        renames = {old: new for old, new in step.renames.items() if (self.folder / old).exists() and old not in kept}
        if renames:
            for old, new in renames.items():
                (self.folder / new).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / old).rename(self.folder / new)
            picks.append(self.commit_all(f"{title}: renamed files of {step.part.name}"))
        crlf |= {new for old, new in renames.items() if old in crlf}
        self._replace_part(step.part, step.new, modules, crlf=crlf)
        picks.append(self.commit_all(f"{title}: {step.part.name}"))
        self.git("reset", "--quiet", "--hard", head)
        return base, picks

    def _replace_part(self, part: Part, render: Render, modules: Sequence[Module], *, crlf: set[str]) -> None:
        """Put the files of a render in the place of all files that the part owns, and fill the lists of the host.

        Ejected files stay as the user has them.
        """
        ejected = ejected_files(part.answers)
        for path in {*self._files_of(part, modules)} - {*ejected}:
            file = self.folder / path
            if file.is_symlink() or not file.is_dir():  # a submodule stays
                file.unlink(missing_ok=True)
        for path in [path for path in files_in(render.folder) if path not in ejected]:
            target = self.folder / path
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)  # it holds nothing but empty folders
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not copy2: with the times of the render, git can take a new file of the same size for the old one.
            shutil.copy(render.folder / path, target, follow_symlinks=False)
            if path in crlf and not target.is_symlink():
                target.write_bytes(target.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        if ejected:
            answers = self.folder / part.answers_file
            answers.write_text(with_ejected(answers.read_text(), ejected))
        if part.module is None:
            write_all(self.folder, host_edits(self.folder, render.lists, modules, add_entries)[0])

    def _files_of(self, part: Part, modules: Sequence[Module]) -> list[str]:
        """Return the tracked files that a part owns; attributes of git stay in force."""
        paths = lines(temporarily(self.folder, "ls-files", "-z", "--", "."))
        if part.module:
            return [path for path in paths if part.module.owns(path)]
        return [path for path in paths if not is_owned(path, modules) and not path.endswith(".gitattributes")]

    def _files_with_crlf(self) -> set[str]:
        """Return the files that git itself stores with CRLF, because no attribute says otherwise."""
        rows = lines(temporarily(self.folder, "ls-files", "-z", "--eol", "--", "."))
        return {row.partition("\t")[2] for row in rows if row.startswith(("i/crlf", "i/mixed"))}

    # Picking

    def pick(self, commits: Sequence[str], *, keep_both: bool = False) -> Picked:
        """Cherry-pick the commits in one sequence, and return what stopped it.

        With `keep_both`, every conflict is settled by keeping both sides, so that all of them are found.
        """
        options = ("--allow-empty", "--keep-redundant-commits")
        done = try_git(self.top, *TEMPORARY, "cherry-pick", *options, *commits)
        return self._carry_on(done.returncode == 0, done.stderr, keep_both=keep_both)

    def go_on(self) -> Picked:
        """Continue the sequence after a person settled a conflict."""
        done = try_git(self.top, *TEMPORARY, "cherry-pick", "--continue")
        return self._carry_on(done.returncode == 0, done.stderr, keep_both=False)

    def is_picking(self) -> bool:
        """Return whether the sequence is not at its end."""
        return any(git_path(self.top, name).exists() for name in ("CHERRY_PICK_HEAD", "sequencer"))

    def unmerged(self) -> dict[str, set[int]]:
        """Return the stages of every file that git could not merge: 1 base, 2 the user's, 3 the release's."""
        stages: dict[str, set[int]] = {}
        for row in lines(self.git("ls-files", "--unmerged", "-z")):
            meta, _tab, path = row.partition("\t")
            stages.setdefault(path, set()).add(int(meta.split()[2]))
        return stages

    def _carry_on(self, is_done: bool, complaint: str, *, keep_both: bool) -> Picked:  # noqa: FBT001
        picked = Picked()
        while not is_done:
            unmerged = self.unmerged()
            if not unmerged and not git_path(self.top, "CHERRY_PICK_HEAD").exists():
                raise GitError(complaint.strip())
            conflicts = [path for path, stages in unmerged.items() if not self._settle(path, stages, picked)]
            picked.conflicts += [path.removeprefix(self.project.prefix) for path in conflicts]
            if conflicts and not keep_both:
                return picked
            if conflicts:
                self.git("add", "--all", "--force", "--", ".")
            done = try_git(self.top, *TEMPORARY, "cherry-pick", "--continue")
            if done.returncode != 0 and not self.unmerged():  # nothing was left of the commit
                done = try_git(self.top, *TEMPORARY, "commit", "--allow-empty", "--no-verify", "--no-edit")
                done = try_git(self.top, *TEMPORARY, "cherry-pick", "--continue") if self.is_picking() else done
            is_done, complaint = done.returncode == 0, done.stderr
        return picked

    def _settle(self, path: str, stages: set[int], picked: Picked) -> bool:
        """Settle a file that one side edited and the other deleted; return False if a person must look."""
        if stages == {1, 2}:  # the release dropped it, the user edited it: it stays
            self.git("add", "--force", "--", path)
            picked.dropped.append(path.removeprefix(self.project.prefix))
        elif stages == {1, 3}:  # the user deleted it: it stays deleted
            self.git("rm", "--quiet", "--", path)
        else:
            return False
        return True

    # What came of it

    def fill_lists(self, lists: Sequence[HostList], modules: Sequence[Module]) -> list[str]:
        """Register the modules in the lists of the target release; return a sentence for each list that is lost."""
        edits, problems = host_edits(self.folder, lists, modules, add_entries)
        self.write(edits)
        return problems

    def python_files(self) -> list[str]:
        """Return the Python files of the project, without links."""
        return [path for path in self.text_files() if path.endswith((".py", ".pyi"))]

    def text_files(self) -> list[str]:
        """Return the files of the project, without links; some may hold no text."""
        paths = lines(temporarily(self.folder, "ls-files", "-z", "--", "."))
        return [path for path in paths if (self.folder / path).is_file() and not (self.folder / path).is_symlink()]

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Replace the contents of files, and stage them."""
        for path, text in contents.items():
            (self.folder / path).write_bytes(text)
        if contents:
            temporarily(self.folder, "add", "--force", "--", *contents)

    def tree(self, commit: str) -> dict[str, str]:
        """Return the object name of every file of the project in a commit."""
        rows = lines(temporarily(self.top, "ls-tree", "-r", "-z", "--full-tree", f"{commit}:{self.project.prefix}"))
        return {path: meta for meta, _tab, path in (row.partition("\t") for row in rows)}


def is_owned(path: str, modules: Iterable[Module]) -> bool:
    """Return whether a module owns a file."""
    return any(module.owns(path) for module in modules)


def hide(project: Project) -> None:
    """Keep `.dev` out of git's sight, if the project's own .gitignore no longer does."""
    if try_git(project.folder, "check-ignore", "-q", UPDATE_FOLDER).returncode != 0:
        ignore = project.folder / ".dev" / ".gitignore"
        ignore.parent.mkdir(exist_ok=True)
        ignore.write_text("*\n")


type Tree = Mapping[str, str]  # the object name of each file
type Sides = tuple[Tree, Tree]  # BASE and NEW


def as_released(step: Step, new: Tree) -> Tree:
    """Return the files of a part in NEW that are as the release makes them: all but the ejected ones."""
    paths = {*files_in(step.new.folder)} - {*ejected_files(step.part.answers)}
    return {path: name for path, name in new.items() if path in paths}


def changes_between(
    before: Tree,
    after: Tree,
    *,
    sides: Mapping[Module | None, Sides],
    modules: Sequence[Module],
    picked: Picked,
) -> list[Change]:
    """Return what an update does to each file; `sides` are the files of each part in BASE and in NEW."""
    changes = []
    released = {path for base, _new in sides.values() for path in base}
    for path in sorted({*before, *after, *released, *picked.conflicts}):
        owner = next((module for module in modules if module.owns(path)), None)
        of_owner = sides.get(owner, (before, before))
        if kind := _kind(path, before.get(path), after.get(path), sides=of_owner, picked=picked):
            old, theirs = (side.get(path) for side in of_owner)
            is_only_migrated = path in picked.migrated and old == theirs and kind in (Kind.UPDATED, Kind.MERGED)
            kind = Kind.MIGRATED if is_only_migrated else kind
            changes.append(Change(owner.label if owner else "host", kind, path))
    return changes


def _kind(path: str, mine: str | None, result: str | None, *, sides: Sides, picked: Picked) -> Kind | None:
    old, theirs = sides[0].get(path), sides[1].get(path)
    if path in picked.conflicts:
        return Kind.CONFLICT
    if path in picked.dropped:
        return Kind.DROPPED
    if mine == result:
        return Kind.KEPT if old != theirs and mine not in (old, theirs) else None
    if mine is None:
        return Kind.ADDED
    if result is None:
        return Kind.REMOVED
    return Kind.UPDATED if mine == old else Kind.MERGED
