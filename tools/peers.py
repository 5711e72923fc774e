"""Measure a project of ours beside a peer: s3rius' FastAPI template, in the same run; write docs/benchmarks.md.

    python tools/peers.py [--server postgresql://user:password@host:port/database] [--rounds 5] [--seconds 2]

Each side has its own environment, its own database on one PostgreSQL, and one uvicorn worker (uvloop, httptools, no
access log). wrk sends requests over 1 and 32 connections; the sides take turns slice by slice, and medians count. The
role of the server's address must be allowed to create databases; the default is DATABASE_URL.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
from rich.console import Console

from benchmark import write_section
from demo import clean_environment, free_port
from render import ROOT, render

HEADING = "Beside a peer"
PINS = ROOT / "requirements" / "peers.txt"
PEER = "s3rius"
CONNECTIONS = (32, 1)
ROWS = 20
START_TIMEOUT_S = 60.0
OPTIONS = "--api-type rest --ci none --db postgresql --orm sqlalchemy --redis --migrations --dummy --routers"
# Runs in our project's environment, which has the driver.
SQL = """
import asyncio, asyncpg, sys
async def main(url, *statements):
    connection = await asyncpg.connect(url)
    for statement in statements:
        print(*(row[0] for row in await connection.fetch(statement)))
    await connection.close()
asyncio.run(main(*sys.argv[1:]))
"""
SETTINGS = """
SELECT string_agg(name || ' = ' || setting, ', ' ORDER BY name DESC) FROM pg_settings
WHERE name IN ('server_version', 'synchronous_commit', 'fsync')
"""
COMMITS = """
At commit time: ours answers after PostgreSQL has committed; a change and its record are one statement, which commits
by itself. s3rius' session is committed after the answer is sent, so its client does not wait for the commit, and a
commit that fails is answered with 200. PostgreSQL treats both alike ({server_settings}).
"""

console = Console(highlight=False)
names = count()


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `{name}` in the body is new each time."""

    method: str
    path: str
    body: str = ""

    def script(self) -> str:
        """Return what tells wrk to send it."""
        prefix = f"n{uuid4().hex[:8]}x{next(names)}x"
        before, _, after = self.body.partition("{name}")
        body = f"[[{before}]] .. prefix .. n .. [[{after}]]" if after else f"[[{self.body}]]"
        return (
            f'local prefix, n = "{prefix}", 0\n'
            'local headers = {["Content-Type"] = "application/json"}\n'
            "request = function()\n"
            "  n = n + 1\n"
            f'  return wrk.format("{self.method}", "{self.path}", headers, {body})\n'
            "end\n"
        )


@dataclass(slots=True)
class Side:
    """A running service, and what was measured of it: requests a second by work and connections."""

    port: int
    calls: dict[str, Call]
    pace: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    def measure(self, work: str, connections: int, *, seconds: int) -> None:
        """Let wrk send the requests of a work for some seconds."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(self.calls[work].script())
            script.flush()
            address = f"http://127.0.0.1:{self.port}"
            command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, address]
            printed = output(command)
        if "Non-2xx" in printed or "Socket errors" in printed:
            sys.exit(f"{work}: not every request succeeded.\n{printed}")
        rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
        assert rate is not None, printed
        self.pace.setdefault((work, connections), []).append(float(rate.group(1)))

    def median(self, work: str, connections: int) -> float:
        """Return the requests a second of the median slice."""
        return statistics.median(self.pace[work, connections])


@dataclass(frozen=True, slots=True)
class Aim:
    """A work, and how many times the peer's pace we want with 32 connections and with one."""

    work: str
    title: str
    beside: str
    ratios: dict[int, float]


AIMS = [
    Aim("list", f"list of {ROWS}", "its list", {32: 1.5, 1: 1.5}),
    Aim("health", "liveness", "its health route", {32: 1.9}),
    Aim("create", "create of a module with its record", "its create, which records nothing", {32: 1.8, 1: 1.3}),
    Aim("record", "a record through the batched writer", "its create", {32: 2.5}),
]
OUR_CALLS = {
    "list": Call("GET", f"/cc/modules?limit={ROWS}"),
    "health": Call("GET", "/health/live"),
    "create": Call("POST", "/cc/modules", '{"name": "{name}", "version": "1"}'),
    "record": Call("POST", "/submit-l1", '{"message": "{name}"}'),
}
PEER_CREATE = Call("PUT", "/api/dummy/", '{"name": "{name}"}')
PEER_CALLS = {
    "list": Call("GET", f"/api/dummy/?limit={ROWS}"),
    "health": Call("GET", "/api/health"),
    "create": PEER_CREATE,
    "record": PEER_CREATE,
}


def main() -> None:
    """Make both projects, measure them, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=os.environ.get("DATABASE_URL"), help="address of a PostgreSQL database")
    parser.add_argument("--rounds", type=int, default=5, help="slices of each measurement (default: 5)")
    parser.add_argument("--seconds", type=int, default=2, help="seconds of a slice (default: 2)")
    options = parser.parse_args()
    if not options.server:
        sys.exit("Name a PostgreSQL with --server or DATABASE_URL; its role must be allowed to create databases.")
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed. Install the package wrk of your distribution.")
    server = re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", options.server)
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch, ExitStack() as stack:
        ours, peer = Path(scratch) / "ours", Path(scratch) / "peer_app"
        make_ours(ours)
        make_peer(peer)
        python = str(ours / ".venv/bin/python")
        databases = [stack.enter_context(throw_away_database(python, server)) for _ in range(2)]
        sides = [
            Side(stack.enter_context(serve_ours(ours, databases[0])), OUR_CALLS),
            Side(stack.enter_context(serve_peer(peer, databases[1])), PEER_CALLS),
        ]
        compare(sides, rounds=options.rounds, seconds=options.seconds)
        server_settings = output([python, "-c", SQL, server, SETTINGS]).strip()
    lines = report(*sides, rounds=options.rounds, seconds=options.seconds, server_settings=server_settings)
    console.print("\n".join(lines), markup=False, soft_wrap=True)
    write_section(HEADING, lines)


def make_ours(folder: Path) -> None:
    """Render a project from this working tree and install it."""
    with console.status("making our project"):
        render(folder)
        output(["uv", "sync", "--quiet"], folder=folder)


def make_peer(folder: Path) -> None:
    """Let the peer's generator, in an environment of its own, make a project; it installs the project itself."""
    with console.status("making the peer's project"):
        generator = folder.parent / "generator"
        output(["uv", "venv", "--quiet", "--python", sys.executable, str(generator)])
        python = str(generator / "bin/python")
        output(["uv", "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(PINS)])
        command = [
            str(generator / "bin/fastapi_template"),
            "--name",
            folder.name,
            "--quiet",
            "--force",
            *OPTIONS.split(),
        ]
        shutil.copy(ROOT / ".python-version", folder.parent)
        output(command, folder=folder.parent)


@contextmanager
def throw_away_database(python: str, server: str) -> Iterator[str]:
    """Yield the address of a new database, and drop it afterwards."""
    name = f"peers_{uuid4().hex[:12]}"
    output([python, "-c", SQL, server, f"CREATE DATABASE {name}"])
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        output([python, "-c", SQL, server, f"DROP DATABASE {name} WITH (FORCE)"])


@contextmanager
def serve_ours(folder: Path, database: str) -> Iterator[int]:
    """Yield the port of our service, set up as a project is by default, with twenty modules."""
    environment = {"DATABASE_URL": database}
    python = str(folder / ".venv/bin/python")
    output([python, "-m", "alembic", "upgrade", "heads"], folder=folder, **environment)
    arguments = ["measured_app:app", "--app-dir", "tests/performance"]
    with serve(python, arguments, folder, "/health/ready", environment) as port:
        fill(port, OUR_CALLS["create"])
        yield port


@contextmanager
def serve_peer(folder: Path, database: str) -> Iterator[int]:
    """Yield the port of the peer's service, set up as its generator left it, with twenty rows."""
    parts = urlsplit(database)
    address = {"HOST": parts.hostname, "PORT": parts.port or 5432, "USER": parts.username, "PASS": parts.password}
    environment = {f"PEER_APP_DB_{key}": str(value) for key, value in address.items()}
    environment |= {"PEER_APP_DB_BASE": parts.path.removeprefix("/"), "PEER_APP_RELOAD": "False"}
    python = str(folder / ".venv/bin/python")
    output([python, "-m", "alembic", "upgrade", "head"], folder=folder, **environment)
    arguments = ["--factory", f"{folder.name}.web.application:get_app"]
    with serve(python, arguments, folder, "/api/health", environment) as port:
        fill(port, PEER_CREATE)
        yield port


@contextmanager
def serve(python: str, app: list[str], folder: Path, path: str, environment: dict[str, str]) -> Iterator[int]:
    """Yield the port of one uvicorn worker, once it answers on the path."""
    port = free_port()
    command = [python, "-m", "uvicorn", *app, "--port", str(port), "--no-access-log", "--loop", "uvloop"]
    environment = clean_environment() | environment
    log = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed with the process below
    process = subprocess.Popen(
        [*command, "--http", "httptools"], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(f"http://127.0.0.1:{port}{path}"):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                sys.exit(f"{' '.join(command)} did not start:\n{log.read().decode()}")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()
        log.close()


def answers(address: str) -> bool:
    """Return whether a service answers there."""
    try:
        return httpx2.get(address).is_success
    except httpx2.TransportError:
        return False


def fill(port: int, create: Call) -> None:
    """Create the rows that a list returns."""
    for number in range(ROWS):
        body = create.body.replace("{name}", f"row_{number}")
        headers = {"Content-Type": "application/json"}
        answer = httpx2.request(create.method, f"http://127.0.0.1:{port}{create.path}", content=body, headers=headers)
        answer.raise_for_status()


def compare(sides: Sequence[Side], *, rounds: int, seconds: int) -> None:
    """Measure every work; reads come first, while both tables hold as many rows."""
    for side in sides:
        for work in ("health", "list", "create"):
            side.measure(work, 8, seconds=1)  # warm up
            del side.pace[work, 8]
    for aim in AIMS:
        for number in range(rounds):
            for connections in CONNECTIONS:
                for side in sides if number % 2 else reversed(sides):
                    with console.status(f"{aim.title}, {connections} connections, slice {number + 1} of {rounds}"):
                        side.measure(aim.work, connections, seconds=seconds)


def report(ours: Side, peer: Side, *, rounds: int, seconds: int, server_settings: str) -> list[str]:
    """Return the section of the page."""
    peer_name = pinned("fastapi-template")
    lines = [
        f"`nox -s peers` wrote this section: a project of ours beside one of s3rius' template, `{peer_name}`",
        f"with `{OPTIONS}`, in the same run.",
        "One uvicorn worker each (uvloop, httptools, no access log), one PostgreSQL, no Redis, twenty rows a list.",
        f"Figures are requests a second that wrk sends, medians of {rounds} slices of {seconds} s that take turns, on",
        f"{os.cpu_count()} cores for all of it; they differ from machine to machine, the ratios hardly do.",
        "",
        "| work | connections | ours | s3rius | ratio | aim |",
        "|---|---|---|---|---|---|",
    ]
    for aim in AIMS:
        for connections in CONNECTIONS:
            mine, other = ours.median(aim.work, connections), peer.median(aim.work, connections)
            wanted = aim.ratios.get(connections)
            cells = [
                f"{aim.title}, beside {aim.beside}",
                str(connections),
                f"{mine:,.0f}",
                f"{other:,.0f}",
                f"{mine / other:.2f} ×",
                f"≥ {wanted} ×" if wanted else "",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, *COMMITS.rstrip().format(server_settings=server_settings).splitlines()]


def pinned(package: str) -> str:
    """Return the package with its pinned version."""
    found = re.search(rf"^({re.escape(package)}==\S+)", PINS.read_text(), re.MULTILINE)
    assert found is not None, f"{package} is not in {PINS}"
    return found.group(1)


def output(command: Sequence[str], *, folder: Path = ROOT, **environment: str) -> str:
    """Return what a command prints; where it fails, show it and stop."""
    variables = clean_environment() | environment
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
