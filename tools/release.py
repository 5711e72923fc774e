"""Check that this commit can be released, and try its tags in a temporary clone.

    python tools/release.py

The version is the one in pyproject.toml: 1.0.0 is tagged v1.0.0, which Copier orders by PEP 440, and cc-v1.0, which
names the state of the gold standard. Only the first has a message: Copier records what `git describe` says of the
commit, and among tags of one commit that is the one with a message, else the younger.

Exit status: 0 ready, 1 not ready; every reason is printed.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml
from copier import run_copy

from gold_slice.releases import latest, read_notes
from render import ROOT


def main(repository: Path = ROOT) -> int:
    """Print what is missing, or the commands that make the tags."""
    version = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"]
    reasons = list(problems(repository, version))
    if not reasons:
        with tempfile.TemporaryDirectory() as scratch:
            reasons = list(rehearsal_problems(repository, version, Path(scratch)))
    for reason in reasons:
        print(reason, file=sys.stderr)
    if reasons:
        return 1
    print(f"{version} is ready. A copy of a clone with its tags came from v{version}. To tag it here:\n")
    for command in tag_commands(version):
        print("    git", *command)
    return 0


def tags_of(version: str) -> tuple[str, str]:
    """Return the tag that Copier looks for, and the name of the gold standard's state."""
    major, minor, *_ = version.split(".")
    return f"v{version}", f"cc-v{major}.{minor}"


def tag_commands(version: str) -> list[list[str]]:
    """Return the arguments of git that make the tags."""
    release, gold_standard = tags_of(version)
    return [["tag", "--annotate", release, f"--message={release}"], ["tag", gold_standard]]


def problems(repository: Path, version: str) -> Iterator[str]:
    """Yield a sentence for each thing that a release lacks."""
    if git(repository, "status", "--porcelain"):
        yield "The work tree has changes that are in no commit. Commit them, or put them aside."
    for tag in sorted(set(tags_of(version)) & set(git(repository, "tag", "--list").split())):
        yield f"The tag {tag} exists already. Raise `version` in pyproject.toml."
    changelog = (repository / "CHANGELOG.md").read_text()
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no section of this version. Name it `## [{version}] - ` and the date."
    if re.search(r"^## \[Unreleased\]\n+[^#\s]", changelog, re.MULTILINE):
        yield "CHANGELOG.md has entries under `Unreleased`. Move them into the section of this version."
    if f"v{version}" not in read_notes((repository / "releases.yml").read_bytes()):
        yield f"releases.yml has no entry v{version}. Add it; `v{version}: {{}}` if nothing moved."
    answers = yaml.safe_load((repository / "instances/tech_cc/.copier-answers.yml").read_text())
    if answers["_commit"] != f"v{version}":
        yield f"instances/tech_cc is rendered at {answers['_commit']}. Run `nox -s render`."


def rehearsal_problems(repository: Path, version: str, scratch: Path) -> Iterator[str]:
    """Yield what is wrong with a copy of a clone that has the tags."""
    clone, project = scratch / "clone", scratch / "project"
    git(repository, "clone", "--quiet", str(repository), str(clone))
    git(clone, "config", "user.name", "nobody")
    git(clone, "config", "user.email", "nobody@localhost")
    for command in tag_commands(version):
        git(clone, *command)
    release, _ = tags_of(version)
    newest = latest(git(clone, "tag", "--list").split())
    if newest != release:
        yield f"The latest release would be {newest}, not {release}. Raise `version` in pyproject.toml."
        return
    run_copy(str(clone), project, defaults=True, unsafe=True, quiet=True)  # without a reference: the latest tag
    copied = yaml.safe_load((project / ".copier-answers.yml").read_text())["_commit"]
    if copied != release:
        yield f"A copy without a reference takes {copied}, not {release}. Look at the tags of this repository."


def git(folder: Path, *arguments: str) -> str:
    """Return what a command of git prints."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
