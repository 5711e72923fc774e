"""A bug and an outage during a call: what the assistant is told, and what the log has."""

import logging

import pytest
from httpx2 import AsyncClient
from mcp.shared.exceptions import MCPError

from mcp_client import VERSIONS, connected, text_of
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.errors import UNEXPECTED
from src.db.autocommit import AutocommitSession
from src.db.unavailable import AWAY, DatabaseUnavailableError

MODULE = load_slice(SAMPLE_SLICE).module
SECRET = "postgresql://user:secret@host"  # noqa: S105  # what a cause may hold


def raising(error: Exception) -> object:
    """Return a method that raises the error."""

    async def execute(*_: object) -> None:
        raise error

    return execute


@pytest.mark.parametrize("mode", VERSIONS)
async def test_a_bug_is_in_the_log_and_not_in_the_answer(
    mcp_http: AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    monkeypatch.setattr(AutocommitSession, "execute", raising(RuntimeError(SECRET)))
    async with connected(mcp_http, MODULE, mode=mode) as client:
        failed = await client.call_tool("list_modules", {})
        assert failed.is_error
        assert text_of(failed) == UNEXPECTED
        with pytest.raises(MCPError, match="Error reading resource") as unread:
            await client.read_resource(f"cos://{MODULE}/health")

    assert SECRET not in str(unread.value)
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True, True]


@pytest.mark.parametrize("mode", VERSIONS)
async def test_an_outage_is_told_in_a_sentence(
    mcp_http: AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    monkeypatch.setattr(AutocommitSession, "execute", raising(DatabaseUnavailableError(AWAY)))
    async with connected(mcp_http, MODULE, mode=mode) as client:
        assert text_of(await client.call_tool("list_modules", {})) == AWAY
        with pytest.raises(MCPError, match="PostgreSQL does not answer"):
            await client.read_resource(f"cos://{MODULE}/health")

    assert not [record for record in caplog.records if record.exc_info]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [AWAY, AWAY]
