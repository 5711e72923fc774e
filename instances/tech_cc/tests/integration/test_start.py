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
    return free_port()


@pytest.fixture
def database_url(settings: Settings) -> str:
    return settings.sqlalchemy_url.render_as_string(hide_password=False)


@pytest.fixture
def project_copy(tmp_path: Path) -> Path:
    """The project without what it keeps on this machine, so that a run of it disturbs nobody."""
    leftovers = shutil.ignore_patterns(".venv", ".dev", ".env", ".git", ".*_cache", "__pycache__")
    return shutil.copytree(PROJECT, tmp_path / "my project (ü)", ignore=leftovers)


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
        process.communicate()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def test_a_start_with_a_wrong_setting_is_refused_in_one_sentence(start: Start) -> None:
    commands = [SERVE, DEV, ["-m", "alembic", "upgrade", "heads"]]

    for process in [start(*command, DATABASE_URL="postgresql://u:s3cret@h") for command in commands]:
        assert "Configuration: DATABASE_URL must end in the name of a database." in refusal(process)


def test_production_without_a_database_of_its_own_is_refused(start: Start) -> None:
    served = start(*SERVE, ENVIRONMENT="production", DATABASE_URL="")
    tested = start("-m", "pytest", "--no-cov", ENVIRONMENT="production", DATABASE_URL="postgresql://u:s3cret@h/d")

    assert "DATABASE_URL must be set in production" in refusal(served)
    assert "Tests do not run with ENVIRONMENT=production." in refusal(tested)


def test_a_port_that_is_taken_is_named(start: Start, port: int, database_url: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()

        processes = [start(*command, "--port", str(port), DATABASE_URL=database_url) for command in (DEV, SERVE)]
        outputs = [refusal(process) for process in processes]

    assert all(str(port) in output and "in use" in output for output in outputs)


def test_the_documented_command_serves_and_stops(start: Start, port: int, database_url: str) -> None:
    process = start(*SERVE, "--reload", "--host", "127.0.0.1", "--port", str(port), DATABASE_URL=database_url)

    assert first_answer(port, process) == 200
    assert get(f"http://127.0.0.1:{port}/docs").status_code == 200
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=20) in (0, -signal.SIGTERM)


def test_a_start_that_is_ended_half_way_leaves_nothing_running(start: Start, project_copy: Path) -> None:
    process = start("scripts/dev.py", "--port", str(free_port()), folder=project_copy, DATABASE_URL="")
    while not list((project_copy / ".dev").glob("postgres*/PG_VERSION")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)

    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 0, output
    assert not (project_copy / ".dev" / "postgres" / "postmaster.pid").exists()


def test_one_command_starts_what_is_missing_and_stops_it_again(start: Start, project_copy: Path) -> None:
    for end in (signal.SIGINT, signal.SIGTERM):  # the second run finds the data of the first
        port = free_port()
        process = start("scripts/dev.py", "--no-reload", "--port", str(port), folder=project_copy, DATABASE_URL="")
        assert first_answer(port, process) == 200
        second = start("scripts/dev.py", "--port", str(free_port()), folder=project_copy, DATABASE_URL="")
        assert "runs in this project already" in refusal(second)

        process.send_signal(end)
        output, _ = process.communicate(timeout=20)

        assert process.returncode == 0, output
        assert "stopping PostgreSQL" in output
        assert not (project_copy / ".dev" / "postgres" / "postmaster.pid").exists()
        with pytest.raises(ConnectError):
            get(f"http://127.0.0.1:{port}/health/live")
