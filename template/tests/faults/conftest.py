"""One bench for all tests of a run, and the table that they fill."""

import os
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from faults.bench import Bench, open_bench
from faults.report import Verdict, as_markdown, as_text
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice

VERDICTS: defaultdict[str, list[Verdict]] = defaultdict(list)


@pytest.fixture(scope="session")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """Servers and processes under load; what the processes log is in a temporary folder of pytest."""
    async with open_bench(load_slice(SAMPLE_SLICE).log, tmp_path_factory.mktemp("faults")) as bench:
        yield bench


@pytest.fixture(scope="session")
def tables() -> defaultdict[str, list[Verdict]]:
    """The verdicts by the heading of their table."""
    return VERDICTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables; write them as Markdown to the file that FAULTS_REPORT names."""
    for heading, verdicts in VERDICTS.items():
        terminalreporter.section(f"faults: {heading}")
        terminalreporter.write_line(as_text(verdicts))
    if VERDICTS and (path := os.environ.get("FAULTS_REPORT")):
        Path(path).write_text(as_markdown(VERDICTS), encoding="utf-8")
