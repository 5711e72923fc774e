# /// script
# requires-python = ">=3.11"
# dependencies = ["libcst>=1.8", "pyyaml>=6"]
# ///
"""Make a project's host files agree with its answers files, which say which modules exist.

    python hooks/register.py sync [PROJECT]      after a copy: add what the host files lack
    python hooks/register.py strip [PROJECT]     before an update: take the entries out, so that no merge meets them
    python hooks/register.py heal [PROJECT]      after an update: put them back, conflicts elsewhere in a file or not

Each touches entries alone; a second run changes no byte. Every problem is reported at once, with file, line and a fix,
and then nothing is changed. Exit status: 0 done, 1 refused, 2 wrong usage. Copier runs it in the project.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

# What a project needs for itself is in the template, once: a project registers modules by the same code.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "template" / "scripts"))

try:
    from lifecycle.answers import read_modules
    from lifecycle.host import heal, plan, strip, sync
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

import git_index
from files import write_all

EDITS = {"sync": sync, "strip": strip, "heal": heal}


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=EDITS, metavar="COMMAND", help="sync, strip or heal")
    parser.add_argument("project", nargs="?", type=Path, default=Path(), help="its folder (default: this one)")
    options = parser.parse_args(arguments)
    modules, unreadable = read_modules(options.project)
    edits, broken = plan(options.project, modules, EDITS[options.command])
    if problems := [*unreadable, *broken]:
        print("No module was registered, and no file was changed:", *problems, sep="\n  ", file=sys.stderr)
        return 1
    try:
        write_all(options.project, edits)
    except OSError as fault:
        print(
            f"No file was changed, for one could not be written: {fault}. Fix: mend that, and run again.",
            file=sys.stderr,
        )
        return 1
    # Copier compares against the index: a stripped file must be in it, and a healed one is the user's to add again.
    changed = [options.project / edit.path for edit in edits]
    if options.command == "strip":
        git_index.add(options.project, changed)
    if options.command == "heal":
        git_index.unstage(options.project, changed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
