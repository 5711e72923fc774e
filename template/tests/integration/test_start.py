"""The commands that start the service, as processes: what they print, how they end, what they leave running."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from httpx2 import ConnectError, get

from common.config import Settings

PROJECT = Path(__file__).resolve().parents[2]
DEV = ["scripts/dev.py", "--no-reload"]
SERVE = ["-m", "uvicorn", "src.cos_main:app"]
DATABASE_AWAY = "postgresql+asyncpg://cos_user:s3cret@127.0.0.1:1/gone"

type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def database_url(settings: Settings) -> str:
    return settings.sqlalchemy_url.render_as_string(hide_password=False)


@pytest.fixture
def project_copy(tmp_path: Path) -> Path:
    """The project without what it keeps on this machine, so that a run of it disturbs nobody."""
    leftovers = shutil.ignore_patterns(".venv", ".dev", ".env", ".git", ".*_cache", "__pycache__")
    return shutil.copytree(PROJECT, tmp_path / "project", ignore=leftovers)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python with some arguments in the project's folder; whatever still runs in the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, folder: Path = PROJECT, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def refusal(process: subprocess.Popen[str]) -> str:
    """Return what a process prints that must refuse, without a traceback, soon."""
    output, _ = process.communicate(timeout=30)
    assert process.returncode not in (0, None), output
    assert "Traceback" not in output
    assert "s3cret" not in output
    return output


def first_answer(port: int, process: subprocess.Popen[str]) -> int:
    """Return the status of /health/ready, once there is an answer."""
    while process.poll() is None:
        try:
            return get(f"http://127.0.0.1:{port}/health/ready").status_code
        except ConnectError:
            time.sleep(0.05)
    raise AssertionError(process.communicate()[0])


def test_a_start_without_postgresql_is_refused_in_one_sentence(start: Start, port: int) -> None:
    output = refusal(start(*SERVE, "--port", str(port), DATABASE_URL=DATABASE_AWAY))

    assert "PostgreSQL does not answer." in output
    assert "127.0.0.1:1/gone" in output


@pytest.mark.parametrize("command", [[*SERVE], [*DEV], ["-m", "alembic", "upgrade", "heads"]], ids=lambda c: c[-1])
def test_a_start_with_a_wrong_setting_is_refused_in_one_sentence(start: Start, command: list[str]) -> None:
    output = refusal(start(*command, DATABASE_URL="postgresql://u:s3cret@h"))

    assert "Configuration: DATABASE_URL must end in the name of a database." in output


def test_production_without_a_database_of_its_own_is_refused(start: Start) -> None:
    assert "DATABASE_URL must be set in production" in refusal(start(*SERVE, ENVIRONMENT="production", DATABASE_URL=""))


def test_tests_refuse_to_run_in_production(start: Start) -> None:
    url = "postgresql+asyncpg://u:s3cret@h/d"

    output = refusal(start("-m", "pytest", "tests/unit", ENVIRONMENT="production", DATABASE_URL=url))

    assert "Tests do not run with ENVIRONMENT=production." in output


@pytest.mark.parametrize("command", [DEV, SERVE], ids=["dev.py", "uvicorn"])
def test_a_port_that_is_taken_is_named(start: Start, port: int, command: list[str], database_url: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()

        output = refusal(start(*command, "--port", str(port), DATABASE_URL=database_url))

    assert str(port) in output
    assert "in use" in output


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_one_command_starts_what_is_missing_and_stops_it_again(
    start: Start, port: int, end: signal.Signals, project_copy: Path
) -> None:
    process = start(*DEV, "--port", str(port), folder=project_copy, DATABASE_URL="")

    assert first_answer(port, process) == 200
    process.send_signal(end)
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 0, output
    assert "stopping PostgreSQL" in output
    assert not (project_copy / ".dev" / "postgres" / "postmaster.pid").exists()
    with pytest.raises(ConnectError):
        get(f"http://127.0.0.1:{port}/health/live")
