from importlinter import cli


def test_imports_go_down_and_slices_are_independent() -> None:
    assert cli.lint_imports(no_logo=True) == cli.EXIT_STATUS_SUCCESS
