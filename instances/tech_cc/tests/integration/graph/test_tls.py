"""TLS to the graph: on a Neo4j of the test's own where there is one, else through a proxy before the embedded graph."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from certificates import CA, CERTIFICATE, KEY, make_certificates
from graph_server import with_graph
from neo4j_server import neo4j_home, own_neo4j
from src.common.config import Settings
from src.graph.base import GraphUnavailableError
from src.graph.repository import open_graph
from src.health import Dependency, check_graph

CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class TlsServer:
    """A graph that speaks TLS on a port, and the certificate of the authority that it is trusted by."""

    graph: Settings
    port: int
    ca: Path
    has_routing: bool

    def settings(self, scheme: str, ca: Path | None, *, host: str = "localhost") -> Settings:
        """Return settings for this graph."""
        named = {"neo4j_uri": f"{scheme}://{host}:{self.port}", "neo4j_ca_file": str(ca) if ca else None}
        return with_graph(self.graph, self.graph).model_copy(update=named)


@pytest.fixture(scope="module")
async def tls_server(graph_server: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TlsServer]:
    folder = tmp_path_factory.mktemp("tls")
    if neo4j_home():
        neo4j = own_neo4j(folder)
        await neo4j.process.start()
        try:
            yield TlsServer(neo4j.settings, neo4j.port, neo4j.certificates / CA, has_routing=True)
        finally:
            neo4j.process.kill()
        return
    make_certificates(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    address = urlsplit(graph_server.neo4j_uri or "")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_graph, graph = await asyncio.open_connection(address.hostname, address.port)
        await asyncio.gather(pump(reader, graph), pump(from_graph, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        yield TlsServer(graph_server, port, folder / CA, has_routing=False)
        proxy.close_clients()


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK_BYTES):
            target.write(data)
            await target.drain()
    target.close()


async def health(settings: Settings) -> Dependency:
    """Return what /health/ready says of the graph, after nobody else could use it either."""
    async with open_graph(settings) as graph:
        assert graph
        with suppress(GraphUnavailableError):
            await graph.read("RETURN 1")
        return await check_graph(graph)


@pytest.mark.parametrize("scheme", ["bolt+ssc", "neo4j+ssc", "bolt+s", "neo4j+s"])
async def test_the_graph_is_reached_with_tls(tls_server: TlsServer, scheme: str) -> None:
    if scheme.startswith("neo4j") and not tls_server.has_routing:
        pytest.skip("the proxy cannot change the addresses in a routing table; NEO4J_HOME names no Neo4j")
    found = await health(tls_server.settings(scheme, tls_server.ca if scheme.endswith("+s") else None))

    assert (found.status, found.is_required) == ("up", False), found.detail


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
@pytest.mark.parametrize("ca", [None, "another"])
async def test_a_certificate_of_another_authority_is_refused_with_a_sentence(
    tls_server: TlsServer, tmp_path: Path, scheme: str, ca: str | None
) -> None:
    make_certificates(tmp_path)
    found = await health(tls_server.settings(scheme, tmp_path / CA if ca else None))

    assert found.status == "down"
    assert found.detail is not None
    assert found.detail.startswith("Neo4j's certificate is not trusted: ")
    assert found.detail.endswith("Check NEO4J_CA_FILE and the host in NEO4J_URI.")


async def test_a_certificate_of_another_host_is_refused_with_a_sentence(tls_server: TlsServer) -> None:
    found = await health(tls_server.settings("bolt+s", tls_server.ca, host="127.0.0.1"))

    assert found.status == "down"
    assert "certificate is not valid for '127.0.0.1'" in (found.detail or "")


async def test_a_file_that_holds_no_certificate_is_refused_with_a_sentence(
    tls_server: TlsServer, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    found = await health(tls_server.settings("bolt+s", tmp_path / "ca.pem"))

    assert found.status == "down"
    assert (found.detail or "").startswith("There is no TLS connection to Neo4j: ")


async def test_a_graph_without_tls_is_no_graph_with_tls(graph_server: Settings) -> None:
    plain = urlsplit(graph_server.neo4j_uri or "").netloc
    found = await health(graph_server.model_copy(update={"neo4j_uri": f"bolt+s://{plain}"}))

    assert found.status == "down"
    assert found.detail
