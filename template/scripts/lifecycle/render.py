"""What the template makes of a project's host, or of a module: rendered by Copier, aside, running no code of it.

Copier works in a process of its own, for its import takes longer than a render: the caller goes on meanwhile, and two
of them share the work of an update. `python -m lifecycle.render` is that process: it reads jobs and prints results.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from .answers import Module, read_answers
from .report import RefusalError, say
from .seal import MARK_OF_MODULE, sealed

REPORTED = 10  # so many parts pass between two lines of progress


@dataclass(frozen=True, slots=True)
class Job:
    """A render of the host or of a module: out of a release's folder, as `Source.release` makes it, into a new one.

    `release` and `address` are what the answers file will say of where it came from.
    """

    release_folder: str
    destination: str
    answers: Mapping[str, Any]
    answers_file: str
    release: str
    address: str


class Rendering:
    """Renders that are under way."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        command = [sys.executable, "-m", "lifecycle.render"]
        scripts = Path(__file__).resolve().parents[1]
        # Ctrl-C is for us, who end it: it would print a traceback.
        held_back = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process = subprocess.Popen(command, cwd=scripts, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([asdict(job) for job in jobs]).encode())
        self._process.stdin.close()
        self._process.stdin = None

    def paths(self) -> list[list[str]]:
        """Wait, and return the names of the files of each job, sorted.

        Raises:
            RefusalError: The template does not take the answers.
        """
        output, _ = self._process.communicate()
        told = json.loads(output or '{"problem": "the process that renders was ended"}')
        if "problem" in told:
            raise RefusalError(f"The template could not be rendered: {told['problem']}")
        return [list(map(str, paths)) for paths in told["paths"]]

    def end(self) -> None:
        """Give up on what is not done."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def rendering(jobs: Sequence[Job]) -> Iterator[Rendering]:
    """Have Copier work on the jobs while the block runs."""
    under_way = Rendering(jobs)
    try:
        yield under_way
    finally:
        under_way.end()


def main() -> None:
    """Work on the jobs that stdin holds, and print what came of them, or the one problem that ended it."""
    jobs = [Job(**job) for job in json.load(sys.stdin)]
    paths = []
    try:
        for number, job in enumerate(jobs, 1):
            paths.append(_render(job))
            if number % REPORTED == 0 and number < len(jobs):
                say(f"rendered {number} of {len(jobs)} parts at {job.release}")
    except Exception as fault:  # noqa: BLE001  # whatever a template can do to Copier, its user gets a sentence
        print(json.dumps({"problem": (str(fault).splitlines() or [type(fault).__name__])[-1]}))
    else:
        print(json.dumps({"paths": paths}))


def _render(job: Job) -> list[str]:
    """Render, and return the names of the files that are the part's own.

    Tasks and migrations of the template are not run, and its Jinja runs in Copier's sandbox: all that a template can
    do here is to say what files hold.
    """
    from lifecycle.quick_copier import run_copy  # noqa: PLC0415  # only this process pays for its import

    release, destination = Path(job.release_folder), Path(job.destination)
    answers = {key: value for key, value in job.answers.items() if not key.startswith("_")}
    module = Module(str(answers["domain"]), str(answers["module"]))
    is_module = answers.get("scope") == "module"
    template = release / ("module" if is_module else "host")
    run_copy(str(template), destination, data=answers, defaults=True, quiet=True, skip_tasks=True)
    _copy_plain_files(release / "plain" / "template", destination, module, is_module=is_module)
    _name_release(destination / job.answers_file, job)
    paths = (path.relative_to(destination).as_posix() for path in destination.rglob("*") if not path.is_dir())
    own = sorted(path for path in paths if module.owns(path) == is_module)
    if is_module:
        (destination / module.seal).write_bytes(
            sealed(destination, [path for path in own if path != module.answers_file])
        )
        own = sorted([*own, module.seal])
    return own


def _copy_plain_files(folder: Path, destination: Path, module: Module, *, is_module: bool) -> None:
    """Copy what is no template, the module's own or the host's, just as Copier would."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (MARK_OF_MODULE in name) == is_module:
            target = destination / name.replace(MARK_OF_MODULE, module.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def _name_release(answers_file: Path, job: Job) -> None:
    """Say in an answers file where the template is, which Copier could not know of a plain folder."""
    lines = answers_file.read_text().splitlines(keepends=True)
    header = "".join(takewhile(lambda line: line.startswith("#"), lines))
    answers = {**read_answers(answers_file), "_commit": job.release, "_src_path": job.address}
    answers_file.write_text(header + yaml.dump(answers, indent=4, allow_unicode=True, default_flow_style=False))


if __name__ == "__main__":
    main()
