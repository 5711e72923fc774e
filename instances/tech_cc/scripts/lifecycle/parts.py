"""What is updated by itself, the host and each module; and each as a release of the template renders it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .answers import Module
from .objects import Blob, Tree, write_blobs
from .project import HOST_ANSWERS, Project
from .releases import Notes, notes_between
from .render import Job, Rendering, rendering
from .report import RefusalError, say
from .source import Release, Source


@dataclass(frozen=True, slots=True)
class Part:
    """The host, or a module: what is updated by itself, and has answers of its own."""

    module: Module | None
    answers: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`host`, or the module's label."""
        return self.module.label if self.module else "host"

    @property
    def answers_file(self) -> str:
        """The file that holds its answers."""
        return self.module.answers_file if self.module else HOST_ANSWERS

    @property
    def release(self) -> str:
        """The release of the template that it has."""
        return str(self.answers["_commit"])


@dataclass(frozen=True, slots=True)
class Target:
    """The release to update to, and what it says of itself and of those before it."""

    source: Source
    release: Release
    told: Mapping[str, Notes]

    def notes(self, part: Part) -> dict[str, Notes]:
        """Return the notes of the releases between the part's and this one, oldest first."""
        return notes_between(self.told, after=part.release, until=self.release.name)


@dataclass(frozen=True, slots=True)
class Renders:
    """Each part, by its name, as its own release made it and as the target makes it."""

    bases: Mapping[str, Tree]
    theirs: Mapping[str, Tree]


@contextmanager
def renders_of(
    project: Project, parts: Sequence[Part], target: Target, scratch: Path
) -> Iterator[Callable[[], Renders]]:
    """Have both renders of each part made while the block runs, and yield what waits for them.

    Raises:
        RefusalError: The template has no such release, or does not take the answers.
    """
    source = target.source
    old = [_job(part, source, _release_of(part, source), part.answers, scratch / "old") for part in parts]
    new = [_job(part, source, target.release, _renamed(part, target), scratch / "new") for part in parts]
    say(f"rendering {len(parts)} part(s) at {target.release.name}, and as they came")
    with rendering(old) as old_way, rendering(new) as new_way:
        yield lambda: Renders(_stored(project, parts, old, old_way), _stored(project, parts, new, new_way))


def _stored(project: Project, parts: Sequence[Part], jobs: Sequence[Job], under_way: Rendering) -> dict[str, Tree]:
    """Wait, and return what was rendered of each part, as git stores it."""
    files = [
        [(path, Path(job.destination, path)) for path in paths]
        for job, paths in zip(jobs, under_way.paths(), strict=True)
    ]
    names = iter(write_blobs(project.top, [file for of_part in files for _path, file in of_part]))
    trees = ({path: Blob(_mode(file), next(names)) for path, file in of_part} for of_part in files)
    return dict(zip((part.name for part in parts), trees, strict=True))


def _mode(file: Path) -> str:
    return "100755" if file.stat().st_mode & 0o100 else "100644"


def _job(part: Part, source: Source, release: Release, answers: Mapping[str, Any], folder: Path) -> Job:
    return Job(
        release_folder=str(source.folder(release)),
        destination=str(folder / part.name),
        answers={key: value for key, value in answers.items() if not key.startswith("_")},
        answers_file=part.answers_file,
        release=release.name,
        address=source.address,
    )


def _release_of(part: Part, source: Source) -> Release:
    release = source.find(part.release)
    if release is None:
        raise RefusalError(
            f"{part.answers_file}: the template at {source.address} has no release {part.release}, from which "
            f"{part.name} came. Put the release that it has most in common with as _commit."
        )
    return release


def _renamed(part: Part, target: Target) -> dict[str, Any]:
    """Return the part's answers under the names that questions have by now."""
    answers = dict(part.answers)
    for notes in target.notes(part).values():
        for before, now in notes.questions.items():
            if before in answers:
                answers.setdefault(now, answers.pop(before))
    return answers
