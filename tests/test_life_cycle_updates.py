"""Old projects that their users edited are updated to the latest release, and no edit is lost without a word."""

import pytest

from living.matrix import Shelf, trials


@pytest.mark.parametrize("number", [0, 4, 6])
def test_no_edit_is_lost_without_a_word(shelf: Shelf, tags: list[str], number: int) -> None:
    tally = trials(shelf, [tags[number], tags[-1]], draws=1, seed=11)

    assert tally.faults == []
    assert tally.count("there") > 0
    assert tally.count("lost") == 0
