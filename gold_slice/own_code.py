"""Apply the codemods of the releases on the way to all Python of a project, the user's own files included."""

from collections.abc import Mapping, Sequence

from .answers import Module, read_answers
from .codemods.drafts import write_drafts
from .codemods.run import codemods_between, migrate
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
    files = {*tree.python_files()} - {*conflicts} if codemods else ()
    migration = migrate(tree.folder, files, codemods)
    drafts = dict(write_drafts(tree.folder, sorted(migration.drafts), modules))
    tree.write({path: migration.sources[path].code for path in migration.reasons} | drafts)
    report.reasons, report.places = migration.reasons, [str(place) for place in migration.told()]
    told = [f"{path} is a draft of a migration: review it, and drop .draft." for path in drafts]
    report.before_deploy += [each for each in told if each not in report.before_deploy]
