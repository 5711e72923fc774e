"""Real renames of this repository's history, carried into projects whose own code calls what was renamed."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random

from living.project import commit, environment, git, provide_command, run, spawn, twin
from render import ROOT

START = "8728960"  # the first commit whose projects have launchers; ten names and six modules are others since
TAG = "v0.1.0"
# Full name, and code that uses it; `{}` stands for how the file calls it.
USES = {
    "src.common.storable.storable_text": 'def {name}() -> str:\n    return {}("a")\n',
    "src.common.storable.storable_json": 'def {name}() -> bytes:\n    return {}({{"a": 1}})\n',
    "src.common.metrics.Durations": 'def {name}() -> object:\n    return {}("{name}", "how long")\n',
    "src.common.quiet_startup.StartupError": "def {name}() -> Exception:\n    return {}()\n",
    "src.common.quiet_startup.QuietStartup": "def {name}() -> type[object]:\n    return {}\n",
    "src.common.project.FIRST_MODULE": "def {name}() -> str:\n    return {}\n",
    "src.l1.submission.Submission": 'def {name}(write: "{} | None" = None) -> bool:\n    return bool(write)\n',
    "src.l1.submission.L1ClosedError": "def {name}() -> Exception:\n    return {}()\n",
    "src.backend.cc.services.health.get_system_health": "def {name}() -> object:\n    return {}\n",
    "src.db.sql_spans.trace_statements": "def {name}() -> object:\n    return {}\n",
}
SETTING = (
    "from src.common.config import Settings\n\n\ndef {name}(settings: Settings = Settings()) -> int:\n"
    "    return settings.trace_queue_spans\n"
)
GONE = "from src.common import light_span\n\n\ndef {name}() -> object:\n    return light_span\n"
UNSURE = (
    "from typing import Any\n\n\ndef {name}(anything: Any = None) -> object:\n"
    "    return anything and anything.trace_queue_spans\n"
)
FOLDERS = ("src", "src/common", "src/backend/cc", "src/backend/cc/services")


@dataclass(slots=True)
class Outcome:
    """What became of the projects; `faults` are lines that do not work and that nothing named.

    `told` are complaints of mypy and of tests about files that the report named.
    """

    projects: int = 0
    files: int = 0
    changed: int = 0
    named: int = 0
    told: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Add what became of other projects."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


def history(folder: Path) -> tuple[Path, Path]:
    """Return a clone of this repository whose latest commit is a release, and a project of an old commit of it."""
    template = folder / "history"
    git(folder, "clone", "--quiet", str(ROOT), str(template))
    git(template, "tag", "--force", TAG)
    provide_command(template, TAG)
    return template, spawn(template, folder / "old", release=START)


def write_code(project: Path, draw: Random) -> list[str]:
    """Add files that use what was renamed, in a drawn form each, and a test of each; return their names."""
    written = []
    for number, (full, code) in enumerate(draw.sample(sorted(USES.items()), 6)):
        name = f"ours_{number}"
        folder = draw.choice(FOLDERS)
        lead, call = _imported(full, folder, draw)
        body = code.format(call, name=name)
        text = f"{body}" if lead.startswith("    ") else f"{lead}\n\n\n{body}"
        if lead.startswith("    "):  # inside of the function
            first, _, rest = body.partition("\n")
            text = f"{first.replace(call, 'object')}\n{lead}\n{rest}"
        written.append(_add(project, folder, name, f'"""Ours: it uses {full}."""\n\n{text}'))
    for number, code in enumerate((SETTING, GONE, UNSURE), start=len(written)):
        written.append(_add(project, "src", f"ours_{number}", f'"""Ours."""\n\n{code.format(name=f"ours_{number}")}'))
    commit(project, "code of ours")
    return written


def measure(folder: Path, *, seeds: range, jobs: int) -> Outcome:
    """Carry a project for each seed from the old commit to the latest one."""
    _template, old = history(folder)
    instance = ROOT / "instances" / "tech_cc"
    subprocess.run(["uv", "sync", "--quiet"], cwd=instance, env=environment(), check=True)
    python = instance / ".venv" / "bin" / "python"  # one environment serves all projects
    whole = Outcome()
    with ThreadPoolExecutor(jobs) as pool:
        for outcome in pool.map(lambda n: carry(old, python, folder / f"desk {n}", seeds=seeds[n::jobs]), range(jobs)):
            whole.add(outcome)
    return whole


def carry(old: Path, python: Path, folder: Path, *, seeds: range) -> Outcome:
    """Update a project for each seed, and compare what mypy and its own tests complain of with what was named."""
    folder.mkdir(exist_ok=True)
    whole = Outcome()
    for seed in seeds:
        outcome = _carry_one(old, python, folder, seed)
        whole.add(outcome)
        print(seed, *(outcome.faults or ["."]), sep="\n  ", flush=True)
    return whole


def _carry_one(old: Path, python: Path, folder: Path, seed: int) -> Outcome:
    project = twin(old, folder / "carried")
    files = write_code(project, Random(seed))  # noqa: S311  # nosec B311  # a draw that can be had again
    outcome = Outcome(projects=1, files=len(files))
    unfit = _complaints(project, python, files, of_release=START)
    outcome.faults += [f"{seed}, before the update: {line}" for line in unfit]
    ending = run(project, "update", "--json", "--to", TAG)
    if ending.status != 0:
        outcome.faults.append(f"{seed}: {ending.status} {ending.output} {ending.complaint}")
        return outcome
    document = ending.document
    outcome.changed = len([each for each in files if each in document["reasons"]])
    outcome.named = len(document["places"])
    named = {place.partition(": ")[0].rpartition(":")[0] for place in document["places"]}
    for line in _complaints(project, python, files, of_release=TAG):
        if line.partition(":")[0] in named:
            outcome.told += 1
        else:
            outcome.faults.append(f"{seed}: {line}")
    return outcome


def _add(project: Path, folder: str, name: str, text: str) -> str:
    path = f"{folder}/{name}.py"
    (project / path).write_text(text)
    module = path.removesuffix(".py").replace("/", ".")
    test = f'"""Ours."""\n\nfrom {module} import {name}\n\n\ndef test_it() -> None:\n    {name}()\n'
    (project / f"tests/unit/test_{name}.py").write_text(test)
    return path


def _imported(full: str, folder: str, draw: Random) -> tuple[str, str]:
    """Return an import of a name in a drawn form, and what the file calls the name then."""
    module, _, name = full.rpartition(".")
    package, _, last = module.rpartition(".")
    forms = [
        (f"from {module} import {name}", name),
        (f"from {module} import {name} as of_theirs", "of_theirs"),
        (f"from {module} import (\n    {name},  # theirs\n)", name),
        (f"import {module}", full),
        (f"import {module} as theirs", f"theirs.{name}"),
        (f"from {package} import {last}", f"{last}.{name}"),
        (f"    from {module} import {name}\n", name),
    ]
    here = folder.split("/")
    if package == ".".join(here):
        forms.append((f"from .{last} import {name}", name))
    return draw.choice(forms)


def _complaints(project: Path, python: Path, files: list[str], *, of_release: str) -> list[str]:
    """Return what mypy says of the files, and which of their tests fail; one environment serves all projects."""
    mypy = ["mypy", "--no-error-summary", f"--cache-dir={project.parent / f'mypy-{of_release}'}", *files]
    lines = [line for line in _said(project, python, *mypy) if re.match(r"src/(\S+/)?ours_.* error: ", line)]
    tests = [f"tests/unit/test_{Path(each).stem}.py" for each in files]
    failed = [
        line for line in _said(project, python, "pytest", "-q", "--no-cov", *tests) if re.match("FAILED|ERROR", line)
    ]
    return [*lines, *(f"{_tested(line, files)}: {line}" for line in failed)]


def _tested(line: str, files: list[str]) -> str:
    return next((each for each in files if f"test_{Path(each).stem}.py" in line), "")


def _said(project: Path, python: Path, *module: str) -> list[str]:
    command = [str(python), "-m", *module]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    return done.stdout.splitlines()
