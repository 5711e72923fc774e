"""Tell which files of a module its user edited: the template's own contents are kept as checksums beside them.

The file is in the form of `sha256sum`, so `sha256sum --check src/backend/<module>/.rendered.sha256` reads it too.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from .answers import Module

MARK_OF_MODULE = "{{ module }}"  # in the path of every file of the template that a module consists of


def sealed(folder: Path, paths: Iterable[str]) -> bytes:
    """Return the checksums of the files, which lie below the folder just as the template made them."""
    lines = (f"{_digest(folder / path)}  {path}\n" for path in sorted(paths))
    return "".join(lines).encode()


def edited_files(project: Path, module: Module) -> list[str] | None:
    """Return the module's files that were changed, added or deleted since they came; None where nothing tells."""
    try:
        lines = (project / module.seal).read_text().splitlines()
        known = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError):
        return None
    present = {path for path in files_of(project, module) if path not in (module.seal, module.answers_file)}
    return sorted(
        path for path in known.keys() | present if path not in present or known.get(path) != _digest(project / path)
    )


def files_of(project: Path, module: Module) -> list[str]:
    """Return the module's files that are there, sorted, without byte code."""
    folders = (project / folder for folder in module.folders)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    names = [path.relative_to(project).as_posix() for path in files if "__pycache__" not in path.parts]
    return sorted([*names, *([module.answers_file] if (project / module.answers_file).is_file() else [])])


def _digest(path: Path) -> str:
    """Return the checksum of a file; of a link that leads to none, that it is no file of the template's."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
