"""A project of gold slice, for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gold_slice.testing import spawned_project


@pytest.fixture(scope="session")
def project() -> Iterator[Path]:
    """A committed project; the checks leave it as it is."""
    with spawned_project() as folder:
        yield folder
