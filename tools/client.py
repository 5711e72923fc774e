"""Generate a client from the OpenAPI document of a running service, check its types strictly, and use it.

    uv run python ../../tools/with_external_postgres.py python ../../tools/client.py BIN    (in a project's folder)

BIN is the folder with `openapi-python-client` and `mypy`; `nox -s client` installs them. The generator leaves out what
it does not understand and warns; that is a failure. tools/client/try_client.py uses the client.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from httpx2 import get

from service import served

HERE = Path(__file__).parent / "client"
MODULES = [folder.parent.name for folder in Path("src/backend").glob("*/identity.py")]


def main(folder: str) -> None:
    """End the process with the status of the first command that fails."""
    programs = Path(folder).resolve()
    token = secrets.token_urlsafe()
    settings = {"ENVIRONMENT": "test", "DEV_TOKENS": _dev_tokens(token), "OIDC_AUDIENCE": "client"}
    environment = {**os.environ, **settings}
    subprocess.run(["alembic", "upgrade", "heads"], env=environment, check=True)
    with (
        served(environment, "src.cos_main:app", ready="/health/ready") as address,
        tempfile.TemporaryDirectory(prefix="client-") as scratch,
    ):
        place = Path(scratch)
        generated = ("--meta", "none", "--output-path", str(place / "cos_client"), "--fail-on-warning")
        document = get(f"{address}/openapi.json", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        (place / "openapi.json").write_bytes(document.content)
        script = str(HERE / "try_client.py")
        paths = dict.fromkeys(("PYTHONPATH", "MYPYPATH"), scratch)
        environment |= {**paths, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}  # it runs ruff
        commands = (
            (programs / "openapi-python-client", "generate", "--path", "openapi.json", *generated),
            (programs / "mypy", "--config-file", str(HERE / "mypy.ini"), "cos_client", script),
            (programs / "python", script, address, token),
        )
        for command in commands:
            if status := subprocess.run(command, cwd=place, env=environment, check=False).returncode:
                sys.exit(status)


def _dev_tokens(token: str) -> str:
    scopes = [f"{module}:{verb}" for module in MODULES for verb in ("read", "write")]
    digest = hashlib.sha256(token.encode()).hexdigest()
    return json.dumps([{"sha256": digest, "subject": "client", "audience": "client", "scopes": scopes}])


if __name__ == "__main__":
    main(sys.argv[1])
