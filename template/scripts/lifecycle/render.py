"""What the template makes of a project's host, or of a module: rendered by Copier, aside, running no code of it.

Copier works in a process of its own, for its import takes longer than a render: the caller goes on meanwhile, and two
of them share the work of an update. `python -m lifecycle.render` is that process: it reads jobs and prints results.
"""

import json
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
from .report import RefusalError
from .seal import sealed


@dataclass(frozen=True, slots=True)
class Job:
    """A render: out of a plain folder of the template into a new folder, of the host or of a module.

    `release` and `address` are what the answers file will say of where it came from.
    """

    template: str
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
        self._process = subprocess.Popen(
            command, cwd=scripts, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([asdict(job) for job in jobs]).encode())
        self._process.stdin.close()
        self._process.stdin = None

    def paths(self) -> list[list[str]]:
        """Wait, and return the names of the files of each job, sorted.

        Raises:
            RefusalError: The template does not take the answers.
        """
        output, complaint = self._process.communicate()
        if self._process.returncode == 0:
            return [list(map(str, paths)) for paths in json.loads(output)]
        lines = complaint.decode(errors="replace").strip().splitlines() or ["its process was ended"]
        raise RefusalError(f"The template could not be rendered: {lines[-1]}")

    def end(self) -> None:
        """Give up on what is not done."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def rendering(jobs: Sequence[Job]) -> Iterator[Rendering]:
    """Have Copier work on the jobs while the block runs."""
    under_way = Rendering(jobs)
    try:
        yield under_way
    finally:
        under_way.end()


def main() -> None:
    """Work on the jobs that stdin holds, and print what came of them."""
    jobs = [Job(**job) for job in json.load(sys.stdin)]
    print(json.dumps([_render(job) for job in jobs]))


def _render(job: Job) -> list[str]:
    """Render, and return the names of the files that are the part's own.

    Tasks and migrations of the template are not run, and its Jinja runs in Copier's sandbox: all that a template can
    do here is to say what files hold.
    """
    from lifecycle.quick_copier import run_copy  # noqa: PLC0415  # only this process pays for its import

    destination = Path(job.destination)
    answers = {key: value for key, value in job.answers.items() if not key.startswith("_")}
    try:
        run_copy(job.template, destination, data=answers, defaults=True, quiet=True, skip_tasks=True)
    except ValueError as fault:
        sys.exit(str(fault).splitlines()[-1])
    _name_release(destination / job.answers_file, job)
    paths = [path.relative_to(destination).as_posix() for path in destination.rglob("*") if not path.is_dir()]
    module = Module(str(answers["domain"]), str(answers["module"]))
    if answers.get("scope") == "project":
        return sorted(path for path in paths if not module.owns(path))
    own = [path for path in paths if module.owns(path)]
    (destination / module.seal).write_bytes(sealed(destination, [path for path in own if path != module.answers_file]))
    return sorted([*own, module.seal])


def _name_release(answers_file: Path, job: Job) -> None:
    """Say in an answers file where the template is, which Copier could not know of a plain folder."""
    lines = answers_file.read_text().splitlines(keepends=True)
    header = "".join(takewhile(lambda line: line.startswith("#"), lines))
    answers = {**read_answers(answers_file), "_commit": job.release, "_src_path": job.address}
    answers_file.write_text(header + yaml.dump(answers, indent=4, allow_unicode=True, default_flow_style=False))


if __name__ == "__main__":
    main()
