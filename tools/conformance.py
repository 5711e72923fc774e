"""Run the protocol's conformance suite and the inspector against the MCP server of a project.

    uv run python ../../tools/with_external_postgres.py python ../../tools/conformance.py BIN    (in a project's folder)

BIN is the folder with node 22, `conformance` and `mcp-inspector`; `nox -s conformance` installs them. The scenarios in
tools/conformance/*.yml need tools, prompts and resources that only a fixture server has; they are expected to fail.
Exit status: 0 if nothing else fails.
"""

import os
import subprocess
import sys
from pathlib import Path

from httpx2 import get

from service import serving

EXPECTED = Path(__file__).parent / "conformance"
VERSIONS = ("2026-07-28", "2025-11-25")


def main(folder: str) -> int:
    """Return 1 if the server breaks a rule that the expected failures do not name."""
    path = f"{Path(folder).resolve()}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    with serving({"ACCESS": "open"}) as address:
        paths = [module["path"] for module in get(f"{address}/mcp/capabilities").json()["modules"]]
        return int(any(failures(f"{address}{path}", environment) for path in paths))


def failures(url: str, environment: dict[str, str]) -> list[str]:
    """Return the versions in which the server fails, and `inspector` if that cannot list the tools."""
    failed = []
    for version in VERSIONS:
        options = ["--suite", "all", "--spec-version", version, "--expected-failures", str(EXPECTED / f"{version}.yml")]
        output = ["-o", str(Path(os.environ.get("TMPDIR", "/tmp"), "mcp-conformance", version))]  # noqa: S108  # nosec B108
        if subprocess.run(
            ["conformance", "server", "--url", url, *options, *output], env=environment, check=False
        ).returncode:
            failed.append(version)
    inspector = ["mcp-inspector", "--cli", url, "--transport", "http", "--method", "tools/list"]
    if subprocess.run(inspector, env=environment, check=False, stdout=subprocess.DEVNULL).returncode:
        failed.append("inspector")
    print(f"{url}: " + (f"failed: {', '.join(failed)}" if failed else "as expected"))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
