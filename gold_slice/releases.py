"""Order releases, and read what `releases.yml` of the template says about each."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from .report import RefusalError

NOTES_FILE = "releases.yml"
VERSION = re.compile(r"v\d|\d+\.")  # a hash of digits only, like 1234567, is not a version


@dataclass(frozen=True, slots=True)
class Notes:
    """What a user of a release has to know; paths are those in `template/`, without `.jinja`."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    questions: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    steps: list[str | Mapping[str, str]] = field(default_factory=list)

    def manual_steps(self) -> list[str]:
        """Return each step, with the prompt that tells a coding agent how to do and to check it, if there is one."""
        return [
            step if isinstance(step, str) else f"{step['step']} A prompt for a coding agent: {step['prompt']}"
            for step in self.steps
        ]


def version_of(name: str) -> Version | None:
    """Return the version that a tag names, or None."""
    try:
        return Version(name) if VERSION.match(name) else None
    except InvalidVersion:
        return None


def latest(tags: Iterable[str]) -> str:
    """Return the tag of the latest release in the order of PEP 440; pre-releases do not count.

    Raises:
        RefusalError: There is none.
    """
    versions = {tag: version for tag in tags if (version := version_of(tag)) and not version.is_prerelease}
    if not versions:
        raise RefusalError("The template has no release yet: no tag like v1.2.0. Name a reference with --to.")
    return max(versions, key=lambda tag: versions[tag])


def read_notes(source: bytes | None) -> dict[str, Notes]:
    """Return the notes of each release that has any.

    Raises:
        RefusalError: The file is not in the form that `Notes` describes.
    """
    try:
        document: Any = yaml.safe_load(source or b"") or {}
        told = {str(tag): Notes(**(notes or {})) for tag, notes in document.items()}
        for notes in told.values():
            notes.manual_steps()
    except (yaml.YAMLError, TypeError, AttributeError, KeyError) as fault:
        raise RefusalError(f"The template's {NOTES_FILE} cannot be read: {fault}. Tell its maintainers.") from fault
    return told


def notes_between[T](told: Mapping[str, T], *, after: str, until: str) -> dict[str, T]:
    """Return the notes of every release after one and until another, oldest first.

    If the last is a commit between two tags, notes of versions that are not released yet are included.
    """
    first, last = base_version(after), version_of(until)
    versions = {tag: version for tag in told if (version := version_of(tag))}
    wanted = [
        tag for tag, version in versions.items() if (not first or version > first) and (not last or version <= last)
    ]
    return {tag: told[tag] for tag in sorted(wanted, key=lambda tag: versions[tag])}


def base_version(name: str) -> Version | None:
    """Return the version of a tag, or of the tag from which a description like v1.2.0-3-gabc1234 counts."""
    return version_of(name) or version_of(name.rsplit("-", 2)[0])
