"""Run the protocol's conformance suite and the inspector against a fixture server and the servers of a project.

    uv run python ../../tools/with_external_postgres.py python ../../tools/conformance.py BIN    (in a project's folder)

BIN is the folder with node 22, `conformance` and `mcp-inspector`; `nox -s conformance` installs them. The fixture
(tools/conformance/fixture.py) has all that the suite asks for, on the host of the project; the project's servers have
not, so that tools/conformance/slice_*.yml says which scenarios fail on them. Exit status: 0 if nothing else fails.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from httpx2 import get

from service import served

EXPECTED = Path(__file__).parent / "conformance"
READY = "/mcp/capabilities"
VERSIONS = ("2026-07-28", "2025-11-25")


def main(folder: str) -> int:
    """Return 1 if a server breaks a rule that its expected failures do not name."""
    path = f"{Path(folder).resolve()}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "ACCESS": "open", "ENVIRONMENT": "test"}
    failed: list[str] = []
    with served(environment, "fixture:app", "--app-dir", str(EXPECTED), ready=READY) as address:
        failed += failures(f"{address}/conformance/mcp", "fixture", environment)
    subprocess.run(["alembic", "upgrade", "heads"], env=environment, check=True)
    with served(environment, "src.cos_main:app", ready=READY) as address:
        for module in get(f"{address}/mcp/capabilities").json()["modules"]:
            failed += failures(f"{address}{module['path']}", "slice", environment)
    print("\n".join(failed) or "All servers are as expected.")
    return int(bool(failed))


def failures(url: str, kind: str, environment: dict[str, str]) -> list[str]:
    """Return the versions in which the server fails, and `inspector` if that cannot list the tools."""
    failed = []
    for version in VERSIONS:
        expected = EXPECTED / f"{kind}_{version}.yml"
        options = ["--suite", "all", "--spec-version", version]
        if expected.exists():
            options += ["--expected-failures", str(expected)]
        output = ["-o", str(Path(tempfile.gettempdir(), "mcp-conformance", kind, version))]
        suite = ["conformance", "server", "--url", url, *options, *output]
        if subprocess.run(suite, env=environment, check=False).returncode:
            failed.append(f"{kind}: the suite fails in {version} at {url}")
    inspector = ["mcp-inspector", "--cli", url, "--transport", "http", "--method", "tools/list"]
    listed = subprocess.run(inspector, env=environment, check=False, capture_output=True, text=True)
    if listed.returncode or '"inputSchema"' not in listed.stdout:
        failed.append(f"{kind}: the inspector cannot list the tools at {url}: {listed.stderr}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
