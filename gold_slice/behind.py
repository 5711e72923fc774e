"""How far the parts of a project are behind the releases of their template, and what those releases are about."""

import re
from collections.abc import Iterator

from .answers import HOST_ANSWERS, Module, ejected_files, origin_of, read_answers, read_modules
from .git import GitError
from .project import Project
from .releases import latest, notes_between, version_of
from .render import Part
from .report import RefusalError
from .template import Template, known_template, open_template

CHANGELOG = "CHANGELOG.md"
TOLD = 3  # entries of the changelog a release


def releases_of(project: Project, *, asks: bool) -> list[str]:
    """Return a sentence for each part that is behind, one for each release in between, and the ejected files.

    Without `asks` the template's repository is taken as this machine knows it, and nothing is said if it does not.
    """
    told: dict[str, None] = {}
    for part in _parts(project):
        address, release = str(part.answers["_src_path"]), part.release
        template = open_template(address, needs=None) if asks else known_template(address)
        later = _later(template, release) if template else []
        if template and later:
            told[f"{part.name} is at {release}, {len(later)} release(s) behind {later[-1]}"] = None
            told |= dict.fromkeys(_about(template, later))
    return sorted(told, key=lambda line: version_of(line.partition(":")[0]) is not None) + list(_ejected(project))


def _parts(project: Project) -> Iterator[Part]:
    modules: list[Module | None] = [None, *read_modules(project.folder)[0]]
    for module in modules:
        try:
            answers = read_answers(project.folder / (module.answers_file if module else HOST_ANSWERS))
        except ValueError:
            continue
        if origin_of(answers):
            yield Part(module, answers)


def _later(template: Template, release: str) -> list[str]:
    """Return the releases after one, oldest first; pre-releases do not count."""
    try:
        known = template.tags()
        newest = latest(known)
    except (GitError, RefusalError):  # a folder without git, or without a release
        return []
    tags = {tag: "" for tag in known if (version := version_of(tag)) and not version.is_prerelease}
    return list(notes_between(tags, after=release, until=newest))


def _about(template: Template, tags: list[str]) -> Iterator[str]:
    """Yield the first entries of each release in the changelog."""
    text = template.read(template.get(tags[-1]), CHANGELOG) or ""
    sections = dict(re.findall(r"(?ms)^## \[?v?(\d[\w.]*)[^\n]*\n(.*?)(?=^## |\Z)", text))
    for tag in tags:
        entries = re.findall(r"(?ms)^- (.*?)(?=^- |^#|^$|\Z)", sections.get(tag.removeprefix("v"), ""))
        lines = [" ".join(each.split()) for each in entries]
        more = f" And {len(lines) - TOLD} more in {CHANGELOG}." if len(lines) > TOLD else ""
        yield f"{tag}: {' '.join(lines[:TOLD]) or 'nothing in the changelog'}{more}"


def _ejected(project: Project) -> Iterator[str]:
    for part in _parts(project):
        if files := ejected_files(part.answers):
            yield f"{part.name} has ejected files, which updates leave as they are: {', '.join(files)}"
