"""The template's releases: where they are kept, which there are, and each as a plain folder."""

import hashlib
import io
import os
import re
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .git import GitError, git, git_bytes, run_git
from .project import Project
from .report import RefusalError, say
from .seal import MARK_OF_MODULE

SHORTCUTS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}  # as Copier writes them
# `git archive` writes files as a checkout would, CRLF and all, and a user's settings are not about the template.
AS_STORED = ["-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", f"core.attributesFile={os.devnull}"]
ANSWERS_TEMPLATE = "{{ _copier_conf.answers_file }}.jinja"


@dataclass(frozen=True, slots=True)
class Release:
    """A commit of the template, and the name that answers files give it: its tag, or the way from one."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Source:
    """A git repository of the template on this machine; `address` is what the answers files call it."""

    address: str
    repository: Path
    cache: Path

    def find(self, reference: str) -> Release | None:
        """Return what a tag, a branch or a description like `v1.2.0-3-gabc1234` names, if it is here."""
        status, output, _ = run_git(
            self.repository, "rev-parse", "--verify", "-q", "--end-of-options", f"{reference}^{{commit}}"
        )
        if status != 0:
            return None
        commit = output.decode().strip()
        is_name = reference in self.tags() or re.search(r"-\d+-g[0-9a-f]+$", reference)
        name = reference if is_name else git(self.repository, "describe", "--tags", "--always", commit).strip()
        return Release(name, commit)

    def get(self, reference: str) -> Release:
        """Return what a reference names.

        Raises:
            RefusalError: There is no such thing.
        """
        release = self.find(reference)
        if release is None:
            raise RefusalError(f"The template at {self.address} has no release {reference}. Name a tag of it.")
        return release

    def tags(self) -> list[str]:
        """Return all tags, in no order."""
        return git(self.repository, "tag", "--list").split()

    def read(self, release: Release, path: str) -> bytes | None:
        """Return a file of a release, if it has one of that name."""
        status, output, _ = run_git(self.repository, "show", f"{release.commit}:{path}")
        return output if status == 0 else None

    def folder(self, release: Release) -> Path:
        """Return a folder with three in it, made once: `host` and `module` for Copier, `plain`, which it need not see.

        Copier takes as long for a file that it copies as for one that it renders, and looks at each file of the host
        for a module as well.
        """
        folder = self.cache / release.commit
        if not folder.exists():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            archive = git_bytes(self.repository, *AS_STORED, "archive", "--format=tar", release.commit)
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                for member in filter(tarfile.TarInfo.isfile, tar):
                    for place in _places(member.name):
                        tar.extract(member, fresh / place, filter="data")
            fresh.rename(folder)
        return folder


def open_source(project: Project, address: str, *, needs: str | None) -> Source:
    """Return the template's repository: a folder where it is, anything else as a copy that is kept.

    The copy is brought up to date, unless it has the one reference that is needed.

    Raises:
        RefusalError: It cannot be reached, or is no repository.
    """
    cache, folder = project.state / "templates", Path(os.path.expanduser(address))  # noqa: PTH111  # knows ~nobody
    if folder.is_dir():
        if not _is_repository(folder):
            raise RefusalError(
                f"The template's folder {address} is not a git repository, so it has no releases. "
                "Put the address of one as _src_path into the answers files."
            )
        return Source(address, folder, cache)
    if not re.search(r"[:/]", address.removeprefix(".")) or address.startswith("."):
        raise RefusalError(
            f"The template's address {address} is a path from a folder that nobody knows any more. "
            "Put its absolute path, or the address of its git repository, as _src_path into the answers files."
        )
    source = Source(address, cache / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.git", cache)
    if not (needs and source.repository.exists() and source.find(needs)):
        _refresh(source.repository, _expanded(address))
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
        raise RefusalError(
            f"The template cannot be reached at {address}: {reason}. Check _src_path and the way to it."
        ) from fault


def _expanded(address: str) -> str:
    short = next((short for short in SHORTCUTS if address.startswith(short)), None)
    return f"{SHORTCUTS[short]}{address.removeprefix(short)}.git" if short else address.removeprefix("git+")


def _is_repository(folder: Path) -> bool:
    try:
        return git(folder, "rev-parse", "--is-bare-repository", "--show-prefix").split("\n", 2)[1] == ""
    except GitError:
        return False


def _places(name: str) -> Sequence[str]:
    """Return which of a release's folders a file belongs into."""
    if not name.startswith("template/"):
        return () if name.startswith("instances/") else ("host", "module")
    if not name.endswith(".jinja") and not re.search(r"\{[{%]", name.replace(MARK_OF_MODULE, "")):
        return ("plain",)
    if name == f"template/{ANSWERS_TEMPLATE}":
        return ("host", "module")
    return ("module",) if MARK_OF_MODULE in name else ("host",)
