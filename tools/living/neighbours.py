"""Lines of a user beside and inside the lists that the commands keep: do they come through all of a module's life?"""

from collections.abc import Iterator
from pathlib import Path

from living.project import commit, run
from living.releases import ENV, LABELS, MAIN, NEW_END, NEW_TITLE, OLD_TITLE

LISTS = {ENV: "MODEL_MODULES", MAIN: "SLICES", LABELS: "MODULE_LABELS"}
KINDS = {
    "import": "import json  # mine",
    "router": "app_router.include_router(mine)",
    "comment": "# a word of mine",
    "entry": '    "zz.mine",  # by hand',
    "bare entry": '    "aaa_mine",',
    "comment inside": "    # about what follows, mine",
}
OUTSIDE = ("import", "router", "comment")
CASES = [(kind, place) for kind in KINDS for place in (("before", "after") if kind in OUTSIDE else ("first", "last"))]


def neighbour_faults(project: Path, kind: str, place: str) -> Iterator[str]:
    """Put the line into each host file, let a module come, be updated and go, and yield what is wrong.

    The project is of v0.1.0; v0.2.0 changes the three files, though not beside the lists.
    """
    line = KINDS[kind]
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
    for command in (("update", "--to", "v0.2.0"), ("remove", "crm")):
        yield from _run(project, *command)
        yield from _missing(project, line, str(command))
    wanted = [text.replace(OLD_TITLE, NEW_TITLE, 1) + NEW_END for text in edited]
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
