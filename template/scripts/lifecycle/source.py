"""The template's releases: where they are kept, which there are, and each as a plain folder."""

import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .git import GitError, git, git_bytes, run_git
from .project import Project
from .report import RefusalError, say

SHORTCUTS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}  # as Copier writes them
MARK_OF_MODULE = "{{ module }}"  # in the path of every file that a module consists of
ANSWERS_TEMPLATE = "{{ _copier_conf.answers_file }}.jinja"


@dataclass(frozen=True, slots=True)
class Source:
    """A git repository of the template on this machine; `address` is what the answers files call it."""

    address: str
    repository: Path
    cache: Path

    def commit_of(self, reference: str) -> str | None:
        """Return the commit that a tag, a branch or a description like `v1.2.0-3-gabc1234` names, if it is here."""
        status, output, _ = run_git(self.repository, "rev-parse", "--verify", "-q", "--end-of-options", f"{reference}^{{commit}}")
        return output.decode().strip() if status == 0 else None

    def describe(self, commit: str) -> str:
        """Return the name that answers files give to a commit: its tag, or the way from one."""
        return git(self.repository, "describe", "--tags", "--always", commit).strip()

    def tags(self) -> list[str]:
        """Return all tags, in no order."""
        return git(self.repository, "tag", "--list").split()

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file of a release, if it has one of that name."""
        status, output, _ = run_git(self.repository, "show", f"{commit}:{path}")
        return output if status == 0 else None

    def folder(self, commit: str, *, of_module: bool) -> Path:
        """Return a plain folder with what Copier renders a project from, or a module alone; it is made once."""
        folder = self.cache / f"{commit}{'-module' if of_module else ''}"
        if not folder.exists():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            archive = git_bytes(self.repository, "archive", "--format=tar", commit)
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(fresh, members=_needed(tar, of_module=of_module), filter="data")
            fresh.rename(folder)
        return folder


def open_source(project: Project, address: str, *, reference: str | None) -> Source:
    """Return the template's repository: a folder where it is, anything else as a copy that is kept.

    It is brought up to date, unless the reference is known already.

    Raises:
        RefusalError: It cannot be reached, or does not have the reference.
    """
    cache = project.state / "templates"
    folder = Path(address).expanduser()
    if folder.is_dir():
        return _with(Source(address, folder, cache), reference)
    mirror = cache / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.git"
    source = Source(address, mirror, cache)
    if not (reference and mirror.exists() and source.commit_of(reference)):
        _refresh(mirror, _expanded(address))
    return _with(source, reference)


def _with(source: Source, reference: str | None) -> Source:
    if not _is_repository(source.repository):
        raise RefusalError(
            f"The template's folder {source.address} is not a git repository, so it has no releases. "
            "Put the address of one as _src_path into the answers files."
        )
    if reference and not source.commit_of(reference):
        raise RefusalError(f"The template at {source.address} has no release {reference}. Name a tag of it.")
    return source


def _refresh(mirror: Path, address: str) -> None:
    say(f"asking {address} for its releases")
    try:
        if mirror.exists():
            git(mirror, "fetch", "--quiet", "--prune", "origin")
            return
        mirror.parent.mkdir(parents=True, exist_ok=True)
        fresh = mirror.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        git(mirror.parent, "clone", "--quiet", "--mirror", "--", address, str(fresh))
        fresh.rename(mirror)
    except GitError as fault:
        reason = str(fault).splitlines()[-1]
        raise RefusalError(f"The template cannot be reached at {address}: {reason}. Check _src_path and the way to it.") from fault


def _expanded(address: str) -> str:
    short = next((short for short in SHORTCUTS if address.startswith(short)), None)
    return f"{SHORTCUTS[short]}{address.removeprefix(short)}.git" if short else address.removeprefix("git+")


def _is_repository(folder: Path) -> bool:
    try:
        return git(folder, "rev-parse", "--is-bare-repository", "--show-prefix").split("\n", 2)[1] == ""
    except GitError:
        return False


def _needed(tar: tarfile.TarFile, *, of_module: bool) -> Iterator[tarfile.TarInfo]:
    """Yield what Copier reads: for a module, of `template/` its own files alone, for Copier would look at every one."""
    for member in tar:
        is_shared = member.name.startswith("template/") and MARK_OF_MODULE not in member.name
        if member.isfile() and not member.name.startswith("instances/"):
            if not (of_module and is_shared) or member.name == f"template/{ANSWERS_TEMPLATE}":
                yield member
