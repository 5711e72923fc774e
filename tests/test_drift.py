import shutil
from pathlib import Path

import pytest

from render import INSTANCE, compare, replace


@pytest.fixture
def instance(pristine: Path, tmp_path: Path) -> Path:
    """A copy of a fresh render, standing in for the committed one."""
    return shutil.copytree(pristine, tmp_path / "instance")


def test_an_instance_equal_to_a_fresh_render_passes(instance: Path, pristine: Path) -> None:
    (instance / ".venv").mkdir()
    (instance / ".venv" / "leftover").touch()

    assert compare(committed=instance, fresh=pristine) == 0


def test_one_byte_of_difference_is_shown(instance: Path, pristine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = instance / "src" / "health.py"
    path.write_text(path.read_text().replace("Liveness and readiness", "Liveness and Readiness"))

    assert compare(committed=instance, fresh=pristine) == 1

    shown = "".join(capsys.readouterr())
    assert '-"""Liveness and Readiness of' in shown
    assert '+"""Liveness and readiness of' in shown
    assert "Fix: nox -s render" in shown


def test_files_too_many_and_too_few_are_named(
    instance: Path, pristine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (instance / "extra.py").touch()
    (instance / "alembic.ini").unlink()

    assert compare(committed=instance, fresh=pristine) == 1

    shown = capsys.readouterr().out
    assert "extra.py: only in the committed instance" in shown
    assert "alembic.ini: only in the fresh render" in shown


def test_a_render_takes_away_what_the_template_dropped(instance: Path, pristine: Path) -> None:
    (instance / "dropped.py").touch()
    (instance / "uv.lock").touch()

    replace(instance, pristine)

    assert not (instance / "dropped.py").exists()
    assert (instance / "uv.lock").exists()


def test_the_reference_names_a_version_and_no_path_of_a_machine() -> None:
    answers = [path.read_text() for path in INSTANCE.glob(".copier-answers*.yml")]

    assert len(answers) == 2
    assert all("\n_commit: v" in text and "\n_src_path: https://" in text for text in answers)
