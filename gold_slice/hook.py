"""What Copier's tasks and migrations do in a project; `hooks/register.py` calls it."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .address import lasting_address
from .answers import HOST_ANSWERS, origin_of, read_answers, read_modules, write_origin
from .conflict_markers import edited_beside_conflicts
from .git import git, try_git
from .host_lists import host_lists
from .list_literal import add_entries, remove_entries
from .registration import host_edits, write_all
from .report import without_secrets
from .trust import record_trust


def main(arguments: Sequence[str]) -> int:
    """Run `copied`, `register` or `unregister` in the folder of a project, and return the exit status."""
    parser = ArgumentParser(
        prog="hooks/register.py", description="Register the modules of a project; Copier runs this."
    )
    parser.add_argument("command", choices=["copied", "register", "unregister"])
    command = parser.parse_args(arguments).command
    project = Path.cwd()
    if command == "copied":
        for warning in settle_origins(project):
            print(warning, file=sys.stderr)
    return _unregister(project) if command == "unregister" else _register(project)


def settle_origins(project: Path) -> list[str]:
    """Make the answers files name an address and a release that can be fetched later; return warnings.

    `gh:` and relative paths become what they stand for, passwords are removed, and a release that exists only in
    Copier's temporary clone, made from files that are not committed, is removed.
    """
    warnings: dict[str, None] = {}
    for path in (project / HOST_ANSWERS, *sorted(project.glob(".copier-answers.*.yml"))):
        try:
            answers = read_answers(path)
        except ValueError:
            continue
        written = answers.get("_src_path")
        if not isinstance(written, str) or (path.name != HOST_ANSWERS and answers.get("scope") != "module"):
            continue
        address, release = lasting_address(written), answers.get("_commit")
        if release is None or not _can_be_fetched(address, str(release)):
            warnings[
                f"Copier rendered files of {without_secrets(address)} that are in no commit, so this project cannot be "
                "updated. Commit them and copy again, or put a tag of the template as _commit into the answers files."
            ] = None
            release = None
        if (address, release) != (written, answers.get("_commit")):
            write_origin(path, address=address, release=release)
        if origin_of(read_answers(path)):
            record_trust(address)  # `copier copy --trust` has accepted the address
    return list(warnings)


def _can_be_fetched(address: str, release: str) -> bool:
    folder = Path(address.removeprefix("file://"))
    if not folder.is_dir():
        return True  # it came from a server
    return try_git(folder, "rev-parse", "--verify", "-q", f"{release}^{{commit}}").returncode == 0


def _register(project: Path) -> int:
    modules, unreadable = read_modules(project)
    edits, broken = host_edits(project, host_lists(), modules, _add_beside_conflicts)
    if problems := [*unreadable, *broken]:
        print("No module was registered, and no file was changed:", *problems, sep="\n  ", file=sys.stderr)
        return 1
    try:
        write_all(project, edits)
    except OSError as fault:
        print(f"No file was changed, because one could not be written: {fault}.", file=sys.stderr)
        return 1
    _unstage(project, list(edits))
    return 0


def _add_beside_conflicts(source: bytes, *, name: str, entries: Sequence[str]) -> bytes:
    return edited_beside_conflicts(source, lambda ours: add_entries(ours, name=name, entries=entries))


def _unregister(project: Path) -> int:
    """Take plain entries out of the lists that the project has; what an older layout lacks is passed over."""
    modules, _unreadable = read_modules(project)
    edits, _missing = host_edits(project, host_lists(), modules, partial(remove_entries, only_plain=True))
    write_all(project, edits)
    if edits:  # Copier compares the files with git's index
        git(project, "add", "--", *edits)
    return 0


def _unstage(project: Path, paths: Sequence[str]) -> None:
    """Leave what the hook wrote for the user to stage; a file with a conflict keeps its mark."""
    if try_git(project, "rev-parse", "--verify", "-q", "HEAD").returncode != 0:
        return
    merged = [path for path in paths if not git(project, "ls-files", "--unmerged", "--", path)]
    if merged:
        git(project, "reset", "--quiet", "--", *merged)
