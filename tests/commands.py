"""Run the commands on a project, in this process."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gold_slice.cli import main


@dataclass(frozen=True)
class Ending:
    """How a command ended, and what it printed."""

    status: int
    output: str
    complaint: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """What it printed as JSON."""
        document: dict[str, Any] = json.loads(self.output)
        return document

    @property
    def codes(self) -> list[str]:
        """The codes of the doctor's findings."""
        return [finding["code"] for finding in self.document["findings"]]

    def paths(self, kind: str) -> list[str]:
        """The files of a class."""
        return [change["path"] for change in self.document["changes"] if change["class"] == kind]


def run(folder: Path, command: str, *arguments: str) -> Ending:
    """Run `generate`, `update`, `remove`, `doctor` or `diff` on the project in a folder."""
    name = "add" if command == "generate" else command
    output, complaint = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(complaint):
        try:
            status = int(main([name, "--project", str(folder), *arguments]))
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ending(status, output.getvalue(), complaint.getvalue())
