"""Old projects that their users edited are updated to the latest release, and no edit is lost without a word."""

import os
from pathlib import Path

import pytest

import commands
from living.matrix import Shelf, trials
from support import release, replace


@pytest.mark.parametrize("number", [0, 6])
def test_no_edit_is_lost_without_a_word(shelf: Shelf, tags: list[str], number: int) -> None:
    tally = trials(shelf, [tags[number], tags[-1]], draws=1, seed=11)

    assert tally.faults == []
    assert tally.count("there") > 0
    assert tally.count("lost") == 0


def test_a_new_file_of_the_same_size_and_time_is_not_taken_for_the_old_one(living: Path, releases: Path) -> None:
    replace(releases / "template/src/cos_main.py", "The entry", "One start")
    release(releases, "v0.2.0")
    assert commands.run(living, "update", "--preview").status == 0
    for path in Path(os.environ["GOLD_SLICE_CACHE"], "renders").rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)

    assert commands.run(living, "update").status == 0

    assert "One start" in (living / "src/cos_main.py").read_text()
    assert all("_commit: v0.2.0" in path.read_text() for path in living.glob(".copier-answers*.yml"))
