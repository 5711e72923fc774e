"""Whatever modules come and go, in whatever order, the project is byte for byte what it was."""

from pathlib import Path

import pytest

from living.identity import identity_faults
from living.matrix import Shelf
from living.project import MODULES, twin


@pytest.mark.parametrize("seed", [2])
def test_modules_that_came_and_went_leave_no_trace(shelf: Shelf, tags: list[str], tmp_path: Path, seed: int) -> None:
    project = twin(shelf.project(tags[0], MODULES[:1]), tmp_path / "project")

    assert list(identity_faults(project, seed=seed)) == []
