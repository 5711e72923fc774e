"""The log lines of a real server process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from httpx2 import get

from databases import PROJECT
from embedded.child_process import free_port
from served import wait_until_ready
from src.common.config import Settings

APP = """
from src.cos_main import app

@app.get("/bug")
async def bug() -> None:
    raise RuntimeError("a bug")
"""


def lines_of(settings: Settings, tmp_path: Path, *options: str, **environment: str) -> list[dict[str, Any]]:
    """Return what a server wrote to stdout and stderr that answered three requests and stopped."""
    (tmp_path / "buggy_app.py").write_text(APP)
    port = free_port()
    environment["DATABASE_URL"] = settings.sqlalchemy_url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "uvicorn", "buggy_app:app", "--app-dir", str(tmp_path), "--port", str(port)]
    with subprocess.Popen(
        [*command, *options],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            wait_until_ready(port, process)
            for path in ("/health/live", "/nowhere", "/bug"):
                get(f"http://127.0.0.1:{port}{path}", headers={"X-Request-ID": f"mine{path.replace('/', '-')}"})
        finally:
            process.terminate()
        assert process.stdout is not None
        return [json.loads(line) for line in process.stdout.read().splitlines() if not line.startswith("INFO: ")]


@pytest.mark.long
def test_each_line_of_a_server_is_json_and_names_its_request(settings: Settings, tmp_path: Path) -> None:
    lines = lines_of(settings, tmp_path)

    of_requests = [line for line in lines if str(line["request_id"]).startswith("mine")]
    shown = [(line["logger"], line["request_id"], line["message"].split('"')[-1].strip()) for line in of_requests]
    assert shown == [
        ("uvicorn.access", "mine-health-live", "200"),
        ("uvicorn.access", "mine-nowhere", "404"),
        ("uvicorn.access", "mine-bug", "500"),
        ("uvicorn.error", "mine-bug", "Exception in ASGI application"),
    ]
    assert all(len(line["trace_id"]) == 32 for line in of_requests)
    assert "RuntimeError: a bug" in of_requests[-1]["exception"]
    others = {line["logger"] for line in lines if line["request_id"] is None}
    ours = {"src.common.logger_logfire", "src.common.access.guard"}
    assert others == {"uvicorn.error", "mcp.server.streamable_http_manager", *ours}


@pytest.mark.long
def test_an_access_log_can_be_off(settings: Settings, tmp_path: Path) -> None:
    lines = lines_of(settings, tmp_path, "--no-access-log")

    assert "uvicorn.access" not in {line["logger"] for line in lines}
