"""The start of the embedded graph."""

import socket
from pathlib import Path

import pytest

from embedded import graph as embedded_graph
from embedded.child_process import free_port
from embedded.graph import PortTakenError, install_graph, running_graph, start_graph

pytestmark = pytest.mark.long


async def test_a_port_that_was_taken_after_its_choice_is_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = int(other.getsockname()[1])
        chosen = [taken]
        monkeypatch.setattr(embedded_graph, "free_port", lambda: chosen.pop() if chosen else free_port())

        with running_graph(tmp_path) as server:
            assert server.uri != f"bolt://127.0.0.1:{taken}"


async def test_a_port_that_a_person_chose_is_not_replaced(tmp_path: Path) -> None:
    install_graph()
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTakenError, match="Its log says why"):
        start_graph(tmp_path, port=int(other.getsockname()[1]))
