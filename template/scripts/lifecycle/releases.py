"""What the template's releases say of themselves: `releases.yml` of the template, read as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from .report import RefusalError

NOTES_FILE = "releases.yml"


@dataclass(frozen=True, slots=True)
class Notes:
    """What whoever updates to a release has to know; paths as in the template, without `.jinja`."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    questions: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


def version_of(name: str) -> Version | None:
    """Return the version that a tag stands for, or None where it stands for none."""
    try:
        return Version(name)
    except InvalidVersion:
        return None


def latest(tags: Iterable[str]) -> str:
    """Return the tag of the latest release, as PEP 440 orders them, and pre-releases left out.

    Raises:
        RefusalError: There is none.
    """
    versions = {tag: version for tag in tags if (version := version_of(tag)) and not version.is_prerelease}
    if not versions:
        raise RefusalError("The template has no release yet: no tag like v1.2.0. Name a reference with --to.")
    return max(versions, key=lambda tag: versions[tag])


def notes_between(source: bytes | None, *, after: str, until: str) -> dict[str, Notes]:
    """Return the notes of every release after one and until another, oldest first.

    A release that is no tag but a commit on the way to one gets the notes of the versions that are not out yet.

    Raises:
        RefusalError: The file is not in the form that this page describes.
    """
    known = {tag: (version_of(tag), notes) for tag, notes in _parsed(source).items()}
    first, last = base_version(after), version_of(until)
    wanted = {
        tag: (version, notes)
        for tag, (version, notes) in known.items()
        if version and (first is None or version > first) and (last is None or version <= last)
    }
    return {tag: notes for tag, (_version, notes) in sorted(wanted.items(), key=lambda item: item[1][0] or Version("0"))}


def base_version(name: str) -> Version | None:
    """Return the version of a tag, or of the tag from which a description like v1.2.0-3-gabc1234 counts."""
    return version_of(name) or version_of(name.rsplit("-", 2)[0])


def _parsed(source: bytes | None) -> dict[str, Notes]:
    try:
        document: Any = yaml.safe_load(source or b"") or {}
        return {str(tag): Notes(**(notes or {})) for tag, notes in document.items()}
    except (yaml.YAMLError, TypeError, AttributeError) as fault:
        raise RefusalError(f"The template's {NOTES_FILE} cannot be read: {fault}. Tell its maintainers.") from fault
