"""A template fix reaches host and modules by plain `copier update`, and a user's edits survive it."""

from pathlib import Path

from copier import run_update

from support import CC, CRM, HOST, commit, contents, git, release, replace

MAIN, ENV = "src/cos_main.py", "alembic/env.py"


def update(project: Path, *answers_files: str) -> None:
    """Update host and modules, a commit each."""
    for answers_file in answers_files:
        run_update(project, answers_file=answers_file, defaults=True, overwrite=True, unsafe=True, quiet=True)
        commit(project, f"updated {answers_file}")


def test_a_fix_reaches_the_host_and_every_module_around_the_lines_of_a_user(releases: Path, living: Path) -> None:
    replace(releases / "template/src/health.py", "Liveness and readiness", "Life and readiness")
    replace(releases / "template/src/backend/{{ module }}/crud.py", "SQL of the slice", "The SQL of the slice")
    replace(
        living / MAIN, "SLICES: list[str] = [\n", 'MINE = "before"\nSLICES: list[str] = [\n    "aaa.mine",  # inside\n'
    )
    replace(living / MAIN, "]\n# End of the slices.", ']\nSLICES += ["after"]\n# End of the slices.')
    replace(living / "README.md", "## Configuration", "## Ours\n\nA word of our own.\n\n## Configuration")
    commit(living, "edited")
    replace(releases / "template" / MAIN, "if TYPE_CHECKING:\n", "VERSION = 2\n\nif TYPE_CHECKING:\n")
    replace(releases / "template" / ENV, "MODEL_MODULES: list[str] = []\n", "MODEL_MODULES: list[str] = []\nNEW = 1\n")
    release(releases, "v0.2.0")
    modules_before = contents(living / "src/backend")

    update(living, HOST)
    assert contents(living / "src/backend") == modules_before
    update(living, CC, CRM)

    assert all("_commit: v0.2.0" in (living / name).read_text() for name in (HOST, CC, CRM))
    assert "Life and readiness" in (living / "src/health.py").read_text()
    for module in ("cc", "crm"):
        assert "The SQL of the slice" in (living / f"src/backend/{module}/crud.py").read_text()
    text = (living / MAIN).read_text()
    assert "<<<<<<<" not in text
    assert "VERSION = 2" in text
    assert (
        'MINE = "before"\nSLICES: list[str] = [\n    "aaa.mine",  # inside\n'
        '    "src.backend.cc",\n    "src.backend.crm",\n]\n' in text
    )
    assert 'SLICES += ["after"]' in text
    assert '    "src.backend.crm.models",\n]\nNEW = 1\n' in (living / ENV).read_text()
    assert "A word of our own." in (living / "README.md").read_text()


def test_a_region_that_the_release_moves_comes_out_clean_and_a_second_update_changes_nothing(
    releases: Path, living: Path
) -> None:
    host = releases / "template" / MAIN
    text = host.read_text()
    first, last = text.index("# The generator keeps"), text.index("# End of the slices.\n")
    region = text[first : last + len("# End of the slices.\n")]
    host.write_text(text.replace(region, "") + "\n\n" + region)
    release(releases, "v0.2.0")

    update(living, HOST)

    moved = (living / MAIN).read_text()
    assert "<<<<<<<" not in moved
    assert moved.endswith(
        'SLICES: list[str] = [\n    "src.backend.cc",\n    "src.backend.crm",\n]\n# End of the slices.\n'
    )

    before = contents(living / "src")
    run_update(living, answers_file=HOST, defaults=True, overwrite=True, unsafe=True, quiet=True)

    assert contents(living / "src") == before
    assert git(living, "status", "--porcelain") == ""


def test_entries_are_back_even_where_the_update_leaves_a_conflict(releases: Path, living: Path) -> None:
    replace(living / MAIN, "The entry:", "Our entry:")
    commit(living, "edited")
    replace(releases / "template" / MAIN, "The entry:", "Their entry:")
    release(releases, "v0.2.0")

    run_update(living, answers_file=HOST, defaults=True, overwrite=True, unsafe=True, quiet=True)

    text = (living / MAIN).read_text()
    assert "<<<<<<< before updating" in text
    assert '    "src.backend.cc",\n    "src.backend.crm",\n]' in text
    assert git(living, "status", "--porcelain", MAIN).startswith("UU")
