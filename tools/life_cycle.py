"""Prove at length what tests/test_life_cycle_*.py prove in short, and write the figures to docs/life_cycle.md.

    python tools/life_cycle.py                              everything, about an hour
    python tools/life_cycle.py kills updates --draws 20     some chapters, the others as they were measured last

Exit status: 0 every property holds, 1 one does not.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from living import codemods, history, isolation, page, scale, speed
from living.identity import identity_faults
from living.kills import SCENES, scene, series
from living.matrix import Shelf, trials
from living.neighbours import CASES, neighbour_faults
from living.project import MODULES, keep_home_clean, twin
from living.releases import make_releases
from render import ROOT, snapshot

FIGURES = ROOT / "docs" / "life_cycle.json"

type Chapter = Callable[[Shelf, list[str], argparse.Namespace], dict[str, Any]]


def main() -> int:
    """Work through the chapters, and write the page anew after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", choices=[*CHAPTERS, []], metavar="CHAPTER", help=", ".join(CHAPTERS))
    parser.add_argument("--draws", type=int, default=5, help="projects a release in the matrix of updates")
    parser.add_argument("--projects", type=int, default=30, help="projects of an old commit that are updated")
    parser.add_argument("--kills", type=int, default=15, help="kills a command and way of killing")
    parser.add_argument("--runs", type=int, default=7, help="runs of each measurement of speed")
    parser.add_argument("--modules", type=int, nargs="*", default=[1, 10, 30, 100], help="sizes of projects")
    parser.add_argument("--jobs", type=int, default=2, help="updates, or series of kills, at a time")
    parser.add_argument("--seed", type=int, default=1, help="of all draws")
    options = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="life-cycle-") as scratch:
        keep_home_clean(Path(scratch, "home"))
        shelf = Shelf(Path(scratch) / "template", Path(scratch))
        snapshot(shelf.template, tag="v0.1.0")
        tags = make_releases(shelf.template)
        for name in options.chapters or CHAPTERS:
            print(f"… {name}", flush=True)
            figures = CHAPTERS[name](shelf, tags, options)
            faults += figures.get("faults", [])
            keep(name, figures)
    print(*faults, sep="\n")
    return 1 if faults else 0


def keep(name: str, figures: dict[str, Any]) -> None:
    """Put the figures of a chapter among the others, and write the page."""
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    FIGURES.write_text(json.dumps(known | {name: figures}, indent=2, sort_keys=True) + "\n")
    page.write(json.loads(FIGURES.read_text()), ROOT / "docs")


def neighbours(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG001
    """Every kind of line in every place."""
    faults: list[str] = []
    for kind, place in CASES:
        project = twin(shelf.project(tags[0], MODULES[:1]), shelf.folder / "neighbours")
        faults += neighbour_faults(project, kind, place)
    return {"cases": len(CASES), "faults": faults}


def identity(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Modules that come and go."""
    project = twin(shelf.project(tags[0], MODULES[:1]), shelf.folder / "identity")
    faults = [fault for draw in range(options.draws) for fault in identity_faults(project, seed=options.seed + draw)]
    return {"draws": options.draws, "faults": faults}


def updates(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """The matrix of updates."""
    tally = trials(shelf, tags, draws=options.draws, seed=options.seed, jobs=options.jobs)
    fates = [[*key, count] for key, count in sorted(tally.fates.items())]
    with_conflicts = sum(trial.status != 0 for trial in tally.trials)
    return {"projects": len(tally.trials), "conflicts": with_conflicts, "fates": fates, "faults": tally.faults}


def history_(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG001
    """Real renames of this repository's history."""
    seeds = range(options.seed, options.seed + options.projects)
    return asdict(history.measure(shelf.folder, seeds=seeds, jobs=options.jobs))


def kills(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Every command, killed by itself and with its whole process group."""
    project = shelf.project(tags[-2], MODULES[:2])

    def row(name: str, whole_group: bool) -> tuple[list[Any], list[str]]:  # noqa: FBT001
        killed = "process group" if whole_group else "process"
        folder = shelf.folder / f"{name}, {killed}"
        folder.mkdir()
        played = scene(name, project, folder)
        toll = series(played, folder, kills=options.kills, whole_group=whole_group, seed=options.seed)
        print(name, killed, toll.kills, toll.in_landing, dict(toll.stood), *toll.faults, sep="\n  ", flush=True)
        return [name, killed, toll.kills, toll.in_landing, dict(toll.stood)], toll.faults

    pairs = [(name, whole_group) for name in SCENES for whole_group in (False, True)]
    with ThreadPoolExecutor(options.jobs) as pool:
        found = list(pool.map(lambda pair: row(*pair), pairs))
    return {"rows": [row for row, _faults in found], "faults": [fault for _row, faults in found for fault in faults]}


def isolation_(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG001
    """Migrations of one module beside another."""
    return isolation.measure(shelf, tags)


def speed_(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """What commands cost beside `copier --version`."""
    return speed.measure(shelf, tags, runs=options.runs)


def codemods_(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG001
    """What codemods cost."""
    return codemods.measure(shelf.folder, runs=options.runs)


def scale_(shelf: Shelf, tags: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """What large projects cost."""
    return scale.measure(shelf, tags, sizes=options.modules)


CHAPTERS: dict[str, Chapter] = {
    "neighbours": neighbours,
    "identity": identity,
    "updates": updates,
    "history": history_,
    "kills": kills,
    "isolation": isolation_,
    "speed": speed_,
    "codemods": codemods_,
    "scale": scale_,
}

if __name__ == "__main__":
    sys.exit(main())
