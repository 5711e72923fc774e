"""One command carries a release into host and modules; it lands whole or not at all, and loses no line of a user's."""

import os
import shutil
from pathlib import Path

import pytest

from commands import run
from support import CC, CRM, HOST, commit, contents, git, release, replace

MAIN, HEALTH = "src/cos_main.py", "src/health.py"
CRUD = "template/src/backend/{{ module }}/crud.py"
DEPS = "template/src/backend/{{ module }}/deps.py"


@pytest.fixture
def fixed(releases: Path) -> Path:
    """A template whose second release changes a file of the host and one of every module."""
    replace(releases / "template" / HEALTH, "Liveness and readiness", "Life and readiness")
    replace(releases / CRUD, "SQL of the slice", "The SQL of the slice")
    release(releases, "v0.2.0")
    return releases


def conflicting(living: Path, template: Path) -> None:
    """Have user and template change the same line."""
    replace(living / MAIN, 'title="COS"', 'title="Ours"')
    commit(living, "edited")
    replace(template / "template" / MAIN, 'title="COS"', 'title="Theirs"')
    release(template, "v0.3.0")


def head(project: Path) -> str:
    return git(project, "rev-parse", "HEAD").strip()


@pytest.mark.usefixtures("fixed")
def test_a_fix_reaches_host_and_modules_as_one_commit(living: Path) -> None:
    before = head(living)

    ending = run(living, "update")

    assert ending.status == 0, ending.complaint
    assert git(living, "rev-list", "--parents", "-1", "HEAD").split()[1:] == [before]
    assert git(living, "log", "-1", "--format=%s").strip() == "Update host, biz_crm, tech_cc to gold slice v0.2.0"
    assert git(living, "status", "--porcelain") == ""
    assert "Life and readiness" in (living / HEALTH).read_text()
    assert all("The SQL" in (living / f"src/backend/{module}/crud.py").read_text() for module in ("cc", "crm"))
    assert all("_commit: v0.2.0" in (living / name).read_text() for name in (HOST, CC, CRM))
    assert run(living, "doctor").status == 0


@pytest.mark.usefixtures("fixed")
def test_the_undo_that_it_prints_undoes_it(living: Path) -> None:
    before = {name: data for name, data in contents(living).items() if not name.startswith(".git/")}
    (living / "notes.txt").write_text("mine\n")
    undo = run(living, "update", "--json").document["next"][-1].split("  ")[0]

    git(living, *undo.split()[1:])

    after = {name: data for name, data in contents(living).items() if not name.startswith(".git/")}
    assert after == before | {"notes.txt": b"mine\n"}


@pytest.mark.usefixtures("fixed")
def test_a_preview_names_what_the_real_run_does(living: Path) -> None:
    before = contents(living / "src"), head(living)

    preview = run(living, "update", "--preview", "--json")

    assert (contents(living / "src"), head(living)) == before
    assert preview.status == 0
    assert HEALTH in preview.paths("updated")
    assert preview.document["changes"] == run(living, "update", "--json").document["changes"]


@pytest.mark.usefixtures("fixed")
def test_only_the_named_parts_are_updated(living: Path) -> None:
    assert run(living, "update", "crm", "host").status == 0

    assert "Life and readiness" in (living / HEALTH).read_text()
    assert "The SQL" in (living / "src/backend/crm/crud.py").read_text()
    assert "The SQL" not in (living / "src/backend/cc/crud.py").read_text()
    assert run(living, "update", "--json").document["headline"] == "Updated tech_cc to gold slice v0.2.0."
    assert run(living, "update").output == "Everything is at v0.2.0 already.\n"


def test_the_release_can_be_named_and_is_never_earlier(releases: Path, living: Path, fixed: Path) -> None:
    replace(fixed / "template" / HEALTH, "Life and", "Long life and")
    release(fixed, "v0.3.0")
    git(releases, "tag", "v0.4.0rc1")

    assert run(living, "update", "--to", "v0.2.0").status == 0
    assert "Long life" not in (living / HEALTH).read_text()
    assert run(living, "update").status == 0
    assert "_commit: v0.3.0" in (living / HOST).read_text()

    refused = run(living, "update", "--to", "v0.2.0")
    assert refused.status == 1
    assert "host is at v0.3.0, which is later than v0.2.0" in refused.complaint
    assert "has no release v7" in run(living, "update", "--to", "v7").complaint


def test_a_commit_on_the_way_to_a_release_can_be_named(releases: Path, living: Path) -> None:
    replace(releases / "template" / HEALTH, "Liveness", "Life")
    commit(releases, "on the way")

    assert run(living, "update", "--to", "HEAD").status == 0

    assert "_commit: v0.1.0-1-g" in (living / HOST).read_text()


def test_edits_of_all_kinds_survive(living: Path, fixed: Path) -> None:
    replace(living / HEALTH, "router = ", "OURS = 1\nrouter = ")
    git(living, "mv", HEALTH, "src/wellbeing.py")
    git(living, "mv", "src/backend/cc/crud.py", "src/backend/cc/queries.py")
    (living / "src/backend/crm/crud.py").unlink()
    (living / "src/backend/crm/ours.py").write_text("OURS = 1\n")
    crlf = (living / "src/common/logger.py").read_bytes().replace(b"\n", b"\r\n")
    (living / "src/common/logger.py").write_bytes(crlf + b"OURS = 1\r\n")
    replace(fixed / "template/src/common/logger.py", "Where log lines go", "Where the log lines go")
    release(fixed, "v0.3.0")
    commit(living, "edited in every way")

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.complaint
    moved = (living / "src/wellbeing.py").read_text()
    assert "OURS = 1\n" in moved
    assert "Life and readiness" in moved
    assert not (living / HEALTH).exists()
    assert "The SQL" in (living / "src/backend/cc/queries.py").read_text()
    assert not (living / "src/backend/crm/crud.py").exists()
    assert "src/backend/crm/crud.py" in ending.paths("kept because you edited it")
    assert (living / "src/backend/crm/ours.py").exists()
    log = (living / "src/common/logger.py").read_bytes()
    assert log.endswith(b"OURS = 1\r\n")
    assert b"Where the log lines go" in log
    assert log.count(b"\n") == log.count(b"\r\n")


def test_a_renamed_file_takes_edits_along_in_every_module(releases: Path, living: Path) -> None:
    for module in ("cc", "crm"):
        replace(living / f"src/backend/{module}/deps.py", "What the routes", f"What the routes of {module}")
    commit(living, "edited")
    git(releases, "mv", DEPS, DEPS.replace("deps.py", "wiring.py"))
    (releases / DEPS.replace("deps.py", "wiring.py")).write_text("# all new\n" * 40 + "DbSession = 1\n")
    notes = '{"src/backend/{{ module }}/deps.py": "src/backend/{{ module }}/wiring.py"}'
    (releases / "releases.yml").write_text(f"v0.2.0:\n  renamed: {notes}\n")
    release(releases, "v0.2.0")

    ending = run(living, "update", "--preview", "--json")

    assert ending.paths("conflict") == ["src/backend/crm/wiring.py", "src/backend/cc/wiring.py"]


def test_a_dropped_file_goes_unless_it_was_edited(releases: Path, living: Path) -> None:
    replace(living / "docs/refusals.md", "# Which", "# Our\n\n# Which")
    commit(living, "edited")
    git(releases, "rm", "--quiet", "template/docs/refusals.md", "template/.env.example")
    release(releases, "v0.2.0")

    ending = run(living, "update", "--json")

    assert ending.status == 0
    assert ending.paths("removed") == [".env.example"]
    assert ending.paths("dropped by the template but edited by you") == ["docs/refusals.md"]
    assert (living / "docs/refusals.md").read_text().startswith("# Our")
    assert ending.document["problems"][0].startswith("docs/refusals.md: the template has dropped this file")


def test_a_renamed_question_keeps_its_answer(releases: Path, living: Path) -> None:
    config = releases / "copier.yml"
    config.write_text(config.read_text().replace("project_name", "service_name"))
    for name in ("README.md.jinja", "pyproject.toml.jinja"):
        path = releases / "template" / name
        path.write_text(path.read_text().replace("project_name", "service_name"))
    replace(living / HOST, "project_name: cos", "project_name: shop")
    for name in ("README.md", "pyproject.toml"):
        path = living / name
        path.write_text(path.read_text().replace('"cos"', '"shop"').replace("# cos", "# shop"))
    commit(living, "called shop")
    (releases / "releases.yml").write_text("v0.2.0:\n  questions: {project_name: service_name}\n")
    release(releases, "v0.2.0")

    assert run(living, "update").status == 0

    assert "service_name: shop" in (living / HOST).read_text()
    assert 'name = "shop"' in (living / "pyproject.toml").read_text()


def test_what_a_release_asks_for_is_said_before_a_deploy(living: Path, fixed: Path) -> None:
    (living / ".env").write_text("OLD_KEY=1\n")
    (fixed / "releases.yml").write_text(
        "v0.3.0:\n  environment: {OLD_KEY: is read no more, NEW_KEY: says how often}\n"
        "  changed: [Health answers faster.]\n  steps: [Run the purge once.]\nv0.1.0:\n  steps: [Long ago.]\n"
    )
    release(fixed, "v0.3.0")

    assert run(living, "update", "--json").document["before_deploy"] == [
        "v0.3.0: OLD_KEY: is read no more (your .env sets it)",
        "v0.3.0: NEW_KEY: says how often",
        "v0.3.0: Health answers faster.",
        "v0.3.0: Run the purge once.",
    ]


def test_notes_that_cannot_be_read_are_the_maintainers_fault(living: Path, fixed: Path) -> None:
    (fixed / "releases.yml").write_text("v0.3.0: {unheard_of: 1}\n")
    release(fixed, "v0.3.0")

    ending = run(living, "update")

    assert ending.status == 1
    assert "releases.yml cannot be read" in ending.complaint


def test_a_conflict_leaves_the_project_alone_and_waits_to_be_settled(living: Path, fixed: Path) -> None:
    conflicting(living, fixed)
    before = contents(living / "src"), head(living)

    preview = run(living, "update", "--preview", "--json")
    ending = run(living, "update", "--json")

    assert preview.status == ending.status == 3
    assert preview.paths("conflict") == ending.paths("conflict") == [MAIN]
    assert (contents(living / "src"), head(living)) == before
    assert git(living, "status", "--porcelain") == ""
    unsettled = (living / ".dev/update" / MAIN).read_text()
    assert "<<<<<<< yours\n" in unsettled
    assert ">>>>>>> gold slice v0.3.0\n" in unsettled
    assert '    "backend.cc",\n    "backend.crm",\n]' in unsettled
    assert git(living / ".dev/update", "status", "--porcelain", MAIN).startswith("UU")
    assert run(living, "doctor", "--json").codes == ["GS102"]
    assert "waits in .dev/update" in run(living, "update").complaint


def test_a_settled_conflict_lands_by_continue(living: Path, fixed: Path) -> None:
    conflicting(living, fixed)
    run(living, "update")
    unsettled = living / ".dev/update" / MAIN

    refused = run(living, "update", "--continue")
    text = unsettled.read_text()
    first, last = text.index("<<<<<<<"), text.index(">>>>>>> gold slice v0.3.0\n") + len(">>>>>>> gold slice v0.3.0\n")
    unsettled.write_text(text[:first] + '    app = FastAPI(title="Both", lifespan=lifespan)\n' + text[last:])
    ending = run(living, "update", "--continue")

    assert refused.status == 1
    assert f".dev/update/{MAIN} still has a conflict" in refused.complaint
    assert ending.status == 0, ending.complaint
    assert 'title="Both"' in (living / MAIN).read_text()
    assert "Life and readiness" in (living / HEALTH).read_text()
    assert git(living, "status", "--porcelain") == ""
    assert not (living / ".dev/update").exists()
    assert run(living, "doctor").status == 0


def test_an_update_that_waits_can_be_abandoned(living: Path, fixed: Path) -> None:
    conflicting(living, fixed)
    run(living, "update")

    assert run(living, "update", "--abandon").status == 0

    assert not (living / ".dev/update").exists()
    assert git(living, "worktree", "list").count("\n") == 1
    assert "No update waits" in run(living, "update", "--continue").complaint
    assert "No update waits" in run(living, "update", "--abandon").complaint


def test_an_update_does_not_land_on_a_branch_that_moved(living: Path, fixed: Path) -> None:
    conflicting(living, fixed)
    run(living, "update")
    (living / "ours.txt").touch()
    commit(living, "moved on")

    ending = run(living, "update", "--continue")

    assert ending.status == 1
    assert "The branch has moved" in ending.complaint


def test_a_conflict_between_deeds_is_settled_by_git_add(releases: Path, living: Path) -> None:
    (living / "docs/ours.bin").write_bytes(b"\0ours")
    commit(living, "added")
    (releases / "template/docs/ours.bin").write_bytes(b"\0theirs")
    release(releases, "v0.2.0")
    run(living, "update")

    refused = run(living, "update", "--continue")
    (living / ".dev/update/docs/ours.bin").write_bytes(b"\0both")
    git(living / ".dev/update", "add", "docs/ours.bin")

    assert refused.status == 1
    assert run(living, "update", "--continue").status == 0
    assert (living / "docs/ours.bin").read_bytes() == b"\0both"


@pytest.mark.usefixtures("fixed")
def test_work_that_is_not_in_the_way_stays_as_it_is(living: Path) -> None:
    (living / "ours.txt").write_text("staged\n")
    git(living, "add", "ours.txt")
    replace(living / "README.md", "## Tests", "## Our tests")

    assert run(living, "update").status == 0

    assert git(living, "status", "--porcelain").splitlines() == [" M README.md", "A  ours.txt"]


def test_work_that_is_in_the_way_is_named_and_nothing_changes(living: Path, fixed: Path) -> None:
    (fixed / "template/new.txt").touch()
    release(fixed, "v0.3.0")
    replace(living / HEALTH, "router = ", "OURS = 1\nrouter = ")
    (living / "new.txt").write_text("ours\n")
    before = contents(living / "src"), head(living)

    ending = run(living, "update", "--json")

    assert ending.status == 1
    assert sorted(problem.split()[0] for problem in ending.document["problems"]) == ["new.txt", HEALTH]
    assert (contents(living / "src"), head(living)) == before


def test_git_at_work_is_waited_for(living: Path, fixed: Path) -> None:
    assert fixed.exists()
    (living / ".git/index.lock").touch()

    assert "git is at work here" in run(living, "update").complaint


@pytest.mark.usefixtures("fixed")
def test_it_works_on_a_detached_head_without_an_identity(living: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    git(living, "config", "user.useConfigOnly", "true")
    git(living, "checkout", "--quiet", "--detach")

    assert run(living, "update").status == 0

    assert git(living, "log", "-1", "--format=%an <%ae>").strip() == "gold slice <gold-slice@localhost>"
    assert git(living, "status", "--porcelain") == ""


@pytest.mark.usefixtures("fixed")
def test_it_works_in_a_linked_work_tree(living: Path, tmp_path: Path) -> None:
    git(living, "worktree", "add", "--quiet", str(tmp_path / "linked"))

    assert run(tmp_path / "linked", "update").status == 0

    assert "Life and readiness" in (tmp_path / "linked" / HEALTH).read_text()
    assert "Life and readiness" not in (living / HEALTH).read_text()
    assert git(tmp_path / "linked", "status", "--porcelain") == ""


def test_it_works_in_a_folder_of_a_larger_repository(living: Path, fixed: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    shutil.copytree(living, large / "services" / "shop", ignore=shutil.ignore_patterns(".git"))
    (large / "other.txt").touch()
    git(large, "init", "--quiet")
    commit(large, "many services")
    shop = large / "services" / "shop"

    assert run(shop / "src", "update").status == 0
    assert "Life and readiness" in (shop / HEALTH).read_text()
    assert git(large, "status", "--porcelain") == ""
    assert (large / "other.txt").exists()

    conflicting(shop, fixed)
    assert run(shop, "update").status == 3
    assert (shop / ".dev/update/services/shop" / MAIN).exists()
    git(shop / ".dev/update", "checkout", "--theirs", f"services/shop/{MAIN}")
    git(shop / ".dev/update", "add", f"services/shop/{MAIN}")
    assert run(shop, "update", "--continue").status == 0
    assert 'title="Theirs"' in (shop / MAIN).read_text()
    assert git(large, "status", "--porcelain") == ""


def test_a_project_that_no_longer_hides_dev_is_not_littered(living: Path, fixed: Path) -> None:
    replace(living / ".gitignore", ".dev/\n", "")
    conflicting(living, fixed)

    assert run(living, "update").status == 3

    assert git(living, "status", "--porcelain") == ""


def test_without_git_it_says_what_to_do(project: Path) -> None:
    ending = run(project, "update")

    assert ending.status == 1
    assert "git init && git add -A && git commit" in ending.complaint


def test_everything_in_the_way_of_a_start_is_told_at_once(living: Path) -> None:
    replace(living / CRM, "_commit: v0.1.0\n", "")
    (living / ".copier-answers.biz_shop.yml").write_text("a: [\n")
    (living / HOST).write_text("[]\n")

    ending = run(living, "update", "--json")
    unknown = run(living, "update", "nope", "crm")

    assert ending.status == unknown.status == 1
    said = "\n".join(ending.document["problems"])
    assert all(part in said for part in (f"{CRM} names no release", ".copier-answers.biz_shop.yml: ", f"{HOST}: "))
    assert "There is no module nope" in unknown.complaint


def test_a_module_that_is_not_committed_is_named(living: Path, fixed: Path) -> None:
    assert fixed.exists()
    run(living, "generate", "biz", "shop")

    assert "biz_shop is not committed" in run(living, "update").complaint


def test_parts_of_several_templates_are_refused(living: Path) -> None:
    replace(living / CRM, "_src_path: ", "_src_path: /elsewhere")
    commit(living, "moved")

    assert "name several templates" in run(living, "update").complaint


def test_a_release_that_the_template_never_had_is_named(living: Path, fixed: Path) -> None:
    assert fixed.exists()
    replace(living / CRM, "_commit: v0.1.0", "_commit: v0.0.9")
    commit(living, "from elsewhere")

    assert f"{CRM}: the template at" in run(living, "update").complaint


def test_a_template_without_releases_says_so(releases: Path, living: Path) -> None:
    git(releases, "tag", "--delete", "v0.1.0")

    assert "The template has no release yet" in run(living, "update").complaint


def test_an_answer_that_a_release_no_longer_takes_is_told(releases: Path, living: Path) -> None:
    replace(releases / "copier.yml", "project_name | length > 40", "project_name | length > 2")
    release(releases, "v0.2.0")

    ending = run(living, "update")

    assert ending.status == 1
    assert "A project is named like order-desk" in ending.complaint


def test_a_host_file_without_its_list_is_named(living: Path, fixed: Path) -> None:
    assert fixed.exists()
    (living / "src/graph/registry.py").write_text("x = 1\n")
    (living / MAIN).unlink()
    commit(living, "broken")

    ending = run(living, "update")

    assert ending.status == 1
    assert "src/graph/registry.py:1: there is no list MODULE_LABELS" in ending.complaint
    assert f"{MAIN} is not in the last commit" in ending.complaint


@pytest.mark.parametrize("arguments", [("--continue", "crm"), ("--abandon", "--preview"), ("--continue", "--abandon")])
def test_options_that_contradict_each_other_are_wrong_usage(living: Path, arguments: tuple[str, ...]) -> None:
    assert run(living, "update", *arguments).status == 2


def test_notes_are_told_from_the_oldest_part_on(living: Path, releases: Path) -> None:
    for tag in ("v0.9.0", "v0.10.0", "v0.11.0"):
        (releases / "releases.yml").write_text("v0.10.0:\n  steps: [Purge once.]\n")
        (releases / "template/docs/refusals.md").write_text(tag)
        release(releases, tag)
    assert run(living, "update", "--to", "v0.9.0").status == 0
    assert run(living, "update", "host", "--to", "v0.10.0").status == 0

    assert run(living, "update", "--json").document["before_deploy"] == ["v0.10.0: Purge once."]


def test_an_update_whose_folder_is_gone_can_be_abandoned(living: Path, releases: Path) -> None:
    conflicting(living, releases)
    assert run(living, "update").status == 3
    inside = run(living / ".dev/update", "update", "--continue")
    shutil.rmtree(living / ".dev/update")

    ending = run(living, "update", "--continue")

    assert inside.status == 1
    assert ending.status == 1
    assert ".dev/update is gone" in ending.complaint
    assert run(living, "update", "--abandon").status == 0
