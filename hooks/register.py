# /// script
# requires-python = ">=3.11"
# dependencies = ["libcst>=1.8", "pyyaml>=6"]
# ///
"""Make a project's host files agree with its answers files, which say which modules exist.

    python hooks/register.py sync [PROJECT]

`sync` adds what is missing and touches nothing else: a second run changes no byte. Every problem is reported at once,
with file, line and a fix, and then nothing is changed. Exit status: 0 done, 1 refused, 2 wrong usage.
Copier runs it in the project after a copy.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

try:
    from answers import read_modules
    from host import plan_sync, write_all
except ImportError as missing:  # pragma: no cover  # tested on interpreters that have neither libcst nor coverage
    if missing.name not in ("libcst", "yaml"):
        raise
    if shutil.which("uv") is None:
        sys.exit(
            f"Registering modules needs the package {missing.name}, which {sys.executable} lacks. "
            "Install libcst beside Copier (`pip install libcst`, `pipx inject copier libcst` "
            "or `uvx --with libcst copier …`), or install uv; then run the same command again."
        )
    os.execvp("uv", ["uv", "run", "--quiet", "--no-project", "--script", __file__, *sys.argv[1:]])  # noqa: S606


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["sync"], help="add what the host files lack")
    parser.add_argument("project", nargs="?", type=Path, default=Path(), help="its folder (default: this one)")
    project: Path = parser.parse_args(arguments).project
    modules, unreadable = read_modules(project)
    edits, broken = plan_sync(project, modules)
    problems = [*unreadable, *broken]
    if problems:
        print("Nothing was registered, and no file was changed:", *problems, sep="\n  ", file=sys.stderr)
        return 1
    write_all(edits)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
