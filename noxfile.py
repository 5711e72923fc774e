"""Every job of this repository, each one line in `nox -l`; `python3 bootstrap.py JOB` runs them without nox."""

import os
import shutil
from pathlib import Path

import nox

PYTHON = "3.13"
ROOT = Path(__file__).resolve().parent
INSTANCE = ROOT / "instances" / "tech_cc"
REQUIREMENTS = ROOT / "requirements"

nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]
nox.options.error_on_missing_interpreters = True

# Imports are most of what these jobs do: let Python keep what it compiled, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@nox.session(python=PYTHON)
def demo(session: nox.Session) -> None:
    """Spawn a project, install it, run it on a real PostgreSQL and talk to it."""
    install(session)
    session.run("python", "tools/demo.py", *session.posargs)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run every test there is: lint, types, drift, guard, the template's tests, the instance's gates."""
    for job in ("lint", "types", "drift", "guard", "template", "instance"):
        session.notify(job)


@nox.session(python=PYTHON)
def template(session: nox.Session) -> None:
    """Test rendering, questions, hooks, and a project spawned as a user would."""
    install(session)
    session.run("pytest", "--numprocesses=2", "--dist=loadgroup", *session.posargs)


@nox.session(python=PYTHON)
def render(session: nox.Session) -> None:
    """Rebuild instances/tech_cc from the template."""
    install(session)
    session.run("python", "tools/render.py")


@nox.session(python=PYTHON)
def drift(session: nox.Session) -> None:
    """Fail with a diff where instances/tech_cc differs from a fresh render by one byte."""
    install(session)
    session.run("python", "tools/render.py", "--check")


@nox.session(python=PYTHON)
def guard(session: nox.Session) -> None:
    """Fail where a file or a setting moved since the last release, and releases.yml does not say so."""
    install(session)
    session.run("python", "tools/release_guard.py", env={"PYTHONPATH": "."})


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check style, format and security of the repository's own code."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    code = ("gold_slice", "hooks", "tools", "noxfile.py", "bootstrap.py")
    session.run("bandit", "-q", "-c", "pyproject.toml", "-r", *code)


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session)
    session.run("mypy")


@nox.session(python=PYTHON)
def instance(session: nox.Session) -> None:
    """Run all gates of the reference instance, as its own README names them."""
    uv(session, "sync", "--quiet")
    uv(session, "run", "ruff", "check", ".")
    uv(session, "run", "ruff", "format", "--check", ".")
    uv(session, "run", "mypy")
    uv(session, "run", "lint-imports", "--no-logo")
    uv(session, "run", "bandit", "-q", "-c", "pyproject.toml", "-r", "src")
    # These are all tests. Those of the spawned project in tests/ run on the PostgreSQL of its environment.
    uv(session, "run", "python", str(ROOT / "tools" / "with_external_postgres.py"), "pytest", "-q")


@nox.session(venv_backend="none")
def graph(session: nox.Session) -> None:
    """Run the tests of the graph on the PostgreSQL of DATABASE_URL and the Neo4j of NEO4J_URI."""
    if not os.environ.get("NEO4J_URI"):
        session.error("NEO4J_URI is not set; `nox -s instance` runs these tests on the embedded graph.")
    uv(session, "sync", "--quiet", "--extra", "rust")
    uv(session, "run", "pytest", "-q", "--no-cov", "tests/integration/graph", RUN_INTEGRATION="1")


@nox.session(python=PYTHON)
def benchmark(session: nox.Session) -> None:
    """Measure what a spawn, a start and a project cost; writes docs/benchmarks.md."""
    install(session)
    session.run("python", "tools/benchmark.py", *session.posargs)


@nox.session(python=PYTHON)
def faults(session: nox.Session) -> None:
    """Kill, freeze and cut off PostgreSQL, Redis and consumers under load; writes docs/faults.md."""
    pytest = ("pytest", "-q", "--no-cov", "-m", "faults", "tests/faults")
    uv(session, "sync", "--quiet")
    uv(session, "run", *pytest, *session.posargs, FAULTS_REPORT=str(ROOT / "docs" / "faults.md"))


@nox.session(python=PYTHON)
def peers(session: nox.Session) -> None:
    """Measure a project beside a peer's, on the PostgreSQL of DATABASE_URL; writes docs/benchmarks.md."""
    install(session)
    session.run("python", "tools/peers.py", *session.posargs)


@nox.session(python=PYTHON)
def life_cycle(session: nox.Session) -> None:
    """Edit, update, kill and grow projects for an hour; writes docs/life_cycle.md."""
    install(session)
    plot = REQUIREMENTS / "plot.txt"
    session.run("uv", "pip", "install", "--quiet", "--require-hashes", "-r", str(plot), external=True)
    session.run("python", "tools/life_cycle.py", *session.posargs)


@nox.session(python=PYTHON)
def requirements(session: nox.Session) -> None:
    """Pin what these jobs run with, by hash and without naming an index."""
    compile_ = ("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header")
    for group, python in (("bootstrap", "3.11"), ("dev", "3.13"), ("plot", "3.13"), ("peers", "3.13")):
        output = str(REQUIREMENTS / f"{group}.txt")
        options = ("--upgrade", "--python-version", python, "--group", group, "--output-file", output)
        session.run("uv", *compile_, *options, external=True)


def install(session: nox.Session) -> None:
    """Give the session the pinned tools, unless it has them already."""
    pins = REQUIREMENTS / "dev.txt"
    marker = Path(session.virtualenv.location) / "requirements.txt"
    if not marker.exists() or marker.read_bytes() != pins.read_bytes():
        session.run("uv", "pip", "sync", "--quiet", "--require-hashes", str(pins), external=True)
        shutil.copy(pins, marker)


def uv(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run uv in the instance, in an environment of the instance's own."""
    own = {"VIRTUAL_ENV": None, "UV_PROJECT_ENVIRONMENT": None}
    with session.chdir(INSTANCE):
        session.run("uv", *arguments, external=True, env={**own, **environment})
