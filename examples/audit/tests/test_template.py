"""The template keeps the contract of gold slice, and the module that it makes passes the gates of a project."""

from pathlib import Path

from gold_slice.testing import check_module_in_project, check_module_template

ROOT = Path(__file__).resolve().parent.parent


def test_the_template_makes_modules(project: Path, tmp_path: Path) -> None:
    check_module_template(ROOT, project=project, scratch=tmp_path)


def test_the_module_passes_the_gates_of_a_project_and_its_own_tests(project: Path, tmp_path: Path) -> None:
    check_module_in_project(ROOT, project=project, scratch=tmp_path)
