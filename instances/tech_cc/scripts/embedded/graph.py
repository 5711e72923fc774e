"""A graph with the Bolt protocol from a Python wheel (ArcadeDB), for the first run and for tests; see docs/graph.md."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Final

from embedded.child_process import free_port, start_child

PROJECT: Final = Path(__file__).resolve().parents[2]
USER: Final = "root"
START_LIMIT_S: Final = 60.0
STOP_LIMIT_S: Final = 10.0
ANSWER_LIMIT_S: Final = 2.0  # of one question; another server on the port may take it and say nothing
PORT_TRIES: Final = 5
PORT_TAKEN: Final = "Unable to listen"
QUIET: Final = "handlers=java.util.logging.ConsoleHandler\n.level=WARNING\n"


class GraphStartError(Exception):
    """The graph did not start; the message says why, and what to do."""


class PortTakenError(GraphStartError):
    """Another process took the port between its choice and the start."""


@dataclass(frozen=True, slots=True)
class GraphServer:
    """The address of a running graph, as NEO4J_URI, NEO4J_USER and NEO4J_PASSWORD have it, and its process."""

    uri: str
    user: str
    password: str
    process: subprocess.Popen[bytes]


def install_graph() -> None:
    """Install the dependency group `graph` into this environment, unless it is there.

    Raises:
        GraphStartError: It cannot be installed.
    """
    if find_spec("arcadedb_embedded"):
        return
    uv = shutil.which("uv")
    if uv is None:
        raise GraphStartError("The embedded graph is not installed. Install the group `graph`, or set NEO4J_URI.")
    print("installing the embedded graph (98 MB, once)", file=sys.stderr, flush=True)
    command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--group", "graph"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    invalidate_caches()
    if done.returncode or not find_spec("arcadedb_embedded"):
        last_line = done.stderr.strip().rpartition("\n")[2]
        raise GraphStartError(f"The embedded graph cannot be installed: {last_line} Set NEO4J_URI instead.")


@contextmanager
def running_graph(folder: Path) -> Iterator[GraphServer]:
    """Yield a running graph whose data lie in the folder, and stop it afterwards. It listens on this machine only.

    Raises:
        GraphStartError: It cannot be installed, or does not start.
    """
    install_graph()
    server = start_graph(folder)
    try:
        yield server
    finally:
        server.process.terminate()
        try:
            server.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


def start_graph(folder: Path, *, port: int | None = None) -> GraphServer:
    """Start a graph, and return when it answers; the caller ends the process.

    Args:
        folder: Where its data lie.
        port: Where it listens; by default a free port, and another one if that is taken meanwhile.

    Raises:
        GraphStartError: It does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(PORT_TRIES):
        try:
            return _start(folder, port or free_port())
        except PortTakenError:
            if port:
                raise
    raise PortTakenError(f"Other processes took {PORT_TRIES} ports that were free. Try again.")


def _start(folder: Path, port: int) -> GraphServer:
    password = _password_in(folder)
    log = folder / "server.log"
    with log.open("wb") as output:
        process = start_child(_command(folder, password, port), cwd=folder, stdout=output, stderr=output)
    server = GraphServer(f"bolt://127.0.0.1:{port}", USER, password, process)
    deadline = time.monotonic() + START_LIMIT_S
    while not _answers(server):
        is_port_taken = PORT_TAKEN in log.read_text(encoding="utf-8", errors="replace")
        if is_port_taken or process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            error = PortTakenError if is_port_taken else GraphStartError
            raise error(f"The embedded graph did not start. Its log says why: {log}")
        time.sleep(0.1)
    return server


def _command(folder: Path, password: str, port: int) -> list[str]:
    package = find_spec("arcadedb_embedded")
    assert package and package.origin, "install_graph comes first"  # noqa: PT018
    home = Path(package.origin).parent
    quiet = folder / "logging.properties"
    quiet.write_text(QUIET, encoding="utf-8")
    properties = {
        "arcadedb.server.rootPath": folder,
        "arcadedb.server.rootPassword": password,
        "arcadedb.server.httpIncomingHost": "127.0.0.1",
        "arcadedb.server.httpIncomingPort": free_port(),
        "arcadedb.server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "arcadedb.bolt.host": "127.0.0.1",
        "arcadedb.bolt.port": port,
        "arcadedb.server.defaultDatabases": f"neo4j[{USER}]",
        "java.util.logging.config.file": quiet,
    }
    memory = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    options = [f"-D{name}={value}" for name, value in properties.items()]
    jars = str(home / "jars" / "*")
    return [str(home / "jre" / "bin" / "java"), *memory, *options, "-cp", jars, "com.arcadedb.server.ArcadeDBServer"]


def _password_in(folder: Path) -> str:
    """Return the password of the data in the folder, made when the folder was new."""
    path = folder / "password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(token_hex(16), encoding="ascii")
    return path.read_text(encoding="ascii")


def _answers(server: GraphServer) -> bool:
    """Return whether the database answers, which it does some time after the port is open."""
    from neo4j import GraphDatabase  # noqa: PLC0415  # 160 ms, for those who use it
    from neo4j.exceptions import DriverError, Neo4jError  # noqa: PLC0415  # see above

    auth = (server.user, server.password)
    try:
        with (
            GraphDatabase.driver(server.uri, auth=auth, connection_acquisition_timeout=ANSWER_LIMIT_S) as driver,
            driver.session(database="neo4j") as session,
        ):
            session.run("RETURN 1").consume()
    except (DriverError, Neo4jError):
        return False
    return True
