"""Apply the codemods of the releases on the way to all Python of a project, the user's own files included."""

from collections.abc import Iterator, Mapping, Sequence

from .answers import Module, read_answers
from .codemods import Codemod, Place
from .codemods.drafts import write_drafts
from .codemods.mentions import MOST_BYTES, mentions
from .codemods.run import Migration, codemods_between, migrate
from .git import git, lines
from .merge import WorkTree
from .report import Report
from .template import checkout_of


def migrate_code(
    tree: WorkTree,
    parts: Mapping[str, tuple[str, str]],
    modules: Sequence[Module],
    conflicts: Sequence[str],
    report: Report,
) -> None:
    """Change the files of the work tree, except those in conflict, and put reasons and places into the report.

    `parts` are the answers files of the updated parts, with the release before and the one now.
    """
    since: dict[tuple[str, str], dict[str, str]] = {}
    for file, (before, after) in parts.items():
        address = str(read_answers(tree.folder / file)["_src_path"])
        since.setdefault((address, after), {})[file] = before
    codemods = [
        each
        for (address, after), of_template in since.items()
        for each in codemods_between(checkout_of(address, after), modules, since=of_template, until=after)
    ]
    if not codemods:
        return
    files = {*tree.python_files()} - {*conflicts}
    migration = migrate(tree.folder, files, codemods)
    drafts = dict(write_drafts(tree.folder, sorted(migration.drafts), modules))
    tree.write({path: migration.sources[path].code for path in migration.reasons} | drafts)
    places = [*migration.told(), *_mentions(tree, migration, conflicts, codemods), *_not_committed(tree, codemods)]
    report.reasons, report.places = migration.reasons, [str(place) for place in sorted(places)]
    told = [f"{path} is a draft of a migration: review it, and drop .draft." for path in drafts]
    report.before_deploy += [each for each in told if each not in report.before_deploy]


def _mentions(
    tree: WorkTree, migration: Migration, conflicts: Sequence[str], codemods: Sequence[tuple[str, Sequence[Codemod]]]
) -> Iterator[Place]:
    """Yield the lines of the project that have an old name where codemods change nothing."""
    for path in {*tree.text_files()} - {*conflicts}:
        known = {place.line for place in migration.places if place.path == path}
        source = migration.sources.get(path)
        file = tree.folder / path
        if source is None and file.stat().st_size > MOST_BYTES:
            continue
        code = source.code if source else file.read_bytes()
        yield from mentions(path, code, codemods, known=known)


def _not_committed(tree: WorkTree, codemods: Sequence[tuple[str, Sequence[Codemod]]]) -> Iterator[Place]:
    """Yield the Python files that git does not have as they are, and that codemods would change or name."""
    folder = tree.project.folder
    listed = ("ls-files", "-z", "--others", "--modified", "--exclude-standard", "--", "*.py", "*.pyi")
    paths = {path for path in lines(git(folder, *listed)) if (folder / path).is_file()}
    migration = migrate(folder, paths, codemods)
    for path in sorted({*migration.reasons} | {place.path for place in migration.told()}):
        why = "; ".join(migration.reasons.get(path) or [each.what for each in migration.told() if each.path == path])
        yield Place(path, 1, f"the file is not committed, and was not changed: {why}")
