"""The commands that start the service, as processes: what they print, how they end, what they leave running."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from httpx2 import ConnectError, TransportError, get
from sqlalchemy import text

from embedded.child_process import free_port
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings
from src.db.connection import open_database

PROJECT = Path(__file__).resolve().parents[2]
DEV = ["scripts/dev.py", "--no-reload"]
SERVE = ["-m", "uvicorn", "src.cos_main:app"]
DATABASE_AWAY = "postgresql+asyncpg://cos_user:s3cret@127.0.0.1:1/gone"

pytestmark = pytest.mark.long

type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def database_url(settings: Settings) -> str:
    return settings.sqlalchemy_url.render_as_string(hide_password=False)


@pytest.fixture
def project_copy(tmp_path: Path) -> Path:
    """A copy of the project without its local data, so that tests do not change the original."""
    leftovers = shutil.ignore_patterns(".venv", ".dev", ".env", ".git", ".*_cache", "__pycache__")
    return shutil.copytree(PROJECT, tmp_path / "my project (ü)", ignore=leftovers)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python with some arguments in the project's folder; whatever still runs in the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, folder: Path = PROJECT, **environment: str) -> subprocess.Popen[str]:
        process = launch(*arguments, folder=folder, environment=environment)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def launch(*arguments: str, folder: Path = PROJECT, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start Python with some arguments in a folder."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def taken_port() -> Iterator[int]:
    """Yield a port that is in use."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield int(holder.getsockname()[1])


def refusal(process: subprocess.Popen[str]) -> str:
    """Return what a process prints that must refuse, without a traceback, soon."""
    output, _ = process.communicate(timeout=120)
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


@pytest.fixture(scope="module")
def refusals(settings: Settings) -> Iterator[dict[str, str]]:
    """What starts print that must be refused; all of them run at once, for each is mostly imports."""
    ours = {"DATABASE_URL": settings.sqlalchemy_url.render_as_string(hide_password=False)}
    wrong = {"DATABASE_URL": "postgresql://u:s3cret@h"}
    theirs = {"DATABASE_URL": "postgresql://u:s3cret@h/d", "ENVIRONMENT": "production"}
    opened = {**theirs, "ACCESS": "open"}
    with taken_port() as port:
        processes = {
            "postgresql away": launch(*SERVE, environment={"DATABASE_URL": DATABASE_AWAY}),
            "uvicorn, wrong setting": launch(*SERVE, environment=wrong),
            "dev.py, wrong setting": launch(*DEV, environment=wrong),
            "alembic, wrong setting": launch("-m", "alembic", "upgrade", "heads", environment=wrong),
            "uvicorn, production": launch(*SERVE, environment={"DATABASE_URL": "", "ENVIRONMENT": "production"}),
            "uvicorn, no issuer": launch(*SERVE, environment=theirs),
            "pytest, production": launch("-m", "pytest", "--no-cov", environment=opened),
            "pytest, postgresql away": launch(
                "-m",
                "pytest",
                "--no-cov",
                "tests/integration/test_health.py",
                environment={"DATABASE_URL": DATABASE_AWAY},
            ),
            "uvicorn, port taken": launch(*SERVE, "--port", str(port), environment=ours),
            "dev.py, port taken": launch(*DEV, "--port", str(port), environment=ours),
        }
        try:
            yield {name: refusal(process) for name, process in processes.items()}
        finally:
            for process in processes.values():
                process.kill()


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("postgresql away", "PostgreSQL does not answer."),
        ("postgresql away", "127.0.0.1:1/gone"),
        ("uvicorn, wrong setting", "Configuration: DATABASE_URL must end in the name of a database."),
        ("dev.py, wrong setting", "Configuration: DATABASE_URL must end in the name of a database."),
        ("alembic, wrong setting", "Configuration: DATABASE_URL must end in the name of a database."),
        ("uvicorn, production", "DATABASE_URL must be set in production"),
        ("uvicorn, no issuer", "Configuration: OIDC_ISSUER must be set in production"),
        ("pytest, production", "Tests do not run with ENVIRONMENT=production."),
        ("pytest, postgresql away", "Tests cannot make a database on 127.0.0.1: PostgreSQL does not answer."),
        ("uvicorn, port taken", "address already in use"),
        ("dev.py, port taken", "Stop the process that uses it, or choose another --port."),
    ],
)
def test_a_start_that_cannot_succeed_is_refused_in_one_sentence(
    refusals: dict[str, str], start: str, sentence: str
) -> None:
    assert sentence in refusals[start]


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
        if end == signal.SIGINT:
            second = start("scripts/dev.py", "--port", str(free_port()), folder=project_copy, DATABASE_URL="")
            assert "runs in this project already" in refusal(second)

        process.send_signal(end)
        output, _ = process.communicate(timeout=20)

        assert process.returncode == 0, output
        assert "stopping PostgreSQL" in output
        assert not (project_copy / ".dev" / "postgres" / "postmaster.pid").exists()
        with pytest.raises(ConnectError):
            get(f"http://127.0.0.1:{port}/health/live")


def test_a_changed_file_restarts_the_service(start: Start, port: int, project_copy: Path) -> None:
    environment = {"DATABASE_URL": "", "PYTHONPATH": str(project_copy)}  # its src, not that of the installed project
    process = start("scripts/dev.py", "--port", str(port), folder=project_copy, **environment)
    assert first_answer(port, process) == 200

    with (project_copy / "src" / "health.py").open("a") as source:
        source.write('\n\n@router.get("/added")\nasync def added() -> str:\n    return "added"\n')
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and status_of(f"http://127.0.0.1:{port}/health/added") != 200:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    assert status_of(f"http://127.0.0.1:{port}/health/added") == 200

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0, process.communicate()[0]
    assert status_of(f"http://127.0.0.1:{port}/health/live") is None


def status_of(address: str) -> int | None:
    """Return the status of an answer; None if the connection is refused."""
    try:
        return get(address).status_code
    except TransportError:
        return None


async def test_a_stop_under_load_answers_every_request_that_it_began(
    start: Start, port: int, migrated_database: Settings
) -> None:
    url = migrated_database.sqlalchemy_url.render_as_string(hide_password=False)
    process = start(*SERVE, "--host", "127.0.0.1", "--port", str(port), DATABASE_URL=url)
    assert first_answer(port, process) == 200

    answers = answered_until_stopped(process, port)

    log = load_slice(SAMPLE_SLICE).log
    async with open_database(migrated_database) as database:
        query = f'SELECT request_id FROM "{log.schema}".base_log WHERE request_id IS NOT NULL'
        recorded = await database.autocommit.execute(text(query))
    assert sorted(recorded.scalars()) == sorted(answers)


def answered_until_stopped(process: subprocess.Popen[str], port: int) -> list[str]:
    """Let eight clients post, stop the process in the middle, and return the request ids of all answers."""
    answers: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(post_until_refused, port, answers) for _ in range(8)]
        while len(answers) < 50:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)
        for client in clients:
            client.result(timeout=20)
    return answers


def post_until_refused(port: int, answers: list[str]) -> None:
    """Add the request id of each answer, until nobody listens; the system resets connections that wait at that time."""
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.connect()
            connection.request("POST", "/test-log", "{}", {"Content-Type": "application/json", "Connection": "close"})
            answer = connection.getresponse()
            assert answer.status == 200
            answers.append(answer.headers["X-Request-ID"])
        except ConnectionRefusedError:
            return
        except (OSError, HTTPException):
            continue
        finally:
            connection.close()
