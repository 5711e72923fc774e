"""Write several files, so that all are new or none is."""

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lifecycle.host import Edit


def write_all(project: Path, edits: Iterable[Edit]) -> None:
    """Write each file whole: a reader, or a kill, meets the old contents or the new ones, never a mixture.

    Raises:
        OSError: A file could not be written, for lack of space say; then none was changed.
    """
    staged: dict[Path, Path] = {}
    try:
        for edit in edits:
            path = (project / edit.path).resolve()
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            staged[Path(name)] = path
            _write(descriptor, edit.contents)
            Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
    except OSError:
        for temporary in staged:
            temporary.unlink()
        raise
    for temporary, path in staged.items():
        temporary.replace(path)


def _write(descriptor: int, contents: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())
