"""`scripts/check_mcp_filename_drift.py` finds every kind of drift."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

import check_mcp_filename_drift as drift
from databases import PROJECT
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.cos_main import SLICES
from src.mcp_host.call import Call
from src.mcp_host.descriptions import ToolDescription
from src.mcp_host.routes import Capabilities

PACKAGE = SAMPLE_SLICE
PART = load_slice(PACKAGE)
SOURCE = PROJECT.joinpath(*PART.mcp_package.split("."))
TITLE = "title: A title\ndescription: A description that is long enough.\n"
TOOL = f"{TITLE}scope: read\nhints: {{read_only: true, destructive: false, idempotent: true}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the folder of a module's server."""
    copy = tmp_path / SOURCE.name
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def said() -> tuple[dict[str, Any], Capabilities]:
    """What the module's server says, which is built for it."""
    return asyncio.run(drift.ask(PART))


@pytest.fixture
def said_once(
    said: tuple[dict[str, Any], Capabilities], monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], Capabilities]:
    """Let the check see this copy of what the server says, and build no server again."""
    copy = deepcopy(said)

    async def ask(_part: object) -> tuple[dict[str, Any], Capabilities]:
        return copy

    monkeypatch.setattr(drift, "ask", ask)
    return copy


def test_the_files_of_every_module_are_without_drift() -> None:
    assert [finding for package in SLICES for finding in drift.findings_of(package)] == []


def test_a_slice_without_a_server_is_passed_over() -> None:
    assert drift.findings_of("src.backend.no_such_module") == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda folder: (folder / "server.yml").unlink(), "server.yml is missing"),
        (lambda folder: shutil.rmtree(folder / "resources"), "the folder resources is missing"),
        (
            lambda folder: (folder / "tools/get_module.yml").unlink(),
            "tools/get_module.py has no get_module.yml beside it",
        ),
        (
            lambda folder: (folder / "tools/get_module.py").unlink(),
            "tools/get_module.yml has no get_module.py beside it",
        ),
        (lambda folder: (folder / "resources/schema.yml").unlink(), "resources/schema.py has no schema.yml beside it"),
        (
            lambda folder: (folder / "tools/get_module.py").write_text("async def other(): ..."),
            "tools/get_module.py has no function `async def get_module`",
        ),
        (
            lambda folder: (folder / "tools/get-module.yml").write_text(TOOL),
            "tools/get-module.yml: files are called <name>.py and <name>.yml; a name has a-z, 0-9 and _",
        ),
        (
            lambda folder: (folder / "tools/list_notes.yaml").write_text(TOOL),
            "tools/list_notes.yaml: files are called <name>.py and <name>.yml; a name has a-z, 0-9 and _",
        ),
    ],
)
def test_file_names_are_compared(folder: Path, change: Callable[[Path], object], finding: str) -> None:
    assert list(drift.check_names(folder)) == []

    change(folder)

    assert list(drift.check_names(folder)) == [finding]


@pytest.mark.parametrize(
    ("place", "written", "finding"),
    [
        ("server.yml", "title: x", "server.yml breaks a rule. title: String should have at least 3 characters"),
        ("tools/get_module.yml", "a: [", "tools/get_module.yml is not YAML in UTF-8"),
        ("tools/get_module.yml", "", "the file: Input should be"),
        ("tools/get_module.yml", f"{TOOL}colour: red", "colour: Extra inputs are not permitted"),
        ("tools/get_module.yml", TOOL.replace("read\n", "admin\n", 1), "scope: Input should be 'read' or 'write'"),
        ("tools/get_module.yml", TOOL.replace("true", "1"), "hints.read_only: Input should be a valid boolean"),
        ("tools/get_module.yml", TITLE, "scope: Field required"),
        ("resources/schema.yml", f"{TITLE}path: ../etc", "path: String should match pattern"),
    ],
)
def test_the_yaml_files_have_rules(folder: Path, place: str, written: str, finding: str) -> None:
    assert list(drift.check_descriptions(folder)) == []

    (folder / place).write_text(written)

    (found,) = drift.check_descriptions(folder)
    assert finding in found


async def seats(call: Call, row: Annotated[int, Field(ge=1, le=9)], kind: str = "any") -> None:
    """Stand for a tool."""


ROW: dict[str, Any] = {"description": "Row.", "type": "integer", "minimum": 1, "maximum": 9}
KIND: dict[str, Any] = {"description": "Kind.", "type": "string", "default": "any"}


@pytest.mark.parametrize(
    ("parameters", "findings"),
    [
        ({"row": ROW, "kind": KIND}, []),
        ({"row": ROW}, ["kind is not described"]),
        ({"row": ROW, "kind": KIND, "seat": ROW}, ["seat: the code has no such parameter"]),
        ({"row": ROW | {"type": "string"}, "kind": KIND}, ["row: type is string here and integer in the code"]),
        ({"row": ROW | {"maximum": 8}, "kind": KIND}, ["row: maximum is 8 here and 9 in the code"]),
        ({"row": ROW | {"pattern": "x"}, "kind": KIND}, ["row: pattern is x here and nothing in the code"]),
        ({"row": ROW, "kind": KIND | {"default": "all"}}, ["kind: default is all here and any in the code"]),
        ({"row": ROW | {"optional": True}, "kind": KIND}, ["row is optional here, but not in the code"]),
        ({"row": ROW | {"description": " "}, "kind": KIND}, ["row has no description"]),
        (
            {"row": ROW, "kind": {"description": "Kind.", "type": "string"}},
            ["kind is required here, but not in the code", "kind: default is nothing here and any in the code"],
        ),
    ],
)
def test_yaml_and_signature_are_compared(parameters: dict[str, Any], findings: list[str]) -> None:
    assert list(drift.differences(seats, described(parameters=parameters))) == findings


@pytest.mark.parametrize(
    ("scope", "read_only", "destructive", "findings"),
    [
        ("read", True, False, []),
        ("write", False, True, []),
        ("write", True, False, ["tools/t.yml: scope write with read_only: true"]),
        ("read", False, False, ["tools/t.yml: scope read with read_only: false"]),
        ("read", True, True, ["tools/t.yml: a tool that only reads is not destructive"]),
    ],
)
def test_scope_and_hints_are_compared(scope: str, read_only: bool, destructive: bool, findings: list[str]) -> None:  # noqa: FBT001
    hints = {"read_only": read_only, "destructive": destructive, "idempotent": True}

    assert list(drift.check_hints({"tools": {"t": described(scope=scope, hints=hints)}})) == findings


@pytest.mark.parametrize(
    ("place", "old", "new", "finding"),
    [
        ("tools/list_notes.yml", "title: List", "title: Show", "tools/list_notes: the server says another title"),
        (
            "tools/list_notes.yml",
            "Return a page",
            "Return some",
            "tools/list_notes: the server says another description",
        ),
        ("tools/list_notes.yml", "How many", "So many", "tools/list_notes: the server describes limit in other words"),
        ("tools/list_notes.yml", "  limit:", "  most:", "tools/list_notes: the server says another parameters"),
        (
            "tools/keep_note.yml",
            "idempotent: false",
            "idempotent: true",
            "tools/keep_note: the server says another idempotent",
        ),
        ("tools/keep_note.yml", "scope: write", "scope: read", "the capabilities: keep_note needs"),
        ("resources/health.yml", "path: health", "path: ill", "the resource cos://"),
        (
            "resources/health.yml",
            "title: Health",
            "title: Illness",
            "resources/health: the server says another name, title",
        ),
        ("server.yml", "This server", "That server", "server.yml: the server gives other instructions"),
    ],
)
@pytest.mark.usefixtures("said_once")
def test_yaml_and_the_wire_are_compared(folder: Path, place: str, old: str, new: str, finding: str) -> None:
    file = folder / place
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))

    found = list(drift.check_wire(PART, drift.read_all(folder), folder))

    assert any(each.startswith(finding) for each in found), found


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda said, _: said["tools"].pop(), " is not served"),
        (lambda said, _: said["resources"].pop(), "the resource cos://"),
        (
            lambda said, _: said["tools"].append(said["tools"][0] | {"name": "secret"}),
            "tools/secret is served, but has no files",
        ),
        (lambda said, _: said["tools"][0].update(outputSchema={}), "the server says another output"),
        (lambda _, capabilities: capabilities.tools.pop(), "the capabilities: the tool"),
        (lambda _, capabilities: capabilities.resources.pop(), "the capabilities: cos://"),
    ],
)
def test_what_the_server_lists_is_compared(
    said_once: tuple[dict[str, Any], Capabilities],
    change: Callable[[dict[str, Any], Capabilities], object],
    finding: str,
) -> None:
    change(*said_once)

    assert any(finding in each for each in drift.check_wire(PART, drift.read_all(SOURCE), SOURCE))


def test_a_file_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*_: object) -> None:
        raise SyntaxError("no\nPython")

    monkeypatch.setattr(drift, "check_signatures", raising)

    assert drift.findings_of(PACKAGE) == [f"{PART.module}: cannot be checked: SyntaxError: no Python"]


def test_the_script_can_be_executed_and_ends_with_its_findings(tmp_path: Path) -> None:
    assert os.access(PROJECT / "scripts" / "check_mcp_filename_drift.py", os.X_OK)
    shutil.copytree(PROJECT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / SOURCE.relative_to(PROJECT) / "tools/get_module.yml").unlink()

    command = [sys.executable, "scripts/check_mcp_filename_drift.py"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stdout == f"{PART.module}: tools/get_module.py has no get_module.yml beside it\n"
    assert "Traceback" not in ended.stderr


def described(**changed: Any) -> ToolDescription:
    """Return the description of a tool."""
    given = {
        "title": "A title",
        "description": "A description that is long enough.",
        "scope": "read",
        "hints": {"read_only": True, "destructive": False, "idempotent": True},
    }
    return ToolDescription.model_validate(given | changed)
