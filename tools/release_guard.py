"""Fail where the template moved or lost a file, or a setting, since its last release and releases.yml does not say so.

    python tools/release_guard.py

What is declared belongs under the version that pyproject.toml names, as `v<version>`.
"""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from gold_slice.releases import Notes, latest, read_notes
from gold_slice.report import RefusalError
from render import ROOT

SETTINGS = "template/.env.example"


def main(repository: Path = ROOT) -> int:
    """Print what is not declared; return 0 where all is."""
    try:
        released = latest(git(repository, "tag", "--list").split())
    except RefusalError:
        print("release guard: no release yet, so nothing can have moved")
        return 0
    version = f"v{tomllib.loads((repository / 'pyproject.toml').read_text())['project']['version']}"
    notes = read_notes((repository / "releases.yml").read_bytes()).get(version, Notes())
    undeclared = [*moved_files(repository, released, notes), *moved_settings(repository, released, notes)]
    for line in undeclared:
        print(line, file=sys.stderr)
    if undeclared:
        print(f"Fix: say so in releases.yml, under {version}, which comes after {released}.", file=sys.stderr)
        return 1
    print(f"release guard: {version} declares all that it moved since {released}")
    return 0


def moved_files(repository: Path, released: str, notes: Notes) -> Iterator[str]:
    """Yield a sentence for each file that the release has and the work tree lacks, unless the notes tell of it."""
    before = names(git(repository, "ls-tree", "-r", "-z", "--name-only", released, "template/"))
    now = names(git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "template/"))
    now = {name for name in now if any((repository / f"template/{name}{suffix}").exists() for suffix in ("", ".jinja"))}
    for name in sorted(before - now - set(notes.removed) - notes.renamed.keys()):
        yield f"{name} is gone, and neither `removed` nor `renamed` tells of it."
    for old, new in sorted(notes.renamed.items()):
        if new not in now:
            yield f"{old} is said to be renamed to {new}, which is not there."


def moved_settings(repository: Path, released: str, notes: Notes) -> Iterator[str]:
    """Yield a sentence for each setting that came or went since the release, unless the notes tell of it."""
    before = keys(git(repository, "show", f"{released}:{SETTINGS}"))
    now = keys((repository / SETTINGS).read_text())
    for key in sorted((before ^ now) - notes.environment.keys()):
        yield f"{key} {'went' if key in before else 'came'}, and `environment` does not tell of it."


def names(listing: str) -> set[str]:
    """Return names as `releases.yml` writes them, of a list in git's NUL-terminated form."""
    return {name.removeprefix("template/").removesuffix(".jinja") for name in listing.split("\0") if name}


def keys(settings: str) -> set[str]:
    """Return the names of all settings, commented out or not."""
    lines = (line.lstrip("# ").partition("=") for line in settings.splitlines())
    return {key for key, equals, _value in lines if equals and key.isupper() and " " not in key}


def git(repository: Path, *arguments: str) -> str:
    """Return what a command of git prints."""
    return subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
