"""Apply the codemods of the releases on the way to all Python of a project, the user's own files included."""

from collections.abc import Iterable, Iterator, Sequence

from .answers import Module, read_answers
from .codemods import Codemod, Place, Renamed, Source
from .codemods.drafts import write_drafts
from .codemods.mentions import MOST_BYTES, mentions
from .codemods.notebooks import notebook_places
from .codemods.renames import moved
from .codemods.run import Migration, codemods_between, migrate
from .git import git, lines
from .merge import WorkTree
from .report import Report
from .template import checkout_of
from .waiting import Waiting

type OfRelease = tuple[str, list[Codemod]]


def migrate_code(
    tree: WorkTree, waits: Waiting, modules: Sequence[Module], conflicts: Sequence[str], report: Report
) -> None:
    """Change the files of the work tree, except those in conflict, and put reasons and places into the report.

    Files that are as a template's release makes them stay as they are for the codemods of that template: a release may
    give the name that an earlier one replaced to something else.
    """
    since: dict[tuple[str, str], dict[str, str]] = {}
    for file, (before, after) in waits.parts.items():
        address = str(read_answers(tree.folder / file)["_src_path"])
        since.setdefault((address, after), {})[file] = before
    now = tree.tree(tree.git("write-tree").strip())
    done = {path for path, name in waits.migrated.items() if now.get(path) == name}  # before the update waited
    files = {*tree.python_files()} - {*conflicts}
    migration = Migration({path: Source(path, (tree.folder / path).read_bytes()) for path in sorted(files)})
    codemods: list[OfRelease] = []
    for (address, after), of_template in since.items():
        on_the_way = codemods_between(checkout_of(address, after), modules, since=of_template, until=after)
        released = waits.released.get(address, {})
        as_released = {path for path, name in released.items() if now.get(path) == name}
        unclear = {*_unclear(migration, {*released} - as_released, on_the_way)}
        migration.places |= unclear
        for release, of_release in on_the_way:
            migration.apply(of_release, release=release, spared=done | as_released | {each.path for each in unclear})
        codemods += on_the_way
    if not codemods:
        return
    drafts = dict(write_drafts(tree.folder, sorted(migration.drafts), modules))
    tree.write({path: migration.sources[path].code for path in migration.reasons} | drafts)
    migration.places |= {*_still_defined(migration, codemods)}
    places = [*migration.told(), *_mentions(tree, migration, conflicts, codemods), *_not_committed(tree, codemods)]
    report.reasons = {path: waits.reasons[path] for path in sorted(done)} | migration.reasons
    report.places = [each for each in waits.places if each.partition(":")[0] in done]
    report.places += [told for place in sorted(places) if (told := str(place)) not in report.places]
    steps = [f"{path} is a draft of a migration: review it, and drop .draft." for path in drafts]
    report.before_deploy += [each for each in steps if each not in report.before_deploy]


def remember(tree: WorkTree, waits: Waiting, report: Report) -> None:
    """Note what codemods did to the committed files of the work tree, so that they do it once."""
    now = tree.tree(tree.head())
    waits.migrated = {path: now[path] for path in report.reasons if path in now}
    waits.reasons, waits.places = report.reasons, report.places


def _unclear(migration: Migration, merged: Iterable[str], codemods: Sequence[OfRelease]) -> Iterator[Place]:
    """Yield the files that user and release changed, and that have a name with another meaning in each of them."""
    made: set[str] = set()
    again: list[Renamed] = []
    for _release, of_release in reversed(codemods):
        renamed = [each for each in of_release if isinstance(each, Renamed)]
        again += [each for each in renamed if each.old in made]
        made |= {each.new for each in renamed}
    for path in sorted({*merged} & {*migration.sources}):
        if found := next((each for each in again if each.is_in(migration.sources[path])), None):
            what = f"{found.why}, and a later release gives the old name to something else: look at your lines here"
            yield Place(path, 1, f"{what}, codemods did not change this file")


def _still_defined(migration: Migration, codemods: Sequence[OfRelease]) -> Iterator[Place]:
    """Yield the definitions that have their old name because their file is ejected, or settled so by a person."""
    later: dict[str, str] = {}
    for _release, of_release in reversed(codemods):
        renames = {each.old: each.new for each in of_release if isinstance(each, Renamed)}
        for old, new in renames.items():
            found, now = migration.definition(old), moved(new, later)
            if found and not migration.definition(now):
                yield Place(*found, f"{old} is {now} in the release and for all other code: rename it here, too")
        later |= renames


def _mentions(
    tree: WorkTree, migration: Migration, conflicts: Sequence[str], codemods: Sequence[OfRelease]
) -> Iterator[Place]:
    """Yield the lines of the project that have an old name where codemods change nothing."""
    for path in {*tree.text_files()} - {*conflicts}:
        known = {place.line for place in migration.places if place.path == path}
        source = migration.sources.get(path)
        file = tree.folder / path
        if source is None and file.stat().st_size > MOST_BYTES:
            continue
        code = source.code if source else file.read_bytes()
        in_code = list(notebook_places(path, code, codemods)) if path.endswith(".ipynb") else []
        yield from in_code
        told = {place.what for place in in_code}
        yield from (place for place in mentions(path, code, codemods, known=known) if place.what not in told)


def _not_committed(tree: WorkTree, codemods: Sequence[OfRelease]) -> Iterator[Place]:
    """Yield the Python files that git does not have as they are, and that codemods would change or name."""
    folder = tree.project.folder
    listed = ("ls-files", "-z", "--others", "--modified", "--exclude-standard", "--", "*.py", "*.pyi")
    paths = {path for path in lines(git(folder, *listed)) if (folder / path).is_file()}
    migration = migrate(folder, paths, codemods)
    for path in sorted({*migration.reasons} | {place.path for place in migration.told()}):
        why = "; ".join(migration.reasons.get(path) or [each.what for each in migration.told() if each.path == path])
        yield Place(path, 1, f"the file is not committed, and was not changed: {why}")
