"""A Neo4j that a test may kill and freeze, from the installation that NEO4J_HOME names."""

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certificates import make_certificates
from embedded.child_process import free_port, start_child
from faults.processes import FaultProcess
from src.common.config import Settings
from src.graph.base import GraphUnavailableError
from src.graph.repository import open_graph

START_LIMIT_S = 240.0
CONFIGURATION = """\
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=localhost:{port}
server.bolt.tls_level=OPTIONAL
dbms.ssl.policy.bolt.enabled=true
dbms.ssl.policy.bolt.base_directory=certificates
dbms.ssl.policy.bolt.client_auth=NONE
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=false
dbms.usage_report.enabled=false
server.memory.pagecache.size=128m
"""
JAVA = ("java", "-Xms256m", "-Xmx768m", "-XX:+UseSerialGC")
OPENED = ("java.base/java.nio", "java.base/java.lang")


class OwnNeo4j:
    """A process of Neo4j and its folder. It takes connections with and without TLS, and any password."""

    def __init__(self, folder: Path, *, home: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.certificates = folder / "certificates"
        self.settings = Settings(neo4j_uri=f"bolt://localhost:{self.port}")
        self.process = FaultProcess(self._launch, is_ready=self._answers, start_limit_s=START_LIMIT_S)
        self._home = home
        make_certificates(self.certificates)
        (folder / "conf").mkdir()
        (folder / "conf" / "neo4j.conf").write_text(CONFIGURATION.format(port=self.port), encoding="utf-8")

    @asynccontextmanager
    async def killed(self) -> AsyncIterator[None]:
        """Kill the process, and start it again after the block."""
        self.process.kill()
        yield
        await self.process.start()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Let the process hold its connections and answer nothing in the block."""
        self.process.freeze()
        yield
        self.process.thaw()

    def _launch(self) -> subprocess.Popen[bytes]:
        opened = [f"--add-opens={each}=ALL-UNNAMED" for each in OPENED]
        server = ["org.neo4j.server.CommunityEntryPoint", f"--home-dir={self.folder}"]
        configuration = f"--config-dir={self.folder / 'conf'}"
        command = [*JAVA, *opened, "-cp", str(self._home / "lib" / "*"), *server, configuration]
        with (self.folder / "output.log").open("ab") as output:
            return start_child(command, cwd=self.folder, stdout=output, stderr=output)

    async def _answers(self) -> bool:
        async with open_graph(self.settings) as graph:
            assert graph
            try:
                await graph.check(limit_s=10)
            except GraphUnavailableError:
                return False
        return True


def neo4j_home() -> Path | None:
    """Return the folder of a Neo4j installation; None where NEO4J_HOME is not set."""
    home = os.environ.get("NEO4J_HOME")
    return Path(home) if home else None


def own_neo4j(folder: Path) -> OwnNeo4j:
    """Return a Neo4j that is not started yet; without an installation, the test is skipped and says so."""
    home = neo4j_home()
    if home is None:
        pytest.skip("NEO4J_HOME is not set, so that no Neo4j can be killed or frozen; see docs/graph.md")
    return OwnNeo4j(folder, home=home)
