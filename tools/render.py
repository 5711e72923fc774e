"""Render the reference instance, or compare it with a fresh render.

    python tools/render.py           rebuild instances/tech_cc
    python tools/render.py --check   fail with a diff where it differs by one byte

The render is a first copy of this working tree as it stands, at the version that pyproject.toml names and under the
address that pyproject.toml publishes, so that the answers in it are the same on every machine.
"""

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instances" / "tech_cc"
# What a run of the instance leaves in it, and git ignores.
LEFTOVERS = {".hypothesis", ".venv", ".dev", "uv.lock", ".coverage", "htmlcov", ".benchmarks"}
FIXED_MOMENT = "2026-01-01T00:00:00Z"


def main() -> int:
    """Render or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, and compare")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "instance"
        render(fresh)
        if parser.parse_args().check:
            return compare(committed=INSTANCE, fresh=fresh)
        replace(INSTANCE, fresh)
        print(f"rendered {len(files_of(INSTANCE))} files to {INSTANCE.relative_to(ROOT)}")
        return 0


def render(destination: Path, **answers: str) -> None:
    """Copy the template into a folder that does not exist, with the given answers and the defaults for all others."""
    with tempfile.TemporaryDirectory() as scratch:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        address, tag = project["urls"]["Repository"], f"v{project['version']}"
        snapshot(Path(scratch) / "template", tag=tag)
        # git finds the snapshot under the published address, and Copier's cache of clones never sees it.
        stand_in = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{scratch}/template.insteadOf",
            "GIT_CONFIG_VALUE_0": address,
            "XDG_CACHE_HOME": scratch,
        }
        data = [f"--data={name}={value}" for name, value in answers.items()]
        copy = [sys.executable, "-m", "copier", "copy", "--trust", "--defaults", "--quiet", f"--vcs-ref={tag}", *data]
        subprocess.run([*copy, address, destination], check=True, env=os.environ | stand_in)


def snapshot(destination: Path, *, tag: str, has: Callable[[str], bool] = lambda _name: True) -> None:
    """Make a git repository of one commit, tagged, out of this working tree: of the files that it `has`, by name.

    What git ignores and the instances are left out.
    """
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.startswith("instances/") and has(name):
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name)
    nobody = {"NAME": "nobody", "EMAIL": "nobody@localhost", "DATE": FIXED_MOMENT}
    identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in nobody.items()}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", tag, "--no-verify"], ["tag", tag]):
        subprocess.run(["git", *command], cwd=destination, check=True, env=os.environ | identity)


def replace(instance: Path, fresh: Path) -> None:
    """Put the fresh render in the instance's place; what a run left there stays."""
    for name in files_of(instance).keys() - files_of(fresh).keys():
        (instance / name).unlink()
    shutil.copytree(fresh, instance, dirs_exist_ok=True)


def compare(*, committed: Path, fresh: Path) -> int:
    """Print how the two differ, file by file; return 0 where they do not."""
    ours, theirs = files_of(committed), files_of(fresh)
    differing = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    for name in differing:
        before, after = (side.get(name, b"").decode(errors="replace").splitlines() for side in (ours, theirs))
        print(*difflib.unified_diff(before, after, f"committed/{name}", f"fresh/{name}", lineterm=""), sep="\n")
        if (name in ours) != (name in theirs):
            print(f"{name}: only in the {'committed instance' if name in ours else 'fresh render'}")
    if differing:
        print(
            f"\n{len(differing)} files of instances/tech_cc differ from a fresh render. Fix: nox -s render",
            file=sys.stderr,
        )
        return 1
    print(f"instances/tech_cc: {len(ours)} files, equal to a fresh render")
    return 0


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what the folder holds, by relative name, without what a run leaves there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not any(_is_leftover(part) for part in path.relative_to(folder).parts)
    }


def _is_leftover(part: str) -> bool:
    return part in LEFTOVERS or part == "__pycache__" or (part.startswith(".") and part.endswith("_cache"))


if __name__ == "__main__":
    sys.exit(main())
