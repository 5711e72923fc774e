# /// script
# requires-python = ">=3.13"
# dependencies = ["libcst>=1.9", "pyyaml>=6"]
# ///
"""Make a project's lists of modules agree with its answers files. Copier runs this in the project.

    python hooks/register.py copied        after a copy: make the address in the answers files last, then register
    python hooks/register.py register      after an update: add what the lists lack
    python hooks/register.py unregister    before an update by plain Copier: remove the entries

A problem is printed with file, line and a fix, and nothing is changed then. Exit status: 0 done, 1 refused, 2 usage.
"""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the package is beside this folder

try:
    from gold_slice import hook
except ImportError as missing:  # pragma: no cover  # tested on interpreters that lack libcst, and coverage too
    if missing.name in (None, "gold_slice"):
        raise
    if shutil.which("uv") is None:
        sys.exit(
            f"Registering modules needs the package {missing.name}, which {sys.executable} lacks. "
            "Install libcst beside Copier (`pip install libcst`, `pipx inject copier libcst` "
            "or `uvx --with libcst copier …`), or install uv; then run the same command again."
        )
    os.execvp("uv", ["uv", "run", "--quiet", "--no-project", "--script", __file__, *sys.argv[1:]])  # noqa: S606

sys.exit(hook.main(sys.argv[1:]))
