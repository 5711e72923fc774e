"""One command takes a module away, and nothing of anybody's with it."""

from pathlib import Path

import pytest

from commands import run
from support import commit, contents, git, replace

MAIN = "src/cos_main.py"
MIGRATIONS = ("0001_tables", "0002_l1", "0003_dead_letters", "0004_subject", "0005_module_version")
REVISIONS = ", ".join(f"'crm_{name}'" for name in MIGRATIONS)


def source_files(project: Path) -> dict[str, bytes]:
    """Return all files that are neither git's nor of this machine."""
    return {name: data for name, data in contents(project).items() if not name.startswith((".git/", ".dev/"))}


def test_what_was_generated_goes_without_a_trace(project: Path) -> None:
    before = source_files(project)
    run(project, "generate", "biz", "crm")
    (project / "src/backend/crm/__pycache__").mkdir()
    (project / "src/backend/crm/__pycache__/crud.pyc").touch()

    ending = run(project, "remove", "crm")

    assert ending.status == 0
    assert source_files(project) == before
    assert not (project / "src/backend/crm").exists()


def test_a_preview_names_all_that_would_go_and_changes_nothing(living: Path) -> None:
    before = source_files(living)

    preview = run(living, "remove", "biz_crm", "--preview", "--json")

    assert source_files(living) == before
    assert preview.document["changes"] == run(living, "remove", "crm", "--json").document["changes"]
    assert preview.paths("updated") == ["alembic/env.py", MAIN, "src/graph/registry.py"]


def test_it_says_how_the_data_go_and_drops_none(living: Path) -> None:
    said = run(living, "remove", "crm").output

    assert "uv run alembic downgrade biz_crm@base" in said
    assert "DROP SCHEMA crm CASCADE" in said
    assert "uv run python scripts/graph.py delete biz_crm" in said
    assert f"WHERE version_num IN ({REVISIONS})" in said


def test_a_module_that_its_user_edited_is_kept_and_every_edit_named(living: Path) -> None:
    replace(living / "src/backend/crm/crud.py", "SQL of", "Our SQL of")
    (living / "src/backend/crm/ours.py").touch()
    (living / "tests/unit/backend/crm/test_deps.py").unlink()
    before = source_files(living)

    ending = run(living, "remove", "crm", "--json")

    assert ending.status == 1
    assert source_files(living) == before
    assert [problem.split()[0] for problem in ending.document["problems"]] == [
        "src/backend/crm/crud.py",
        "src/backend/crm/ours.py",
        "tests/unit/backend/crm/test_deps.py",
    ]


def test_by_force_it_goes_and_what_git_does_not_have_is_kept_aside(living: Path) -> None:
    replace(living / "src/backend/crm/crud.py", "SQL of", "Our committed SQL of")
    commit(living, "edited")
    (living / "src/backend/crm/ours.py").write_text("OURS = 1\n")

    ending = run(living, "remove", "crm", "--force")

    assert ending.status == 0
    assert not (living / "src/backend/crm").exists()
    kept = list((living / ".git/gold-slice").rglob("removed/*/src/backend/crm/*"))
    assert [path.name for path in kept] == ["ours.py"]
    assert kept[0].read_text() == "OURS = 1\n"
    assert str(kept[0].parents[3]) in ending.complaint


def test_without_git_all_edits_are_kept_aside(project: Path) -> None:
    replace(project / "src/backend/cc/crud.py", "SQL of", "Our SQL of")

    assert run(project, "remove", "cc", "--force").status == 0

    assert list((project / ".dev").rglob("removed/*/src/backend/cc/crud.py"))


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ("from src.backend.crm.models import Module", 1),
        ("import src.backend.crm.crud", 1),
        ("import src.backend.crm.crud as ours", 1),
        ("from src.backend import crm", 1),
        ("from src.backend import crm as ours", 1),
        ("from src.backend import (\n    cc,\n    crm,\n)", 1),
        ("from .. import crm", 1),
        ("from ..crm import SLICE", 1),
        ("def f():\n    from ..crm.models import Module", 2),
        ('import importlib\nimportlib.import_module("src.backend.crm")', 2),
        ('from unittest.mock import patch\npatch("src.backend.crm.crud.create")', 2),
    ],
)
def test_code_that_imports_from_it_is_named(living: Path, lines: str, number: int) -> None:
    (living / "src/backend/cc/ours.py").write_text(f"{lines}\n")

    ending = run(living, "remove", "crm")

    assert ending.status == 1
    assert f"src/backend/cc/ours.py:{number} imports from biz_crm" in ending.complaint


def test_an_import_in_a_package_counts_from_the_package(living: Path) -> None:
    (living / "src/backend/ours").mkdir()
    (living / "src/backend/ours/__init__.py").write_text("from ..crm import SLICE\n")
    (living / "src/backend/__init__.py").write_text("from .crm import SLICE\n")

    problems = run(living, "remove", "crm", "--json").document["problems"]

    assert [problem.split()[0] for problem in problems] == [
        "src/backend/__init__.py:1",
        "src/backend/ours/__init__.py:1",
    ]


def test_a_name_that_only_begins_like_it_is_no_mention(living: Path) -> None:
    (living / "src/ours.py").write_text("from src.backend.crm_next import SLICE  # src.backend.crm\n")

    assert run(living, "remove", "crm").status == 0


def test_an_entry_with_a_comment_goes_by_force_only(living: Path) -> None:
    replace(living / MAIN, '    "src.backend.crm",\n', '    # ours\n    "src.backend.crm",  # theirs\n')

    refused = run(living, "remove", "crm")
    forced = run(living, "remove", "crm", "--force")

    assert refused.status == 1
    assert f"{MAIN}: the entry of biz_crm has a comment of yours" in refused.complaint
    assert forced.status == 0
    assert '    "src.backend.cc",\n    # ours\n]' in (living / MAIN).read_text()


def test_a_list_on_one_line_is_emptied_too(living: Path) -> None:
    replace(
        living / MAIN, '[\n    "src.backend.cc",\n    "src.backend.crm",\n]', '["src.backend.cc", "src.backend.crm"]'
    )

    assert run(living, "remove", "crm", "--force").status == 0

    assert '["src.backend.cc", ]' in (living / MAIN).read_text() or '["src.backend.cc"]' in (living / MAIN).read_text()


def test_without_its_release_it_is_unknown_what_was_edited(living: Path) -> None:
    replace(living / ".copier-answers.biz_crm.yml", "_commit: v0.1.0", "_commit: v9.9.9")

    ending = run(living, "remove", "crm")

    assert ending.status == 1
    assert "has no release v9.9.9" in ending.complaint
    assert "it is unknown which files of biz_crm you edited" in ending.complaint


def test_an_unknown_module_is_told_from_those_there_are(living: Path) -> None:
    ending = run(living, "remove", "shop")

    assert ending.status == 1
    assert "there is biz_crm, tech_cc" in ending.complaint


def test_a_broken_host_file_is_named_and_nothing_changes(living: Path) -> None:
    (living / MAIN).write_text("SLICES = (\n")
    before = source_files(living)

    ending = run(living, "remove", "crm")

    assert ending.status == 1
    assert MAIN in ending.complaint
    assert source_files(living) == before


def test_the_sql_that_it_prints_spares_a_module_whose_name_begins_alike(living: Path) -> None:
    assert run(living, "generate", "biz", "crm_notes").status == 0

    farewell = "\n".join(run(living, "remove", "crm", "--json").document["before_deploy"])

    assert f"IN ({REVISIONS})" in farewell
    assert "LIKE" not in farewell


def test_links_to_nowhere_do_not_hold_it_up(living: Path) -> None:
    (living / "src/backend/crm/gone.py").symlink_to("/nowhere")
    (living / "src/.#main.py").symlink_to("somebody@somewhere")

    assert "gone.py was edited by you" in run(living, "remove", "crm").complaint
    assert run(living, "remove", "crm", "--force").status == 0
    assert not (living / "src/backend/crm").exists()


def test_a_module_behind_a_symbolic_link_is_refused(living: Path, tmp_path: Path) -> None:
    (living / "src/backend/crm").rename(tmp_path / "crm")
    (living / "src/backend/crm").symlink_to(tmp_path / "crm")

    ending = run(living, "remove", "crm", "--force")

    assert ending.status == 1
    assert "is a symbolic link" in ending.complaint
    assert (tmp_path / "crm/crud.py").exists()


def test_an_entry_outside_of_its_list_is_named(living: Path) -> None:
    replace(living / MAIN, "# End of the slices.", 'SLICES += ["src.backend.crm"]\n# End of the slices.')

    ending = run(living, "remove", "crm")

    assert ending.status == 1
    assert f"{MAIN} names src.backend.crm outside of its list" in ending.complaint


def test_what_came_out_of_a_checkout_with_other_line_ends_is_not_edited(living: Path, tmp_path: Path) -> None:
    (living / ".gitattributes").write_text("*.py text eol=crlf\n")
    commit(living, "line ends of Windows")
    git(tmp_path, "clone", "--quiet", str(living), "fresh")
    assert b"\r\n" in (tmp_path / "fresh/src/backend/crm/crud.py").read_bytes()

    ending = run(tmp_path / "fresh", "remove", "crm")

    assert ending.status == 0, ending.complaint
    assert not (tmp_path / "fresh/src/backend/crm").exists()


def test_a_large_file_in_the_module_is_never_read_into_memory(living: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = living / "src/backend/crm/dump.bin"
    with dump.open("wb") as file:
        file.truncate(1_500_000_000)  # a sparse file
    (living / ".git/info/exclude").write_text("*.bin\n")
    with (living / "src/backend/crm/crud.py").open("ab") as file:
        file.truncate(1_500_000_000)
    read: list[Path] = []
    of_pathlib = Path.read_bytes

    def counted(path: Path) -> bytes:
        read.append(path)
        return of_pathlib(path)

    monkeypatch.setattr(Path, "read_bytes", counted)

    refused = run(living, "remove", "crm")
    git(living, "checkout", "--quiet", "src/backend/crm/crud.py")
    forced = run(living, "remove", "crm", "--force")

    assert "dump.bin was edited by you" in refused.complaint
    assert "crud.py was edited by you" in refused.complaint
    assert forced.status == 0
    assert not dump.exists()
    assert max(path.stat().st_size for path in read if path.exists()) < 1_000_000
