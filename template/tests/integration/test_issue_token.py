import subprocess
import sys

import pytest
from httpx2 import get

from databases import PROJECT
from served import served
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings

pytestmark = pytest.mark.long

PART = load_slice(SAMPLE_SLICE)


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `scripts/issue_token.py`; its key is that of the project's `.dev`."""
    command = [sys.executable, "scripts/issue_token.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_a_running_service_accepts_its_token(settings: Settings) -> None:
    issued = script(PART.label, "--scope", f"{PART.module}:read")
    environment = dict(line.split("=", 1) for line in issued.stderr.splitlines())

    with served(settings, "src.cos_main:app", **environment) as port:
        url = f"http://127.0.0.1:{port}/{PART.module}/modules"
        statuses = [
            get(url, headers={"Authorization": value}).status_code for value in ("", f"Bearer {issued.stdout.strip()}")
        ]

    assert statuses == [401, 200]


def test_an_unknown_label_is_refused() -> None:
    refused = script("no_such_label")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("No module has the label no_such_label. Choose one of these:")
