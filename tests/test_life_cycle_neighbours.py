"""A user's own lines beside and inside the lists of modules come through all of a module's life."""

from pathlib import Path

import pytest

from living.matrix import Shelf
from living.neighbours import neighbour_faults
from living.project import MODULES, twin


@pytest.mark.parametrize(("kind", "place"), [("router", "after"), ("entry", "first"), ("comment inside", "last")])
def test_a_line_of_a_user_comes_through(shelf: Shelf, tags: list[str], tmp_path: Path, kind: str, place: str) -> None:
    project = twin(shelf.project(tags[0], MODULES[:1]), tmp_path / "project")

    assert list(neighbour_faults(project, kind, place)) == []
