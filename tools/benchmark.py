"""Measure what a spawn, a start and a project cost; print a table and write it to docs/benchmarks.md.

    python tools/benchmark.py [--runs 5]

Times are medians of several runs, on whatever machine this is; ratios are against `copier --version` in the same run.
"""

import argparse
import ast
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo import clean_environment, free_port, wait_for
from render import ROOT, snapshot

REPORT = ROOT / "docs" / "benchmarks.md"
HEADING = "A project"
COPY_BY_API = """
import sys, time, warnings
from copier import run_copy
started = time.perf_counter()
run_copy(sys.argv[1], sys.argv[2], defaults=True, unsafe=True, quiet=True)
print(time.perf_counter() - started)
"""
IMPORT = """
import resource, time
started = time.perf_counter()
import src.cos_main
src.cos_main.app
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, and what it should be."""

    what: str
    measured: str
    aim: str


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each measurement (default: 5)")
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        rows = list(measure(Path(scratch), runs))
    table = Table("what", "measured", "aim", title=f"Medians of {runs} runs", title_justify="left")
    for row in rows:
        table.add_row(row.what, row.measured, row.aim)
    console.print(table)
    write_section(HEADING, report(rows, runs))


def measure(scratch: Path, runs: int) -> Iterator[Row]:
    """Yield all figures, cheapest first; each says what it is about to do."""
    template = scratch / "template"
    snapshot(template, tag="v0.1.0")
    version_s = median(runs, "copier --version", lambda: timed("copier", "--version"))
    yield Row("`copier --version`", f"{version_s:.2f} s", "")
    copies = (scratch / f"copy-{number}" for number in range(1000))
    copy = ("copier", "copy", "--trust", "--defaults", "--quiet", str(template))
    by_command_s = median(runs, "copier copy", lambda: timed(*copy, str(next(copies))))
    yield Row("`copier copy`, by command", f"{by_command_s:.2f} s, {by_command_s / version_s:.2f} ×", "≤ 2 ×")
    by_api_s = median(
        runs, "run_copy", lambda: float(output(sys.executable, "-c", COPY_BY_API, str(template), str(next(copies))))
    )
    yield Row("`copier.run_copy`, imported already", f"{by_api_s:.2f} s, {by_api_s / version_s:.2f} ×", "")
    starts = (scratch / f"start-{number}" for number in range(1000))
    with console.status("nothing to first 200"):
        phases = [from_nothing_to_200(copy, next(starts)) for _ in range(min(runs, 3))]
    first_200_s = statistics.median(sum(phase.values()) for phase in phases)
    yield Row("nothing → first 200, packages cached", f"{first_200_s:.1f} s", "< 8 s")
    for name in phases[0]:
        yield Row(f"– {name}", f"{statistics.median(phase[name] for phase in phases):.1f} s", "")
    yield from of_project(scratch / "start-0", runs)
    yield from of_sources(scratch / "copy-0")


def from_nothing_to_200(copy: tuple[str, ...], folder: Path) -> dict[str, float]:
    """Copy, install and start a project; return the seconds of each phase until it is ready to serve."""
    phases = {"spawn": timed(*copy, str(folder)), "installation": timed("uv", "sync", "--quiet", folder=folder)}
    port = str(free_port())
    started = time.perf_counter()
    with (folder.parent / f"{folder.name}.log").open("w+") as log:
        server = subprocess.Popen(
            [folder / ".venv/bin/python", "scripts/dev.py", "--no-reload", "--port", port],
            cwd=folder, env=clean_environment(), stdout=log, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        wait_for(f"http://127.0.0.1:{port}", server)
        seconds = time.perf_counter() - started
        server.terminate()
        server.wait()
        log.seek(0)
        postgres_s, migration_s = map(float, re.findall(r"(?:started PostgreSQL|migrated) in ([0-9.]+) s", log.read()))
    phases |= {"PostgreSQL": postgres_s, "migration": migration_s}
    return phases | {"imports of `scripts/dev.py`, and the service": seconds - postgres_s - migration_s}


def of_project(project: Path, runs: int) -> Iterator[Row]:
    """Yield what an installed project costs."""
    python = str(project / ".venv/bin/python")
    imports = [output(python, "-c", IMPORT, folder=project).splitlines()[-1].split() for _ in range(runs + 1)][1:]
    seconds, megabytes = (statistics.median(float(run[index]) for run in imports) for index in (0, 1))
    yield Row("`import src.cos_main` and its application", f"{seconds:.2f} s, {megabytes:.0f} MB", "< 0.6 s, < 130 MB")
    suite_s = median(1, "the fast suite", lambda: timed("uv", "run", "pytest", "-q", folder=project))
    yield Row("`uv run pytest`", f"{suite_s:.0f} s", "< 30 s")


def of_sources(project: Path) -> Iterator[Row]:
    """Yield how large a project is that has not run yet, and how large its parts are, beside ours."""
    files = [path for path in project.rglob("*") if path.is_file()]
    sources = [path for path in files if path.suffix == ".py"]
    lines = sum(len(path.read_text().splitlines()) for path in sources)
    yield Row("files of a project", f"{len(files)}, of them Python {len(sources)} with {lines:,} lines", "")
    for what, parts in {"of a project": sources, "of this repository": repository_sources()}.items():
        yield Row(f"lines a file {what}", quantiles(file_lengths(parts)), "80 / – / 300")
        yield Row(f"lines a function {what}", quantiles(function_lengths(parts)), "10 / – / –")


def repository_sources() -> list[Path]:
    """Return the Python of this repository that is not template."""
    return [*(path for part in ("hooks", "tools", "tests") for path in (ROOT / part).glob("*.py")), *ROOT.glob("*.py")]


def file_lengths(paths: list[Path]) -> list[int]:
    """Return the lines of each file."""
    return [len(path.read_text().splitlines()) for path in paths]


def function_lengths(paths: list[Path]) -> list[int]:
    """Return the lines of each function, its decorators and docstring included."""
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text())))
    functions = (node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def quantiles(lengths: list[int]) -> str:
    """Return median, 90th percentile and maximum."""
    ninetieth = statistics.quantiles(lengths, n=10)[-1]
    return f"median {statistics.median(lengths):.0f}, 90 % {ninetieth:.0f}, most {max(lengths)}"


def median(runs: int, what: str, work: Callable[[], float]) -> float:
    """Return the median of what `work` measures, after saying that it is at work."""
    with console.status(f"{what}, {runs} runs"):
        return statistics.median(work() for _ in range(runs))


def timed(*command: str, folder: Path = ROOT) -> float:
    """Return the seconds that a command takes."""
    started = time.perf_counter()
    output(*command, folder=folder)
    return time.perf_counter() - started


def output(*command: str, folder: Path = ROOT) -> str:
    """Return what a command prints; where it fails, show it and stop."""
    done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def report(rows: list[Row], runs: int) -> list[str]:
    """Return the section of the page."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines = [f"| {row.what} | {row.measured} | {row.aim} |" for row in rows]
    head = [f"`nox -s benchmark` wrote this section: medians, runs of each: {runs}, on {machine}.", ""]
    return [*head, "| what | measured | aim |", "|---|---|---|", *lines]


def write_section(heading: str, lines: list[str]) -> None:
    """Replace one section of the page, or add it at the end."""
    title, *sections = REPORT.read_text().split("\n## ")
    fresh = "\n".join([heading, "", *lines, ""])
    names = [section.partition("\n")[0] for section in sections]
    if heading in names:
        sections[names.index(heading)] = fresh
    else:
        sections.append(fresh)
    REPORT.write_text("\n## ".join([title, *sections]))
    console.print(f"written to {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
