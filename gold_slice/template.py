"""The template's repository on this machine: its releases, and each release as a plain folder of files."""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .git import GitError, git, try_git
from .report import RefusalError, progress

# The same files for every user, whatever their settings for line ends and filters are.
AS_COMMITTED = ("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", f"core.attributesFile={os.devnull}")
SHORTCUTS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}  # as Copier writes them


@dataclass(frozen=True, slots=True)
class Release:
    """A commit of the template, and its name in answers files: a tag, or `git describe`'s name for a later commit."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Template:
    """A repository of the template; `address` is what the answers files say."""

    address: str
    repository: Path

    def find(self, reference: str) -> Release | None:
        """Return what a tag, a branch, a hash or a name like `v1.2.0-3-gabc1234` stands for, or None."""
        done = try_git(self.repository, "rev-parse", "--verify", "-q", "--end-of-options", f"{reference}^{{commit}}")
        if done.returncode != 0:
            return None
        commit = done.stdout.strip()
        if reference in self.tags():
            return Release(reference, commit)
        return Release(git(self.repository, "describe", "--tags", "--always", commit).strip(), commit)

    def get(self, reference: str) -> Release:
        """Return what a reference stands for.

        Raises:
            RefusalError: The template has no such reference.
        """
        release = self.find(reference)
        if release is None:
            raise RefusalError(f"The template at {self.address} has no release {reference}. Name one of its tags.")
        return release

    def tags(self) -> list[str]:
        """Return all tags, in no order."""
        return git(self.repository, "tag", "--list").split()

    def read(self, release: Release, path: str) -> str | None:
        """Return a file of a release, or None if the release has no such file."""
        done = try_git(self.repository, "show", f"{release.commit}:{path}")
        return done.stdout if done.returncode == 0 else None

    def checkout(self, release: Release) -> Path:
        """Return a folder with the files of a release, as `git checkout` writes them; it is made once per machine."""
        folder = cache() / "releases" / release.commit
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=folder.parent))
            git(folder.parent, "clone", "--quiet", "--no-checkout", "--shared", str(self.repository), str(fresh))
            git(fresh, *AS_COMMITTED, "checkout", "--quiet", release.commit)
            shutil.rmtree(fresh / ".git")  # Copier takes a folder with git as a repository, and its latest tag
            _move(fresh, folder)
        return folder


def cache() -> Path:
    """Return this user's cache folder for gold slice. It can be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GOLD_SLICE_CACHE") or Path(base, "gold-slice"))


def open_template(address: str, *, needs: str | None) -> Template:
    """Return the template's repository: a local folder itself, or a mirror of any other address.

    The mirror is brought up to date, unless it has the reference `needs`.

    Raises:
        RefusalError: The address cannot be reached, or is not a repository.
    """
    local = address.removeprefix("file://")
    folder = Path(os.path.expanduser(local))  # noqa: PTH111  # it knows ~user
    if not folder.is_absolute() and (":" not in address or address.startswith(".")):
        raise RefusalError(
            f"The template's address {address} is a relative path, which means nothing here. "
            "Put an absolute path, or the address of a git repository, as _src_path into the answers files."
        )
    if folder.is_dir():
        if try_git(folder, "rev-parse", "--show-prefix").stdout != "\n" and not _is_bare(folder):
            raise RefusalError(
                f"The template's address {address} is not the folder of a git repository. "
                "Put the address of a git repository as _src_path into the answers files."
            )
        return Template(address, folder)
    mirror = _mirror_of(address)
    template = Template(address, mirror)
    if not (needs and mirror.exists() and template.find(needs)):
        _refresh(mirror, expanded(address))
    return template


def known_template(address: str) -> Template | None:
    """Return the template's repository as this machine has it, without a look at the network."""
    folder = Path(address.removeprefix("file://"))
    repository = folder if folder.is_dir() else _mirror_of(address)
    return Template(address, repository) if repository.exists() else None


def checkout_of(address: str, release: str) -> Path:
    """Return a folder with the files of a release."""
    template = open_template(address, needs=release)
    return template.checkout(template.get(release))


def expanded(address: str) -> str:
    """Return an address that git understands, of one that Copier understands."""
    short = next((short for short in SHORTCUTS if address.startswith(short)), None)
    if short:
        return f"{SHORTCUTS[short]}{address.removeprefix(short).removesuffix('.git')}.git"
    return address.removeprefix("git+")


def own_release() -> tuple[str, str] | None:
    """Return address and reference that this command was installed from, or None for a copy of unknown origin."""
    try:
        told = json.loads(distribution("gold-slice").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return None
    reference = told.get("vcs_info", {}).get("requested_revision") or told.get("vcs_info", {}).get("commit_id")
    return (str(told["url"]).removeprefix("file://"), str(reference)) if reference else None


def release_of_command(command: str) -> tuple[str, str]:
    """Return address and reference that this command was installed from.

    Raises:
        RefusalError: They are not known.
    """
    origin = own_release()
    if origin is None:
        raise RefusalError(
            "This command does not know its release, because it was not installed from git. Install it so: "
            f"uvx --from git+ADDRESS@TAG gold-slice {command} FOLDER."
        )
    return origin


def _mirror_of(address: str) -> Path:
    return cache() / "mirrors" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.git"


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


def _refresh(mirror: Path, address: str) -> None:
    progress(f"asking {address} for its releases")
    try:
        if mirror.exists():
            git(mirror, "fetch", "--quiet", "--prune", "origin")
            return
        mirror.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=mirror.parent))
        git(mirror.parent, "clone", "--quiet", "--mirror", "--", address, str(fresh))
        _move(fresh, mirror)
    except GitError as fault:
        raise RefusalError(
            f"The template cannot be reached at {address}: {str(fault).splitlines()[-1]}. "
            "Check the network, your credentials and _src_path."
        ) from fault


def _move(fresh: Path, final: Path) -> None:
    """Rename a finished folder to its final name, unless another command was faster."""
    try:
        fresh.chmod(0o755)
        fresh.rename(final)
    except OSError:
        if not final.exists():
            raise
        shutil.rmtree(fresh, ignore_errors=True)
