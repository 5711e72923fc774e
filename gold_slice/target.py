"""The release that an update goes to: its notes, its questions, and what it makes of each part."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .answers import HOST_ANSWERS, origin_of, read_answers
from .host_lists import HostList, host_lists
from .merge import Render, Step
from .project import Project
from .releases import NOTES_FILE, Notes, base_version, latest, notes_between, read_notes
from .render import Part, render
from .report import RefusalError
from .template import Release, Template, open_template, own_release
from .trust import check_trust

UNCHANGEABLE = ("scope", "domain", "module")


@dataclass(frozen=True, slots=True)
class Target:
    """A release of the template, with the notes of all releases and its questions by name."""

    template: Template
    release: Release
    notes: Mapping[str, Notes]
    questions: Mapping[str, Any]

    @property
    def reference(self) -> str:
        """The tag of the release, or its commit if it has none."""
        return self.release.name if self.release.name in self.template.tags() else self.release.commit

    def notes_for(self, part: Part) -> dict[str, Notes]:
        """Return the notes of the releases between the part's and this one, oldest first."""
        return notes_between(self.notes, after=part.release, until=self.release.name)

    def is_new_for(self, part: Part, settings: Mapping[str, Any]) -> bool:
        """Return whether the part is at another release, or the settings change an answer of it."""
        changed = (name for name, value in settings.items() if name in part.answers and part.answers[name] != value)
        return part.release != self.release.name or any(name in self.questions for name in changed)

    def refuse_downgrade(self, parts: Iterable[Part]) -> None:
        """Raise if a part is at a later release."""
        newest = base_version(self.release.name)
        later = [part for part in parts if newest and (has := base_version(part.release)) and has > newest]
        if later:
            raise RefusalError(
                *(
                    f"{part.name} is at {part.release}, which is later than {self.release.name}. Name a later --to."
                    for part in later
                )
            )

    def step(self, part: Part, settings: Mapping[str, Any], *, asks: bool) -> Step:
        """Render a part as its own release makes it and as this one does.

        Raises:
            RefusalError: The template has no such release any more, or does not take the answers.
        """
        old = self.template.find(part.release)
        if old is None:
            raise RefusalError(
                f"{part.answers_file}: the template at {self.template.address} has no release {part.release}, from "
                f"which {part.name} came. Put the release that {part.name} is most like as _commit."
            )
        answers = self._renamed(part) | {key: value for key, value in settings.items() if key in self.questions}
        base = Render(render(part, self.template, old, part.answers), self._lists(part, old))
        folder = render(part, self.template, self.release, answers, ask=asks and self._asks_more(part, answers))
        given = {key: value for key, value in read_answers(folder / part.answers_file).items() if key not in answers}
        new = Render(folder, self._lists(part, self.release))
        return Step(part, base, new, self._renames(part), given)

    def _lists(self, part: Part, release: Release) -> list[HostList]:
        """Return the lists of modules if the part has them: only the host does."""
        return [] if part.module else host_lists(self.template.checkout(release))

    def before_deploy(self, project: Project, steps: Sequence[Step]) -> list[str]:
        """Return what the releases between the oldest part and this one ask for, oldest first."""
        told = [
            f"{self.release.name} asks a new question, {name}; the answer is {value!r} for {step.part.name}. "
            f"Another one: update_modules.py --set {name}=ANSWER"
            for step in steps
            for name, value in step.new_answers.items()
        ]
        notes = {tag: each for step in steps for tag, each in self.notes_for(step.part).items()}
        env = project.folder / ".env"
        set_here = env.read_text(errors="replace") if env.is_file() else ""
        for tag in notes_between(notes, after="v0.0.0", until=self.release.name):
            told += [
                f"{tag}: setting {key}: {meaning}{' (your .env sets it)' if f'{key}=' in set_here else ''}"
                for key, meaning in notes[tag].environment.items()
            ]
            told += [f"{tag}: changed: {line}" for line in notes[tag].changed]
            told += [f"{tag}: step: {line}" for line in notes[tag].manual_steps()]
        return told

    def _asks_more(self, part: Part, answers: Mapping[str, Any]) -> bool:
        """Return whether there are questions for the part that have no answer."""
        scope = "module" if part.module else "project"
        conditions = {name: question.get("when", scope) for name, question in self.questions.items()}
        asked = [name for name, when in conditions.items() if when is True or scope in str(when)]
        return any(name not in answers for name in asked)

    def _renamed(self, part: Part) -> dict[str, Any]:
        """Return the part's answers under the names that the questions have in this release."""
        answers = dict(part.answers)
        for notes in self.notes_for(part).values():
            for before, now in notes.questions.items():
                if before in answers:
                    answers.setdefault(now, answers.pop(before))
        return answers

    def _renames(self, part: Part) -> dict[str, str]:
        """Return the renames that the releases on the way declare, old to new, with the part's own names."""
        moves: dict[str, str] = {}
        for notes in self.notes_for(part).values():
            for before, now in notes.renamed.items():
                if ("{{ module }}" in before) == (part.module is not None):
                    name = part.module.name if part.module else ""
                    old, new = (path.replace("{{ module }}", name) for path in (before, now))
                    moves[next((start for start, end in moves.items() if end == old), old)] = new
        return moves


def lists_of_host(template: Template, project: Path) -> list[HostList]:
    """Return the lists of modules in the release that the host of a project has."""
    release = template.find(str(read_answers(project / HOST_ANSWERS).get("_commit")))
    return host_lists(template.checkout(release)) if release else []


def find_targets(
    project: Path, parts: Sequence[Part], reference: str | None, settings: Mapping[str, Any]
) -> tuple[Target, dict[str, Target]]:
    """Return the target of the host's template, and that of each template that parts come from, by its address.

    `reference` names a release of the host's template; parts of another one go to its latest.

    Raises:
        RefusalError: There is no such release, no template asks what the settings answer, or one is not trusted.
    """
    host = origin_of(read_answers(project / HOST_ANSWERS))
    if host is None:
        raise RefusalError(f"{HOST_ANSWERS} names no release of the template. Restore the file from git.")
    targets = {}
    for address in dict.fromkeys(part.address for part in parts):
        if address != host[0]:
            check_trust(address)
        targets[address] = find_target(address, reference if address == host[0] else None)
    for name in settings:
        if not any(name in target.questions for target in targets.values()):
            release = next(iter(targets.values())).release.name
            raise RefusalError(f"{release} asks no question {name}; see copier.yml of the template.")
    return targets.get(host[0]) or find_target(*host), targets


def find_target(address: str, reference: str | None) -> Target:
    """Return the release that was asked for; else the release of this command, or the latest.

    Raises:
        RefusalError: There is no such release.
    """
    own = own_release()
    if reference is None and own and own[0] == address:
        reference = own[1]
    template = open_template(address, needs=reference)
    release = template.get(reference or latest(template.tags()))
    questions = yaml.safe_load(template.read(release, "copier.yml") or "") or {}
    return Target(
        template,
        release,
        read_notes((template.read(release, NOTES_FILE) or "").encode()),
        {name: question for name, question in questions.items() if not name.startswith("_")},
    )


def read_settings(pairs: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the answers of `--set question=answer`, and a sentence for each that is not one."""
    settings, problems = {}, []
    for pair in pairs:
        question, equals, answer = pair.partition("=")
        try:
            settings[question] = yaml.safe_load(answer)
        except yaml.YAMLError:
            equals = ""
        if not equals or question in UNCHANGEABLE or question.startswith("_"):
            problems.append(f"--set {pair}: write question=answer; scope, domain and module cannot be changed.")
    return settings, problems
