"""End the process with a sentence where it runs outside the project's own environment; a command imports this first."""

import sys
from importlib.util import find_spec
from types import TracebackType

if missing := [name for name in ("copier", "filelock", "libcst", "yaml") if find_spec(name) is None]:
    sys.exit(
        f"{sys.executable} lacks {', '.join(missing)}, which the project's own environment has. "
        "Run `uv sync`, then the same again with `uv run python` before it."
    )


def _end(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """Spare whoever presses Ctrl-C while the rest is imported a traceback."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, fault, trace)


sys.excepthook = _end
