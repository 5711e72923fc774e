"""Every job of this repository, each one line in `nox -l`; `python3 bootstrap.py JOB` runs them without nox."""

import os
import shutil
from pathlib import Path

import nox

PYTHON = "3.13"
ROOT = Path(__file__).resolve().parent
INSTANCE = ROOT / "instances" / "tech_cc"
REQUIREMENTS = ROOT / "requirements"
# The gates of a project beside its tests; tests/test_gates.py compares them with its pre-commit hooks.
GATES = (
    "ruff check .",
    "ruff format --check .",
    "mypy",
    "lint-imports --no-logo",
    "bandit -q -r src/",
    "deptry src alembic",
    "python scripts/check_mcp_filename_drift.py",
)

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


@nox.session(python=PYTHON)
def picture(session: nox.Session) -> None:
    """Run the demo and keep what it prints as docs/first_run.svg."""
    install(session)
    session.run("python", "tools/picture.py")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run every test there is: lint, types, files, docs, drift, guard, a client, the template's tests, the instance."""
    for job in ("lint", "types", "files", "docs", "drift", "guard", "client", "template", "instance"):
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
    session.run("deptry", "gold_slice", "hooks")


@nox.session(python=PYTHON)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session)
    session.run("mypy")


@nox.session(python=PYTHON)
def files(session: nox.Session) -> None:
    """Check workflows, compose files and the Dockerfile: the repository's, a project's, and the example's."""
    install(session, "files")
    schema = ("check-jsonschema", "--builtin-schema")
    session.run("hadolint", "template/Dockerfile")
    session.run(*schema, "vendor.compose-spec", "docker-compose.yml", *map(str, Path("template").glob("docker-*.yml")))
    for folder in (".github", "template/.github", "examples/audit/.github"):
        workflows = sorted(map(str, Path(folder, "workflows").glob("*.yml")))
        session.run("actionlint", *workflows)
        session.run(*schema, "vendor.github-workflows", *workflows)
        session.run(*schema, "vendor.dependabot", f"{folder}/dependabot.yml")
        session.run("zizmor", "--quiet", "--offline", folder)


@nox.session(python=PYTHON)
def reference(session: nox.Session) -> None:
    """Write docs/reference.md from the code."""
    install(session)
    uv(session, "sync", "--quiet")
    session.run("python", "tools/reference.py", *session.posargs, env={"PYTHONPATH": "."})


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Compare docs/reference.md with the code, and build the site into site/; a link that leads nowhere fails."""
    install(session)
    uv(session, "sync", "--quiet")
    session.run("python", "tools/reference.py", "--check", env={"PYTHONPATH": "."})
    tool = ("run", "--no-project", "--isolated", "--quiet", "--with-requirements", str(REQUIREMENTS / "docs.txt"))
    session.run("uv", *tool, "zensical", "build", "--clean", "--strict", external=True)


@nox.session(python=PYTHON)
def audit(session: nox.Session) -> None:
    """Look for known vulnerabilities in the pins of requirements/ and in the reference's packages; asks OSV online."""
    install(session, "audit")
    for pins in sorted(REQUIREMENTS.glob("*.txt")):
        session.run("pip-audit", "--vulnerability-service", "osv", "--disable-pip", "--no-deps", "-r", str(pins))
    uv(session, "audit")


@nox.session(python=PYTHON)
def instance(session: nox.Session) -> None:
    """Run all gates of the reference instance, as its own README names them."""
    uv(session, "sync", "--quiet")
    for gate in GATES:
        uv(session, "run", *gate.split())
    uv(session, "run", "pytest", "-q", "-m", "not benchmark and not faults")
    # On a server that the environment names, as in a project's continuous integration.
    on_named_server = ("python", str(ROOT / "tools" / "with_external_postgres.py"), "pytest", "-q", "--no-cov")
    uv(session, "run", *on_named_server, "tests/integration/db", "tests/integration/l1", "tests/integration/backend")


@nox.session(venv_backend="none")
def graph(session: nox.Session) -> None:
    """Run the tests of the graph on the PostgreSQL of DATABASE_URL and the Neo4j of NEO4J_URI."""
    if not os.environ.get("NEO4J_URI"):
        session.error("NEO4J_URI is not set; `nox -s instance` runs these tests on the embedded graph.")
    uv(session, "sync", "--quiet", "--extra", "rust")
    uv(session, "run", "pytest", "-q", "--no-cov", "tests/integration/graph", *session.posargs, RUN_INTEGRATION="1")


@nox.session(python=PYTHON)
def client(session: nox.Session) -> None:
    """Generate a client from the instance's OpenAPI document, check its types, and use it on the running service."""
    install(session, "client")
    uv(session, "sync", "--quiet")
    tools = ROOT / "tools"
    command = ("python", str(tools / "client.py"), str(session.bin))
    uv(session, "run", "python", str(tools / "with_external_postgres.py"), *command)


@nox.session(python=PYTHON)
def conformance(session: nox.Session) -> None:
    """Run MCP's conformance suite and inspector on a fixture and the instance; npm fetches them, with node 22."""
    folder = Path(session.cache_dir).resolve() / "mcp-tools"
    versions = ("node@22", "@modelcontextprotocol/conformance@0.2.0-alpha.12", "@modelcontextprotocol/inspector@2.12")
    session.run("npm", "install", "--silent", "--no-audit", "--prefix", str(folder), *versions, external=True)
    uv(session, "sync", "--quiet")
    tools = ROOT / "tools"
    command = ("python", str(tools / "conformance.py"), str(folder / "node_modules" / ".bin"))
    uv(session, "run", "python", str(tools / "with_external_postgres.py"), *command)


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


@nox.session(venv_backend="none")
def release(session: nox.Session) -> None:
    """Check drift, release data, documents and changelog, and try the tags of this version in a temporary clone."""
    for job in ("drift", "guard", "docs", "tags"):
        session.notify(job)


@nox.session(python=PYTHON)
def tags(session: nox.Session) -> None:
    """Say what the version in pyproject.toml lacks to be released; try its tags in a temporary clone."""
    install(session)
    session.run("python", "tools/release.py", env={"PYTHONPATH": "."})


@nox.session(python=PYTHON)
def requirements(session: nox.Session) -> None:
    """Pin what these jobs run with, by hash and without naming an index."""
    compile_ = ("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header")
    for group in ("bootstrap", "dev", "files", "docs", "audit", "client", "plot", "peers"):
        python = "3.11" if group == "bootstrap" else PYTHON
        output = str(REQUIREMENTS / f"{group}.txt")
        options = ("--upgrade", "--python-version", python, "--group", group, "--output-file", output)
        session.run("uv", *compile_, *options, external=True)


def install(session: nox.Session, group: str = "dev") -> None:
    """Give the session the pinned tools of a group, unless it has them already."""
    pins = REQUIREMENTS / f"{group}.txt"
    marker = Path(session.virtualenv.location) / "requirements.txt"
    if not marker.exists() or marker.read_bytes() != pins.read_bytes():
        session.run("uv", "pip", "sync", "--quiet", "--require-hashes", str(pins), external=True)
        shutil.copy(pins, marker)


def uv(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run uv in the instance, in an environment of the instance's own."""
    own = {"VIRTUAL_ENV": None, "UV_PROJECT_ENVIRONMENT": None}
    with session.chdir(INSTANCE):
        session.run("uv", *arguments, external=True, env={**own, **environment})
