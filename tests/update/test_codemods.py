"""An update carries a release's codemods into the project's own code, before the result is examined."""

import re
from pathlib import Path

import pytest

from commands import run
from scenes import WAITING, head, settle
from support import commit, git, release, replace

LIMITS, SERVICE = "src/common/json_limits.py", "src/backend/{{ module }}/services/health.py"
CODEMODS = '''"""What has another name since."""

from gold_slice.codemods import Codemod, Removed, Renamed

CODEMODS: list[Codemod] = [
    Renamed("src.common.json_limits.check_text", "src.common.json_limits.refuse_text"),
    Renamed("src.backend.{module}.services.health.summarize_health", "src.backend.{module}.services.health.sum_up"),
    Removed("src.common.json_limits.INT8_MAX", "take 2**63 - 1"),
]
'''
OURS = """from src.backend.crm.services.health import summarize_health
from src.common.json_limits import INT8_MAX, check_text

print(check_text("a"), summarize_health, INT8_MAX)  # ours
"""
WHY_HOST = "v0.2.0: src.common.json_limits.check_text is src.common.json_limits.refuse_text"
WHY_CRM = "v0.2.0: src.backend.crm.services.health.summarize_health is src.backend.crm.services.health.sum_up"
PLACE = "src/ours.py:2: src.common.json_limits.INT8_MAX is gone: take 2**63 - 1"


@pytest.fixture
def renaming(releases: Path) -> Path:
    """The template of `living`, with a release that renames a function of the host and one of every module."""
    for path in (releases / "template").rglob("*.py"):
        text = re.sub(r"\bcheck_text\b", "refuse_text", path.read_text())
        path.write_text(re.sub(r"\bsummarize_health\b", "sum_up", text))
    (releases / "gold_slice/codemods").mkdir(exist_ok=True)
    (releases / "gold_slice/codemods/v0_2_0.py").write_text(CODEMODS)
    release(releases, "v0.2.0")
    return releases


@pytest.fixture
def ours(living: Path) -> Path:
    """A file of the user's in `living` that uses what is renamed."""
    (living / "src/ours.py").write_text(OURS)
    commit(living, "ours")
    return living / "src/ours.py"


def test_users_own_code_is_changed_and_each_file_named_with_its_reason(
    living: Path, renaming: Path, ours: Path
) -> None:
    assert renaming.exists()
    (living / "deploy.toml").write_text('check = "src.common.json_limits.check_text"\n')
    commit(living, "settings of ours")
    (living / "src/new.py").write_text("from src.common.json_limits import check_text\n")
    preview = run(living, "update", "--preview", "--json")
    assert ours.read_text() == OURS

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.document
    assert ours.read_text() == (
        "from src.backend.crm.services.health import sum_up\n"
        "from src.common.json_limits import INT8_MAX, refuse_text\n\n"
        'print(refuse_text("a"), sum_up, INT8_MAX)  # ours\n'
    )
    for document in (preview.document, ending.document):
        assert document["reasons"] == {"src/ours.py": [WHY_CRM, WHY_HOST]} or document["reasons"] == {
            "src/ours.py": [WHY_HOST, WHY_CRM]
        }
        assert document["places"] == [
            f"deploy.toml:1: {WHY_HOST}. Codemods change only code: correct it here",
            f"src/new.py:1: the file is not committed, and was not changed: {WHY_HOST}",
            PLACE,
        ]
    assert ending.paths("changed by the codemods of the release") == ["src/ours.py"]
    assert git(living, "status", "--porcelain") == "?? src/new.py\n"


def test_the_text_of_the_report_names_reason_and_place(living: Path, renaming: Path, ours: Path) -> None:
    assert renaming.exists()
    assert ours.exists()

    told = run(living, "update", "--preview").output

    assert f"    src/ours.py\n      {WHY_HOST}\n" in told
    assert f"Codemods cannot change these lines safely. Look at them:\n  {PLACE}\n" in told


def test_only_the_parts_that_pass_the_release_have_their_codemods(living: Path, renaming: Path, ours: Path) -> None:
    assert renaming.exists()

    assert run(living, "update", "cc", "--json").document["reasons"] == {}
    assert run(living, "update", "crm", "--json").document["reasons"] == {"src/ours.py": [WHY_CRM]}
    assert "check_text" in ours.read_text()
    assert WHY_HOST in run(living, "update", "host", "--json").document["reasons"]["src/ours.py"]
    assert "refuse_text" in ours.read_text()


def test_after_a_conflict_the_codemods_run_on_what_was_settled(living: Path, renaming: Path, ours: Path) -> None:
    assert renaming.exists()
    replace(living / LIMITS, "def check_text(text: str,", "def check_text(text: str, ours: int = 1,")
    commit(living, "edited where the release edits")
    before = head(living)
    preview = run(living, "update", "--preview", "--json")
    assert preview.paths("conflict") == [LIMITS]
    assert list(preview.document["reasons"]) == ["src/ours.py"]

    stopped = run(living, "update", "--json")
    assert stopped.status == 3
    assert [stopped.document[key] for key in ("changes", "reasons", "places")] == [
        preview.document[key] for key in ("changes", "reasons", "places")
    ]
    assert head(living) == before
    assert "check_text" in ours.read_text()
    settle(living / WAITING / LIMITS, "theirs")
    ending = run(living, "update", "--continue", "--json")

    assert ending.status == 0, ending.document
    assert "refuse_text" in ours.read_text()
    assert list(ending.document["reasons"]) == ["src/ours.py"]


def test_codemods_that_cannot_be_read_end_the_update_with_a_sentence(living: Path, renaming: Path) -> None:
    file = renaming / "gold_slice/codemods/v0_2_0.py"
    for text, sentence in (("CODEMODS = [1]\n", "lists 1, which is no codemod"), ("1 / 0\n", "division by zero")):
        file.write_text(text)
        commit(renaming, "broken")
        git(renaming, "tag", "--force", "v0.2.0")

        ending = run(living, "update")

        assert ending.status == 1
        assert sentence in ending.complaint
        assert git(living, "status", "--porcelain") == ""
    assert not (living / WAITING).exists()


def test_a_migration_is_drafted_for_a_table_of_the_users_own(living: Path, renaming: Path) -> None:
    codemod = 'RenamedColumn("src.db.base.Stamped", "made_at", "created_at")'
    (renaming / "gold_slice/codemods/v0_2_0.py").write_text(
        f"from gold_slice.codemods import RenamedColumn\n\nCODEMODS = [{codemod}]\n"
    )
    commit(renaming, "a column")
    git(renaming, "tag", "--force", "v0.2.0")
    (living / "src/backend/crm/ours.py").write_text(
        'from src.db.base import Stamped\n\n\nclass Order(Stamped):\n    __tablename__ = "orders"\n'
    )
    commit(living, "a table of ours")
    draft = "alembic/versions/crm/crm_rename_orders_made_at.py.draft"

    ending = run(living, "update", "--json")

    assert ending.status == 0, ending.document
    assert 'op.alter_column("orders", "made_at", new_column_name="created_at", schema="crm")' in (
        (living / draft).read_text()
    )
    assert 'down_revision = "crm_0005_module_version"' in (living / draft).read_text()
    assert ending.document["before_deploy"] == [f"{draft} is a draft of a migration: review it, and drop .draft."]
    assert run(living, "doctor", "--json").codes == []


def test_a_step_may_have_a_prompt_for_a_coding_agent(living: Path, released: Path) -> None:
    (released / "releases.yml").write_text("v0.3.0:\n  steps:\n  - step: Name it.\n    prompt: Look for it.\n")
    release(released, "v0.3.0")

    assert run(living, "update", "host", "--json").document["before_deploy"] == [
        "v0.3.0: step: Name it. A prompt for a coding agent: Look for it."
    ]
