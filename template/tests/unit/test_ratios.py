"""The judge of the performance suite, judged."""

import json
from pathlib import Path

import pytest

from ratios import Baseline, p95, ratio

STEADY = [1.0] * 50


def test_a_ratio_is_that_of_the_medians() -> None:
    assert ratio([2.0] * 49 + [90.0], STEADY) == (2.0, 0.0)


def test_the_noise_of_a_ratio_is_how_far_parts_of_the_run_differ() -> None:
    _, noise = ratio([1.0] * 25 + [2.0] * 25, STEADY)

    assert noise > 0.2


def test_one_in_twenty_is_slower_than_the_p95() -> None:
    assert p95([float(number) for number in range(100)]) == 95


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A baseline in which a work took twice as long as the reference."""
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps({"work": {"ratio": 2.0, "noise": 0.1}}))
    return path


@pytest.mark.parametrize(("value", "noise"), [(1.0, 0.0), (2.5, 0.0), (3.1, 0.2)])
def test_a_ratio_within_the_noise_is_no_regression(path: Path, value: float, noise: float) -> None:
    assert Baseline(path, is_renewed=False).regression("work", value, noise=noise) is None


def test_a_ratio_beyond_the_noise_is_a_regression(path: Path) -> None:
    sentence = Baseline(path, is_renewed=False).regression("work", 2.7, noise=0.02)

    assert sentence == "work: 2.70 times the reference; it was 2.00, noise 10%."


def test_a_ratio_that_is_new_is_no_regression(path: Path) -> None:
    assert Baseline(path, is_renewed=False).regression("other", 9.0, noise=0.0) is None


def test_a_renewed_baseline_takes_what_is_measured(path: Path) -> None:
    assert Baseline(path, is_renewed=True).regression("work", 9.0, noise=0.01) is None

    assert json.loads(path.read_text()) == {"work": {"ratio": 9.0, "noise": 0.01}}
