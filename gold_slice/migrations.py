"""Check the migrations of each module: one base with the label of the module, one head, and no unknown parent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .answers import Module
from .python_source import assigned, assigns, parsed
from .report import Finding

VERSIONS = "alembic/versions"


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration as its file states it."""

    path: str
    revision: str
    parents: tuple[str, ...]
    labels: tuple[str, ...]


def migration_findings(project: Path, modules: Sequence[Module]) -> Iterator[Finding]:
    """Yield what is wrong with the migrations."""
    read = {
        folder.name: _read(project, folder) for folder in sorted((project / VERSIONS).glob("*/")) if folder.is_dir()
    }
    read = {name: steps for name, steps in read.items() if steps}
    known = {module.name for module in modules}
    for module in modules:
        yield from _of_module(module, read.get(module.name, []))
    for name in sorted(read.keys() - known):
        what = "these migrations do not belong to any module"
        yield Finding("GS502", f"{VERSIONS}/{name}", what, "restore the module from git, or remove the folder")
    yield from _doubled([step for steps in read.values() for step in steps if isinstance(step, Migration)])


def revisions_of(project: Path, module: Module) -> list[str]:
    """Return the revisions of a module's migrations, as far as they can be read."""
    steps = _read(project, project / VERSIONS / module.name)
    return [step.revision for step in steps if isinstance(step, Migration)]


def heads_of(project: Path, module: Module) -> list[str]:
    """Return the revisions of a module on which no other builds."""
    steps = [step for step in _read(project, project / VERSIONS / module.name) if isinstance(step, Migration)]
    return sorted({step.revision for step in steps} - {parent for step in steps for parent in step.parents})


def _of_module(module: Module, steps: Sequence[Migration | Finding]) -> Iterator[Finding]:
    folder = f"{VERSIONS}/{module.name}"
    yield from (step for step in steps if isinstance(step, Finding))
    migrations = [step for step in steps if isinstance(step, Migration)]
    if not migrations:
        yield Finding("GS501", folder, "there are no migrations", "restore them from git")
        return
    bases = [step for step in migrations if not step.parents]
    if [step.labels for step in bases] != [(module.label,)]:
        found = ", ".join(f"{base.revision} with {base.labels}" for base in bases) or "none"
        what = f"there must be one base, with the branch label {module.label}; there is {found}"
        yield Finding("GS503", folder, what, "correct down_revision and branch_labels")
    heads = {step.revision for step in migrations} - {parent for step in migrations for parent in step.parents}
    if len(heads) > 1:
        what = f"there are several heads: {', '.join(sorted(heads))}"
        merge = f"uv run alembic merge --rev-id {module.name}_NUMBER_merge -m Merge {' '.join(sorted(heads))}"
        yield Finding("GS504", folder, what, f"{merge}; then move the new file into {folder}")
    known = {step.revision for step in migrations}
    for step in migrations:
        for parent in set(step.parents) - known:
            what = f"it builds on {parent}, which is not a migration of {module.label}"
            yield Finding("GS505", step.path, what, "correct down_revision, or restore that migration")


def _doubled(migrations: Sequence[Migration]) -> Iterator[Finding]:
    first: dict[str, Migration] = {}
    for step in migrations:
        if (known := first.setdefault(step.revision, step)) is not step:
            what = f"the revision {step.revision} is in {known.path} too"
            yield Finding("GS506", step.path, what, "give one of them another id")


def _read(project: Path, folder: Path) -> list[Migration | Finding]:
    return [_migration(project, path) for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]


def _migration(project: Path, path: Path) -> Migration | Finding:
    name = path.relative_to(project).as_posix()
    source = parsed(path)
    if isinstance(source, str):
        return Finding("GS507", name, source, "correct the file, or restore it from git")
    revision = assigned(source, "revision")
    if not isinstance(revision, str) or not assigns(source, "down_revision"):
        return Finding("GS507", name, "it states no revision and down_revision", "put them back, or move the file away")
    return Migration(
        name, revision, _texts(assigned(source, "down_revision")), _texts(assigned(source, "branch_labels"))
    )


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, (list, tuple, set)) else ()
