"""Which files of a part its user edited, compared with what the part's release renders."""

from pathlib import Path

from .git import git
from .project import Project
from .render import Part, files_in, render
from .template import open_template

MOST_GROWTH = 10  # a file that grew more is not read: it is another one


def as_released(part: Part) -> Path:
    """Return a folder with the part as its own release makes it.

    Raises:
        RefusalError: The release cannot be had, or does not take the answers.
    """
    template = open_template(str(part.answers["_src_path"]), needs=part.release)
    return render(part, template, template.get(part.release), part.answers)


def present_files(project: Project, part: Part) -> list[str]:
    """Return the files of a module that are there, without byte code."""
    assert part.module
    folders = (project.folder / name for name in part.module.folders)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    names = [path.relative_to(project.folder).as_posix() for path in files if "__pycache__" not in path.parts]
    return sorted([*names, part.answers_file])


def edited_files(project: Project, part: Part) -> list[str]:
    """Return the files of a module that were changed, added or deleted since they came from the template."""
    folder = as_released(part)
    released, present = set(files_in(folder)), set(present_files(project, part))
    changed = [path for path in released & present if not _is_same(project, path, folder / path)]
    return sorted({*changed, *(released ^ present)} - {part.answers_file})


def _is_same(project: Project, path: str, released: Path) -> bool:
    file = project.folder / path
    if file.is_symlink() or released.is_symlink():
        return file.is_symlink() and released.is_symlink() and file.readlink() == released.readlink()
    if file.stat().st_size > MOST_GROWTH * released.stat().st_size:
        return False
    if file.read_bytes().replace(b"\r\n", b"\n") == released.read_bytes().replace(b"\r\n", b"\n"):
        return True
    if not project.is_under_git:
        return False
    # A filter of the user's may change the contents on their way to git.
    names = git(project.folder, "hash-object", f"--path={path}", "--", str(file), str(released)).split()
    return names[0] == names[1]
