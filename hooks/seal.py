"""Note what the template made of a module, so that its user's edits can be told from it later.

    python hooks/seal.py DOMAIN MODULE

Copier runs it in the project while the module's files are as the template made them: after a copy, and in each render
of an update. Which files those are is read off the template beside this file.
"""

import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "template"
sys.path.insert(0, str(TEMPLATE / "scripts"))

from lifecycle.answers import Module  # noqa: E402  # found through the line above
from lifecycle.seal import MARK_OF_MODULE, sealed  # noqa: E402


def main(arguments: list[str]) -> None:
    """Write the seal of the module."""
    module = Module(*arguments)
    paths = (path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*") if path.is_file())
    names = (
        path.removesuffix(".jinja").replace(MARK_OF_MODULE, module.name) for path in paths if MARK_OF_MODULE in path
    )
    Path(module.seal).write_bytes(
        sealed(Path(), [name for name in names if module.owns(name) and Path(name).is_file()])
    )


if __name__ == "__main__":
    main(sys.argv[1:])
