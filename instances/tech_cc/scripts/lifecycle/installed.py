"""End the process with a sentence where it runs outside the project's own environment; a command imports this first."""

import sys
from importlib.util import find_spec

if missing := [name for name in ("copier", "filelock", "libcst", "yaml") if find_spec(name) is None]:
    sys.exit(
        f"{sys.executable} lacks {', '.join(missing)}, which the project's own environment has. "
        "Run `uv sync`, then the same again with `uv run python` before it."
    )
