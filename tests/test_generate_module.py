"""One command adds a module, or says everything that is in its way and changes nothing."""

import shutil
from pathlib import Path

import pytest
from copier import run_copy

from commands import run
from support import commit, contents, git, replace

ENV, MAIN, REGISTRY = "alembic/env.py", "src/cos_main.py", "src/graph/registry.py"


def test_it_makes_what_a_plain_copy_would_make(project: Path, template: Path, tmp_path: Path) -> None:
    plain = shutil.copytree(project, tmp_path / "plain")
    module = {"scope": "module", "domain": "biz", "module": "crm"}
    run_copy(str(template), plain, data=module, defaults=True, unsafe=True, quiet=True)

    assert run(project, "generate", "biz", "crm").status == 0

    made, expected = (
        {name: data for name, data in contents(folder).items() if not name.startswith(".dev/")}
        for folder in (project, plain)
    )
    assert made == expected


def test_it_names_every_file_and_the_next_steps(project: Path) -> None:
    ending = run(project, "generate", "biz", "crm", "--json")

    assert ending.document["status"] == "done"
    assert ending.paths("updated") == [ENV, MAIN, REGISTRY]
    assert "src/backend/crm/crud.py" in ending.paths("added")
    assert any("remove_module.py crm" in step for step in ending.document["next"])


def test_a_preview_names_the_same_files_and_changes_nothing(project: Path) -> None:
    before = contents(project / "src")

    preview = run(project, "generate", "biz", "crm", "--preview", "--json")

    assert contents(project / "src") == before
    assert preview.status == 0
    assert preview.document["preview"] is True
    assert preview.document["changes"] == run(project, "generate", "biz", "crm", "--json").document["changes"]


def test_it_works_from_any_folder_of_a_project_that_is_part_of_a_repository(project: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "a project among others")

    assert run(project / "src" / "backend", "generate", "biz", "crm").status == 0

    assert "?? copy/src/backend/crm/" in git(tmp_path, "status", "--porcelain").splitlines()
    assert (tmp_path / ".git/gold-slice/copy%2F").is_dir()


def test_it_works_without_git_around_it(project: Path) -> None:
    assert run(project, "generate", "biz", "crm").status == 0

    assert '"src.backend.crm",' in (project / MAIN).read_text()


def test_every_problem_is_told_at_once_and_nothing_is_changed(project: Path) -> None:
    (project / MAIN).write_text("SLICES = (\n")
    replace(project / REGISTRY, "MODULE_LABELS", "LABELS")
    (project / ".copier-answers.biz_shop.yml").write_text("- no answers\n")
    before = contents(project / "src")

    ending = run(project, "generate", "Biz", "pg_x", "--json")

    assert ending.status == 1
    assert contents(project / "src") == before
    said = "\n".join(ending.document["problems"])
    for part in (
        ".copier-answers.biz_shop.yml: ",
        "A domain is named like",
        "A module cannot be named pg_x",
        MAIN,
        REGISTRY,
    ):
        assert part in said


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ("src/backend/crm/mine.py", "src/backend/crm/ is in the way of biz_crm"),
        ("src/backend/crm.py", "src/backend/crm.py is in the way of biz_crm"),
        ("tests/unit/backend/crm/test_mine.py", "tests/unit/backend/crm/ is in the way of biz_crm"),
    ],
)
def test_what_stands_in_the_modules_place_is_named(project: Path, taken: str, said: str) -> None:
    (project / taken).parent.mkdir(exist_ok=True)
    (project / taken).touch()

    ending = run(project, "generate", "biz", "crm")

    assert ending.status == 1
    assert said in ending.complaint
    assert "Nothing was changed." in ending.complaint


def test_a_name_is_taken_whatever_the_domain(project: Path) -> None:
    ending = run(project, "generate", "biz", "cc")

    assert ending.status == 1
    assert "The module tech_cc exists already" in ending.complaint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("_commit: v0.1.0\n", "", "names no release of the template"),
        ("_commit: v0.1.0", "_commit: v9.9.9", "has no release v9.9.9"),
        ("_src_path: ", "_src_path: /nowhere", "cannot be reached at /nowhere"),
        ("_src_path: ", "_src_path: template #", "is a relative path, which means nothing here"),
        ("_src_path: ", "_src_path: ../template #", "is a relative path, which means nothing here"),
        ("_src_path: ", "_src_path: ext::sh -c true #", "cannot be reached at ext::sh -c true"),
    ],
)
def test_a_template_that_is_not_to_be_had_is_said_in_one_sentence(project: Path, old: str, new: str, said: str) -> None:
    replace(project / ".copier-answers.yml", old, new)

    ending = run(project, "generate", "biz", "crm")

    assert ending.status == 1
    assert said in ending.complaint
    assert not (project / "src/backend/crm").exists()


def test_a_folder_that_is_no_repository_has_no_releases(project: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    replace(project / ".copier-answers.yml", "_src_path: ", f"_src_path: {tmp_path}/plain #")

    ending = run(project, "generate", "biz", "crm")

    assert "is not the folder of a git repository" in ending.complaint


def test_a_template_on_a_server_is_fetched_once(project: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{template}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://template.invalid/gold-slice.git")
    for answers in project.glob(".copier-answers*.yml"):
        replace(answers, f"_src_path: {template}", "_src_path: https://template.invalid/gold-slice.git")

    assert "asking https://template.invalid" in run(project, "generate", "biz", "crm").complaint
    ending = run(project, "generate", "biz", "shop")

    assert ending.status == 0
    assert "asking" not in ending.complaint
    assert (
        "_src_path: https://template.invalid/gold-slice.git" in (project / ".copier-answers.biz_shop.yml").read_text()
    )


def test_outside_of_a_project_it_says_so(tmp_path: Path) -> None:
    ending = run(tmp_path, "generate", "biz", "crm")

    assert ending.status == 1
    assert "There is no project here" in ending.complaint


def test_wrong_usage_has_a_status_of_its_own(project: Path) -> None:
    assert run(project, "generate", "biz").status == 2


def test_a_rule_of_gitignore_that_matches_the_module_is_named(project: Path) -> None:
    git(project, "init", "--quiet")
    with (project / ".gitignore").open("a") as rules:
        rules.write("\n# ours\ncrm/\n")
    number = len((project / ".gitignore").read_text().splitlines())

    ending = run(project, "generate", "biz", "crm")

    assert ending.status == 1
    assert f"would be ignored by git: .gitignore:{number} is 'crm/'" in ending.complaint
    assert not (project / "src/backend/crm").exists()


def test_a_rule_that_another_one_lifts_is_in_nobodys_way(project: Path) -> None:
    git(project, "init", "--quiet")
    with (project / ".gitignore").open("a") as rules:
        rules.write("\ncrud.py\n!crud.py\n")

    assert run(project, "generate", "biz", "crm").status == 0


def test_empty_folders_and_byte_code_are_not_in_the_way(project: Path) -> None:
    (project / "src/backend/crm/__pycache__").mkdir(parents=True)
    (project / "src/backend/crm/__pycache__/crud.pyc").touch()
    (project / "tests/unit/backend/crm/deep").mkdir(parents=True)

    assert run(project, "generate", "biz", "crm").status == 0
    assert run(project, "doctor").status == 0
