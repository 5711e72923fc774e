"""Run a job of noxfile.py on a machine that has nothing but git and Python 3.11 or later.

    python3 bootstrap.py demo       see the template at work
    python3 bootstrap.py tests      run every test there is
    python3 bootstrap.py --list     see all jobs

nox and uv are used where they are installed, else put into .venv/bootstrap with pip. Exit status: that of nox.
"""

import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv", "bootstrap")
REQUIREMENTS = os.path.join(ROOT, "requirements", "bootstrap.txt")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")


def main(arguments):
    """Return nox's exit status for the given jobs, or options."""
    if sys.version_info < (3, 11):
        return "This needs Python 3.11 or later, and runs on {}.{}. Try python3.13 {}".format(
            sys.version_info[0], sys.version_info[1], " ".join(sys.argv)
        )
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if shutil.which("nox") is None or shutil.which("uv") is None:
        missing = install()
        if missing:
            return missing
    nox = [shutil.which("nox") or os.path.join(BIN, "nox"), "-f", os.path.join(ROOT, "noxfile.py")]
    chosen = ["--list"] if arguments == ["--list"] else ["-s", *arguments]
    return subprocess.run([*nox, *chosen]).returncode


def install():
    """Put nox and uv into a virtual environment and onto PATH; return a sentence where that fails."""
    marker = os.path.join(VENV, "requirements.txt")
    with open(REQUIREMENTS, "rb") as file:
        wanted = file.read()
    if not (os.path.exists(marker) and open(marker, "rb").read() == wanted):
        print("bootstrap: putting nox and uv into .venv/bootstrap", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", "--clear", VENV]).returncode:
            return "Python's venv module does not work here. Install it (Debian: apt-get install python3-venv)."
        pip = [os.path.join(BIN, "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        if subprocess.run([*pip, "--require-hashes", "-r", REQUIREMENTS]).returncode:
            return "pip could not install nox and uv, as said above. Check the connection to your package index."
        with open(marker, "wb") as file:
            file.write(wanted)
    os.environ["PATH"] = BIN + os.pathsep + os.environ.get("PATH", "")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
