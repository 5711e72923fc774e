"""Run a job of noxfile.py on a machine that has nothing but git and Python 3.11 or later.

    python3 bootstrap.py demo       see the template at work
    python3 bootstrap.py tests      run every test there is
    python3 bootstrap.py --list     see all jobs

nox and uv are used where they are installed, else put into .venv/bootstrap with pip. What follows the job goes to nox
as it stands. Exit status: that of nox.
"""

from __future__ import annotations  # so that an older Python comes as far as the sentence that refuses it

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv" / "bootstrap"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
REQUIREMENTS = ROOT / "requirements" / "bootstrap.txt"


def main(arguments: list[str]) -> int | str:
    """Return nox's exit status, or a sentence that says what is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the one file that may meet an older Python
        return f"This needs Python 3.11 or later, and runs on {sys.version.split()[0]}. Try: python3.13 bootstrap.py"
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if not (shutil.which("nox") and shutil.which("uv")):
        os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
        if complaint := install():
            return complaint
    job = arguments if arguments[0].startswith("-") else ["--session", *arguments]
    return run("nox", "--noxfile", ROOT / "noxfile.py", *job)


def install() -> str | None:
    """Put nox and uv into a virtual environment, unless they are there; return a sentence where that fails."""
    installed = VENV / "requirements.txt"
    if installed.exists() and installed.read_bytes() == REQUIREMENTS.read_bytes():
        return None
    print("bootstrap: putting nox and uv into .venv/bootstrap", flush=True)
    if run(sys.executable, "-m", "venv", "--clear", VENV):
        return "Python cannot make a virtual environment here. Install its venv (Debian: apt-get install python3-venv)."
    pip = [str(BIN / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if run(*pip, "install", "--require-hashes", "--requirement", REQUIREMENTS):
        return "pip could not install nox and uv, as said above. Check the way to your package index, and try again."
    shutil.copy(REQUIREMENTS, installed)
    return None


def run(*command: str | Path) -> int:
    """Run a command and return its exit status."""
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
