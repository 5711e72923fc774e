"""The page and the plot that the figures of a life cycle are read from."""

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

SCALE = ("add", "update all", "remove", "doctor", "boot", "upgrade heads")


def write(figures: dict[str, Any], folder: Path) -> None:
    """Write life_cycle.md, and life_cycle.svg where there is something to plot."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines = [
        "# The life of a project, measured",
        "",
        f"`nox -s life_cycle` wrote this page, on {machine}; `tests/test_life_cycle_*.py` prove the same in short.",
        "The projects come from releases made for this page (`tools/living/releases.py`). Among others, these rename a",
        "host file, move a list of modules to another file, add a fourth list, rename a function of the commands, and",
        "drop and rename files of modules. Commands run through the launchers of a project. Except in the chapter on",
        "speed, the command of each release is run from its files, without an installation by uv.",
    ]
    for name, section in SECTIONS.items():
        if name in figures:
            lines += ["", *section(figures[name])]
    (folder / "life_cycle.md").write_text("\n".join(lines) + "\n")
    if "scale" in figures:
        plot(figures["scale"], folder / "life_cycle.svg")


def plot(scale: dict[str, Any], file: Path) -> None:
    """Draw seconds against modules, both on logarithmic scales, where a line of slope one is linear growth."""
    from matplotlib import pyplot as plt  # noqa: PLC0415  # only whoever measures scale has it
    from matplotlib import rcParams  # noqa: PLC0415

    rcParams["svg.hashsalt"] = "life cycle"  # or every drawing would have other ids
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    sizes = [row[0] for row in scale["rows"]]
    for name in SCALE:
        column = 1 + list(scale["columns"]).index(name)
        axes.plot(sizes, [row[column] for row in scale["rows"]], marker="o", label=name)
    first = scale["rows"][0]
    axes.plot(sizes, [first[1] * size for size in sizes], color="grey", linestyle=":", label="linear growth")
    axes.set(xscale="log", yscale="log", xlabel="modules", ylabel="seconds", xticks=sizes, xticklabels=sizes)
    axes.legend(fontsize="small")
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
    file.write_text("\n".join(line.rstrip() for line in file.read_text().splitlines()) + "\n")


def _updates(found: dict[str, Any]) -> Iterable[str]:
    kinds = sorted({kind for kind, _fate, _count in found["fates"]})
    counts = {(kind, fate): count for kind, fate, count in found["fates"]}
    fates = ("there", "conflict", "reported", "lost")
    yield "## Updates of edited projects\n"
    yield f"{found['projects']} projects, of every older release, of 0 to 3 modules, edited and updated to the latest;"
    yield f"{found['conflicts']} had a conflict, which was settled by keeping both sides. What became of the edits:\n"
    yield from _table(
        ["edit", "there", "named as a conflict", "named otherwise", "lost"],
        [[kind, *(counts.get((kind, fate), 0) for fate in fates)] for kind in kinds]
        + [["**all**", *(sum(counts.get((kind, fate), 0) for kind in kinds) for fate in fates)]],
    )


def _history(found: dict[str, Any]) -> Iterable[str]:
    yield "## Real renames, carried into projects\n"
    yield "The renames of this repository since its first commit with launchers (`gold_slice/codemods/v0_1_0.py`), in"
    yield f"{found['projects']} projects of that commit. Each has random code that calls what was renamed, in a drawn"
    yield "form, and a test of each file. mypy and these tests ran before the update and after it.\n"
    rows = {
        "files of the users' that use what was renamed": found["files"],
        "changed by codemods": found.get("changed"),
        "lines that the report named, with what to do": found.get("named"),
        "complaints of mypy and failed tests in files that were named": found.get("told"),
        "complaints of mypy and failed tests in files that were not named": len(found["faults"]),
    }
    yield from _table(["what", "count"], [[what, count] for what, count in rows.items() if count is not None])


def _kills(found: dict[str, Any]) -> Iterable[str]:
    states = ("old", "in between", "new")
    kills, landing = (sum(row[column] for row in found["rows"]) for column in (2, 3))
    yield "## Commands killed\n"
    yield f"SIGKILL at random moments, {kills} times, {landing} of them while files changed. The columns say how"
    yield "the files were then. Afterwards `doctor --fix` and the command itself ran, or only the command. Mixtures of"
    yield f"old and new, locks, work trees and faults of `git fsck` that were left then: {len(found['faults'])}.\n"
    yield from _table(
        ["command", "killed", "kills", "while files changed", *states],
        [[*row[:4], *(row[4].get(state, 0) for state in states)] for row in found["rows"]],
    )


def _cases(found: dict[str, Any]) -> Iterable[str]:
    yield "## A user's lines beside and inside the lists of modules\n"
    yield f"{found['cases']} cases of a kind of line in a place, in all three host files, through add, remove,"
    yield f"add, update and remove: {len(found['faults'])} faults."


def _identity(found: dict[str, Any]) -> Iterable[str]:
    yield "## Modules that come and go\n"
    yield f"{found['draws']} draws of modules, orders and folders, with byte code in the folders;"
    yield f"traces left: {len(found['faults'])}."


def _speed(found: dict[str, Any]) -> Iterable[str]:
    yield "## Speed\n"
    yield f"Medians of {found['runs']} runs, through a project's launchers, with commands that they installed. Renders"
    yield "were not in the cache, except for remove. The machine was shared with other work: its load was"
    yield f"{found['load']:.1f} at the end, so times are longer than on an idle machine.\n"
    rows = [[what, f"{seconds:.2f} s", f"{factor:.2f} ×", aim] for what, seconds, factor, aim in found["rows"]]
    yield from _table(["what", "measured", "beside `copier --version`", "aim"], rows)
    yield ""
    yield from _table(["size", "counted", "aim"], found["sizes"])


def _codemods(found: dict[str, Any]) -> Iterable[str]:
    yield "## Codemods\n"
    both, factor = (found["with"], found["without"]), found["with"] / found["without"]
    yield f"An update of a project with {found['files']} Python files of the user's own, a quarter of which use what"
    yield "was renamed, takes {:.2f} s of CPU time with the codemods of the release, {:.2f} s without:".format(*both)
    yield f"{factor:.2f} ×; the aim is 1.5 ×. Medians of {found['runs']} runs of each in turn, with warm caches, on a"
    yield f"shared machine with a load of {found['load']:.1f}."


def _isolation(found: dict[str, Any]) -> Iterable[str]:
    yield "## Migrations of one module beside another\n"
    yield f"With ACCESS EXCLUSIVE held on {len(found['held'])} tables of one module, another was migrated in"
    yield f"{found['seconds']:.1f} s, on a shared machine; a migration that waits for a lock fails after 5 s. Locks"
    yield f"that it took on those tables: {len(found['locks_of_others'])}."


def _scale(found: dict[str, Any]) -> Iterable[str]:
    yield "## Scale\n"
    units = [column if "MB" in column else f"{column}, s" for column in found["columns"]]
    rows = [
        [
            row[0],
            *(f"{value:.0f}" if "MB" in unit else f"{value:.2f}" for value, unit in zip(row[1:], units, strict=True)),
        ]
        for row in found["rows"]
    ]
    yield from _table(["modules", *units], rows)
    yield "\n![Seconds against modules](life_cycle.svg)"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


SECTIONS = {
    "updates": _updates,
    "history": _history,
    "kills": _kills,
    "neighbours": _cases,
    "identity": _identity,
    "isolation": _isolation,
    "speed": _speed,
    "codemods": _codemods,
    "scale": _scale,
}
