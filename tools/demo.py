"""Show the template at work: spawn a project, install it, run it on a real PostgreSQL, talk to it, stop it.

    python tools/demo.py [FOLDER]

The project stays where it was spawned, ready to go on with: demo/cos, or demo/cos-2 and so on where that is taken.
Exit status: 0 all went well, 1 something did not, 2 wrong usage.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60.0
UUID_TAIL = r"(?<=-)[0-9a-f-]{20,}$"  # an id is as good in the table without most of it

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Step:
    """What was asked, what came back, and how long it took."""

    asked: str
    answered: str
    seconds: float


class DemoError(Exception):
    """A step did not do what it should; the message holds what it printed."""


def main() -> int:
    """Run all steps and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where to spawn the project; it must not exist yet")
    folder: Path = parser.parse_args().folder or free_folder(ROOT / "demo" / "cos")
    if folder.exists():
        console.print(f"{folder} exists already. Name a folder that does not, or none at all.", style="red")
        return 1
    steps: list[Step] = []
    try:
        steps.append(spawn(folder))
        steps.append(install(folder))
        with serving(folder, steps) as address:
            steps.extend(conversation(address))
    except DemoError as fault:
        console.print(str(fault), style="red", markup=False)
        return 1
    console.print(summary(steps))
    console.print(next_commands(folder), markup=False, soft_wrap=True)
    return 0


def spawn(folder: Path) -> Step:
    """Copy the template as it is checked out, as `copier copy` on the command line does."""
    is_clone = (ROOT / ".git").exists()
    reference = ["--vcs-ref", "HEAD"] if is_clone else []
    command = ["copier", "copy", "--trust", "--defaults", "--quiet", *reference, str(ROOT), str(folder)]
    seconds = run("spawning a project", [sys.executable, "-m", *command])
    run("making it a repository of its own", ["git", "init", "--quiet"], folder=folder)  # this one ignores demo/
    count = sum(1 for path in folder.rglob("*") if path.is_file())
    return Step("copier copy --trust --defaults", f"{count} files in {shown(folder)}", seconds)


def install(folder: Path) -> Step:
    """Install the project in an environment of its own."""
    return Step("uv sync", "installed in .venv", run("installing it", ["uv", "sync", "--quiet"], folder=folder))


@contextmanager
def serving(folder: Path, steps: list[Step]) -> Iterator[str]:
    """Run scripts/dev.py, note what it says of its own steps, and yield the address that it serves."""
    port = free_port()
    python = str(folder / ".venv" / "bin" / "python")
    command = [python, "scripts/dev.py", "--no-reload", "--port", str(port)]
    console.print("[dim]>[/] starting it, with a PostgreSQL of its own")
    server = subprocess.Popen(
        command, cwd=folder, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        steps.extend(start_steps(server, f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        started = time.perf_counter()
        server.terminate()
        server.communicate(timeout=30)
        steps.append(Step("Ctrl-C", "all stopped, nothing left running", time.perf_counter() - started))


def start_steps(server: subprocess.Popen[str], address: str) -> Iterator[Step]:
    """Yield a step for every line in which dev.py reports one, and one for the first answer."""
    assert server.stdout is not None
    last, printed = time.perf_counter(), []
    for line in server.stdout:
        printed.append(line)
        said, now = line.strip().removeprefix("dev: "), time.perf_counter()
        if said.startswith(("started", "migrated")):
            console.print(f"  [dim]{said}[/]")
            yield Step("scripts/dev.py", said.partition(" in ")[0], now - last)
            last = now
        if said.startswith("serving"):
            wait_for(address, server)
            yield Step("scripts/dev.py", f"serves {address}/docs", time.perf_counter() - last)
            return
    raise DemoError("scripts/dev.py ended before it served:\n" + "".join(printed))


def wait_for(address: str, server: subprocess.Popen[str]) -> None:
    """Return when the service says that it is ready."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx2.get(f"{address}/health/ready").is_success:
                return
        except httpx2.ConnectError:
            time.sleep(0.02)
    raise DemoError(f"The service did not become ready within {START_TIMEOUT_S:g} s.")


def conversation(address: str) -> Iterator[Step]:
    """Yield what a user asks of the service, and what it answers."""
    with httpx2.Client(base_url=address) as client:
        yield ask(client, "GET", "/health/ready", expected=200)
        made = client.post("/cc/modules", json={"name": "warm_up", "version": "0.0.1"})
        client.delete(made.headers["location"])
        yield ask(client, "POST", "/cc/modules", {"name": "billing", "version": "1.0.0"}, expected=201)
        module = f"/cc/modules/{client.get('/cc/modules', params={'name': 'billing'}).json()['items'][0]['id']}"
        yield ask(client, "GET", module, expected=200)
        yield ask(client, "PATCH", module, {"version": "2.0.0"}, expected=200)
        yield ask(client, "POST", "/cc/modules", {"name": "billing", "version": "3.0.0"}, expected=409)
        yield ask(client, "POST", "/cc/modules", {"name": "Bill ing"}, expected=422)
        yield ask(client, "DELETE", module, expected=204)
        yield ask(client, "GET", module, expected=404)


def ask(client: httpx2.Client, method: str, path: str, body: dict[str, Any] | None = None, *, expected: int) -> Step:
    """Return a request and its answer as a step."""
    started = time.perf_counter()
    answer = client.request(method, path, json=body)
    seconds = time.perf_counter() - started
    if answer.status_code != expected:
        raise DemoError(f"{method} {path} answered {answer.status_code} instead of {expected}:\n{answer.text}")
    told = answer.json() if answer.content else {}
    gist = (
        told.get("detail")
        or told.get("status")
        or " ".join(str(told[key]) for key in ("name", "version") if key in told)
    )
    asked = f"{method} {re.sub(UUID_TAIL, '…', path)}"
    return Step(f"{asked} {body or ''}".strip(), f"{answer.status_code} {gist}".strip(), seconds)


def run(what: str, command: list[str], *, folder: Path = ROOT) -> float:
    """Run a command quietly, with a spinner, and return how many seconds it took."""
    console.print(f"[dim]>[/] {what}")
    started = time.perf_counter()
    with console.status(what):
        done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def summary(steps: list[Step]) -> Table:
    """Return all steps as a table."""
    table = Table(title="What was asked, and what came back", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("asked", overflow="fold")
    table.add_column("answered", overflow="fold")
    table.add_column("took", justify="right", no_wrap=True)
    for step in steps:
        table.add_row(step.asked, step.answered, f"{step.seconds * 1000:,.0f} ms")
    table.add_section()
    table.add_row("everything", "", f"{sum(step.seconds for step in steps):,.1f} s")
    return table


def next_commands(folder: Path) -> str:
    """Return the commands to go on with, in a form that works in this shell."""
    prefix = "uv run " if shutil.which("uv", path=path_of_user()) else ".venv/bin/"
    lines = [f"cd {shown(folder)}", f"{prefix}pytest", f"{prefix}python scripts/dev.py"]
    lines.append(f"{prefix}python scripts/generate_module.py biz crm")
    return "\nThe project is yours. Next:\n\n" + "\n".join(f"  {line}" for line in lines) + "\n"


def path_of_user() -> str:
    """Return PATH without what bootstrap.py and nox put on it."""
    return os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(str(ROOT)))


def clean_environment() -> dict[str, str]:
    """Return the environment without the marks of this job's own environment, and without servers of yours."""
    foreign = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "DATABASE_URL", "REDIS_URL", "NEO4J_URI"}
    return {key: value for key, value in os.environ.items() if key not in foreign}


def free_folder(wanted: Path) -> Path:
    """Return the folder, or the first of those numbered after it, that does not exist."""
    numbered = (wanted.with_name(f"{wanted.name}-{number}") for number in range(2, 10_000))
    return wanted if not wanted.exists() else next(folder for folder in numbered if not folder.exists())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shown(path: Path) -> str:
    """Return the path from here if that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)


if __name__ == "__main__":
    sys.exit(main())
