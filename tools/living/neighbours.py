"""Lines of a user beside and inside the lists that the commands keep: do they come through all of a module's life?"""

from collections.abc import Iterator
from pathlib import Path

from living.project import commit, git, run, spawn
from living.releases import ENV, MAIN

LABELS = "template/src/graph/registry.py"
LISTS = {ENV: "MODEL_MODULES", MAIN: "SLICES", LABELS: "MODULE_LABELS"}
KINDS = {
    "import": "import json  # mine",
    "router": "app_router.include_router(mine)",
    "comment": "# a word of mine",
    "entry": '    "zz.mine",  # by hand',
    "bare entry": '    "aaa_mine",',
    "comment inside": "    # about what follows, mine",
}
PLACES = {"import": ("before", "after"), "router": ("before", "after"), "comment": ("before", "after")} | {
    kind: ("first", "last") for kind in ("entry", "bare entry", "comment inside")
}
CASES = [(kind, place) for kind, places in PLACES.items() for place in places]


def make_small_release(template: Path) -> None:
    """Add the release v0.1.1, which changes the three host files, though not beside the lists."""
    for path in LISTS:
        host = template / path
        host.write_text(host.read_text().replace('."""\n', '. Seen again."""\n', 1) + "\n\n# A new end.\n")
    commit(template, "v0.1.1")
    git(template, "tag", "v0.1.1")


def neighbour_faults(template: Path, folder: Path, kind: str, place: str) -> Iterator[str]:
    """Put the line into each host file, let a module come, be updated and go, and yield what is wrong."""
    line = KINDS[kind]
    project = spawn(template, folder, release="v0.1.0")
    for path, name in LISTS.items():
        _put(project / path.removeprefix("template/"), name, line, place)
    commit(project, "edited by a user")
    edited = _hosts(project)
    for command in (("generate", "biz", "crm"), ("remove", "crm"), ("generate", "biz", "crm")):
        yield from _run(project, *command)
        yield from _missing(project, line, str(command))
        if command[0] == "remove" and _hosts(project) != edited:
            yield f"{kind} {place}: a host file differs after generate and remove"
    commit(project, "has crm")
    for command in (("update", "--to", "v0.1.1"), ("remove", "crm")):
        yield from _run(project, *command)
        yield from _missing(project, line, str(command))
    wanted = [text.replace('."""\n', '. Seen again."""\n', 1) + "\n\n# A new end.\n" for text in edited]
    if _hosts(project) != wanted:
        yield f"{kind} {place}: a host file differs by more than what the release changed"


def _put(host: Path, name: str, line: str, place: str) -> None:
    lines = host.read_text().splitlines()
    start = next(number for number, each in enumerate(lines) if each.startswith(f"{name}: list[str] = ["))
    end = lines.index("]", start)
    lines.insert({"before": start, "first": start + 1, "last": end, "after": end + 1}[place], line)
    host.write_text("\n".join(lines) + "\n")


def _hosts(project: Path) -> list[str]:
    return [(project / path.removeprefix("template/")).read_text() for path in LISTS]


def _missing(project: Path, line: str, when: str) -> Iterator[str]:
    for path, text in zip(LISTS, _hosts(project), strict=True):
        if text.splitlines().count(line) != 1 or "<<<<<<<" in text:
            yield f"{path} has {line!r} {text.splitlines().count(line)} times after {when}"


def _run(project: Path, command: str, *arguments: str) -> Iterator[str]:
    ending = run(project, command, *arguments)
    if ending.status != 0:
        yield f"{command} {arguments} ended with {ending.status}: {ending.output}{ending.complaint}"
