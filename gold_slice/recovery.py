"""Complete what a killed command left incomplete; every command does this before its own work."""

from . import landing, pending
from .project import UPDATE_FOLDER, Project
from .report import RefusalError, progress


def is_interrupted(project: Project) -> bool:
    """Return whether a command was killed while it changed files."""
    return pending.is_pending(project) or landing.is_interrupted(project)


def refuse_interrupted(project: Project) -> None:
    """Raise if there is something to complete, for a preview changes nothing."""
    if is_interrupted(project):
        raise RefusalError("A command was interrupted. `uv run python scripts/doctor.py --fix` completes it first.")


def complete_interrupted(project: Project) -> None:
    """Complete the change of a killed command, and remove its temporary work tree."""
    if pending.is_pending(project):
        progress(f"`{pending.complete(project)}` was interrupted, and is complete now")
    if landing.is_interrupted(project):
        landing.repair(project)
        progress("the update was interrupted, and is complete now")
        (project.state / "update.json").unlink(missing_ok=True)
    left = project.folder / UPDATE_FOLDER
    if left.exists() and not (project.state / "update.json").exists():
        from .merge import WorkTree  # noqa: PLC0415  # libcst takes 0.2 s to import

        WorkTree(project, left).remove()
