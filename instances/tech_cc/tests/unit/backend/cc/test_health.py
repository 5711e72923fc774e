from itertools import permutations

import pytest

from src.backend.cc.schemas import Health
from src.backend.cc.services.health import worst

ALL: list[Health] = ["healthy", "degraded", "unhealthy"]


def test_no_report_is_healthy() -> None:
    assert worst([]) == "healthy"


@pytest.mark.parametrize("statuses", list(permutations(ALL)))
def test_the_worst_status_wins_in_any_order(statuses: list[Health]) -> None:
    assert worst(statuses) == "unhealthy"


def test_degraded_is_worse_than_healthy() -> None:
    assert worst(["healthy", "degraded", "healthy"]) == "degraded"
