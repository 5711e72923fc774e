"""A module may come from any template of the same shape; two templates leave each other's parts alone."""

import json
import shutil
from pathlib import Path

import pytest

from commands import run
from gold_slice.answers import Module
from gold_slice.testing import check_module_template
from scenes import head, state
from support import CC, HOST, commit, git, release, replace

AUDIT = ".copier-answers.ops_audit.yml"
CODEMODS = """from gold_slice.codemods import Renamed

CODEMODS = [Renamed("src.backend.{module}.trail.append", "src.backend.{module}.trail.record")]
"""


def second_release(other: Path) -> None:
    """Rename a function, with a codemod, and the changelog that tells of it."""
    trail = other / "template/src/backend/{{ module }}/trail.py"
    trail.write_text("def record() -> None: ...\n")
    (other / "gold_slice/codemods").mkdir(parents=True)
    (other / "gold_slice/codemods/v1_1_0.py").write_text(CODEMODS)
    (other / "CHANGELOG.md").write_text("# Changelog\n\n## 1.1.0\n- Records.\n")
    release(other, "v1.1.0")


def test_a_module_of_another_template_is_added_examined_and_removed(
    living: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLD_SLICE_TRUST", "1")
    before = state(living)

    added = run(living, "generate", "ops", "audit", "--from", str(other))

    assert added.status == 0, added.complaint
    answers = (living / AUDIT).read_text()
    assert f"_src_path: {other}" in answers
    assert "_commit: v1.0.0" in answers
    assert "retention_days: 30" in answers
    assert '    "src.backend.audit",\n' in (living / "src/cos_main.py").read_text()
    assert run(living, "doctor", "--json").codes == []
    assert run(living, "remove", "audit").status == 0
    assert state(living) == before


def test_each_template_updates_its_own_parts_only(audited: Path, other: Path, released: Path) -> None:
    assert released.exists()
    (audited / "src/ours.py").write_text("from src.backend.audit.trail import append\n\nappend()\n")
    commit(audited, "ours")
    second_release(other)
    check = run(audited, "update", "--check", "--json").document
    assert sorted(check["releases"]) == [
        "biz_crm is at v0.1.0", "host is at v0.1.0", "ops_audit is at v1.0.0", "tech_cc is at v0.1.0",
    ]  # fmt: skip
    assert "v1.1.0: Records." in run(audited, "doctor", "--json").document["releases"]

    only = run(audited, "update", "audit", "--to", "v0.2.0", "--json")

    assert only.status == 0, only.document
    assert only.document["headline"] == "Updated ops_audit to gold slice v1.1.0."
    assert (audited / "src/ours.py").read_text() == "from src.backend.audit.trail import record\n\nrecord()\n"
    assert "_commit: v0.1.0" in (audited / HOST).read_text()
    assert run(audited, "update").status == 0
    assert all("_commit: v0.2.0" in (audited / file).read_text() for file in (HOST, CC))
    assert "_commit: v1.1.0" in (audited / AUDIT).read_text()
    assert run(audited, "doctor", "--json").codes == []


def test_host_and_other_templates_are_updated_as_one_commit(audited: Path, other: Path, released: Path) -> None:
    assert released.exists()
    second_release(other)

    ending = run(audited, "update", "--json")

    assert ending.status == 0, ending.document
    assert "v0.2.0" in ending.document["headline"]
    assert "v1.1.0" in ending.document["headline"]
    assert "def record" in (audited / "src/backend/audit/trail.py").read_text()
    assert git(audited, "status", "--porcelain") == ""


def test_an_update_of_one_template_changes_no_file_of_the_others(
    audited: Path, other: Path, released: Path, tmp_path: Path
) -> None:
    assert released.exists()
    third = shutil.copytree(other, tmp_path / "ledger-template")
    assert run(audited, "generate", "fin", "ledger", "--from", f"{third}@v1.0.0").status == 0
    commit(audited, "ledger")
    second_release(other)
    second_release(third)
    audit, ledger = Module("ops", "audit"), Module("fin", "ledger")

    for parts, owner in ((["audit"], audit), (["ledger"], ledger), (["host", "cc", "crm"], None)):
        before = head(audited)
        assert run(audited, "update", *parts).status == 0
        changed = git(audited, "diff", "--name-only", before).splitlines()

        assert changed
        owners = {next((each for each in (audit, ledger) if each.owns(path)), None) for path in changed}
        assert owners == {owner}

    assert run(audited, "remove", "audit").status == 0
    assert {path for path in git(audited, "diff", "--name-only").splitlines() if not audit.owns(path)} == {
        "alembic/env.py", "src/cos_main.py", "src/graph/registry.py",
    }  # fmt: skip
    assert run(audited, "doctor", "--json").codes == []


def test_a_conflict_in_a_module_of_another_template_waits_and_lands(audited: Path, other: Path) -> None:
    (audited / "src/backend/audit/trail.py").write_text("def append(ours: int = 1) -> None: ...\n")
    commit(audited, "edited")
    second_release(other)

    assert run(audited, "update", "audit").status == 3
    (audited / ".dev/update/src/backend/audit/trail.py").write_text("def record(ours: int = 1) -> None: ...\n")
    git(audited / ".dev/update", "add", "--all")
    ending = run(audited, "update", "--continue")

    assert ending.status == 0, ending.complaint
    assert "_commit: v1.1.0" in (audited / AUDIT).read_text()


def test_the_kit_accepts_a_template_that_keeps_the_contract(living: Path, other: Path, tmp_path: Path) -> None:
    second_release(other)
    git(other, "tag", "--delete", "v1.1.0")  # the kit takes what is newer than the last tag for a release
    before = state(living)
    (tmp_path / "scratch").mkdir()

    check_module_template(other, project=living, scratch=tmp_path / "scratch")

    assert state(living) == before


def test_the_kit_refuses_a_codemod_that_would_not_run(living: Path, other: Path, tmp_path: Path) -> None:
    second_release(other)
    replace(
        other / "gold_slice/codemods/v1_1_0.py", "src.backend.{module}.trail.append", "src.backend.audit.trail.append"
    )
    replace(other / "gold_slice/codemods/v1_1_0.py", "{module}", "audit")

    with pytest.raises(AssertionError, match="v1_1_0.py: .* names no {module}, so it would not run"):
        check_module_template(other, project=living, scratch=tmp_path)


def test_the_kit_refuses_a_template_that_does_not(living: Path, other: Path, tmp_path: Path) -> None:
    (other / "template/src/backend/{{ module }}/__init__.py").write_text("")
    release(other, "v1.1.0")

    with pytest.raises(AssertionError, match="add d m .* ended with 1"):
        check_module_template(other, project=living, scratch=tmp_path)


def test_diff_and_eject_know_the_other_template(audited: Path, other: Path) -> None:
    second_release(other)
    replace(audited / "src/backend/audit/trail.py", "...", "pass")

    assert "+def append() -> None: pass" in run(audited, "diff", "audit").output
    upstream = run(audited, "diff", "audit", "--upstream").output
    assert upstream.startswith("# src/backend/audit/trail.py is changed by you and by v1.1.0\n")
    assert run(audited, "eject", "src/backend/audit/trail.py").status == 0
    assert "_ejected" in (audited / AUDIT).read_text()


def test_what_is_not_a_module_is_refused_and_nothing_changes(
    living: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(living)
    untrusted = run(living, "generate", "ops", "audit", "--from", str(other))
    assert "which you have not trusted yet. If you trust it, add --trust once" in untrusted.complaint

    monkeypatch.setenv("GOLD_SLICE_TRUST", "1")
    for source, sentence in (
        (f"{other}@v9", "has no release v9"),
        (str(other.parent / "nothing"), "cannot be reached"),
    ):
        assert sentence in run(living, "generate", "ops", "audit", "--from", source).complaint
    (other / "template/README.md").write_text("A file of the host.\n")
    release(other, "v1.2.0")
    assert "also renders README.md, which is outside of a module's folders" in (
        run(living, "generate", "ops", "audit", "--from", str(other)).complaint
    )
    (other / "template/README.md").unlink()
    (other / "template/src/backend/{{ module }}/__init__.py").write_text("")
    (other / "template/src/backend/{{ module }}/models.py").unlink()
    release(other, "v1.3.0")
    ending = run(living, "generate", "ops", "audit", "--from", str(other), "--json")
    assert ending.status == 1
    problems = json.dumps(ending.document["problems"])
    assert "it sets no SLICE" in problems
    assert "does not render src/backend/audit/models.py, which the host imports" in problems
    assert state(living) == before
