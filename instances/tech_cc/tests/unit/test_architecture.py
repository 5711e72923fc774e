import ast
import subprocess
import sys
from pathlib import Path

import pytest

from slices import SLICES_WITH_MCP
from src.backend.slice import load_slice
from src.mcp_host.descriptions import folder_of

FILES = [
    path for part in map(load_slice, SLICES_WITH_MCP) for path in sorted(folder_of(part.mcp_package).rglob("*.py"))
]


def test_imports_go_down_and_slices_are_independent() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")  # a process of its own: it configures logging

    done = subprocess.run([lint_imports, "--no-logo"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parents[1].name}.{path.parent.name}.{path.stem}")
def test_tools_and_resources_only_pass_the_session_on(path: Path) -> None:
    assert uses_of_session(path.read_text()) == []


def test_a_tool_that_uses_the_session_itself_is_found() -> None:
    tool = "async def t(call):\n    await call.session.execute(text('SELECT 1'))\n    await notes.keep(call.session)\n"

    assert uses_of_session(tool) == ["call.session.execute"]


def uses_of_session(source: str) -> list[str]:
    """Return what a file does with `call.session`, beside passing it to a service."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "session"
    ]
