import re
from pathlib import Path

from src.backend.slice import load_slice
from src.cos_main import SLICES
from src.graph.registry import MODULE_LABELS

PROJECT = Path(__file__).resolve().parents[3]


def test_every_slice_has_its_label_in_the_registry() -> None:
    assert {load_slice(package).label for package in SLICES} <= set(MODULE_LABELS)


def test_every_label_can_stand_in_a_query() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", label) for label in MODULE_LABELS)
    assert len(MODULE_LABELS) == len(set(MODULE_LABELS))


def test_every_answers_file_has_its_label_in_the_registry() -> None:
    names = {path.name for path in PROJECT.glob(".copier-answers.*.yml")}

    assert {name.removeprefix(".copier-answers.").removesuffix(".yml") for name in names} <= set(MODULE_LABELS)
