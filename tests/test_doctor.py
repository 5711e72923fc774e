"""The doctor finds what is wrong, under a code that stays, and corrects what it safely can."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import run
from support import commit, contents, release, replace

MAIN = "src/cos_main.py"
CRM_MIGRATION = "alembic/versions/crm/crm_0001_tables.py"


def nothing_of_crm(project: Path) -> None:
    (project / ".copier-answers.biz_crm.yml").unlink()


def twin_migration(project: Path) -> None:
    shutil.copy(project / CRM_MIGRATION, project / "alembic/versions/crm/crm_0002_twin.py")


FAULTS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "an entry is missing": (lambda p: replace(p / MAIN, '    "src.backend.crm",\n', ""), {"GS302"}),
    "a foreign entry": (
        lambda p: replace(p / MAIN, '"src.backend.cc"', '"src.backend.aa",\n    "src.backend.cc"'),
        {"GS303"},
    ),
    "a host file is missing": (lambda p: (p / "src/graph/registry.py").unlink(), {"GS301"}),
    "a host file does not parse": (lambda p: (p / "src/graph/registry.py").write_text("x = (\n"), {"GS301"}),
    "a host list is computed": (lambda p: (p / "src/graph/registry.py").write_text("MODULE_LABELS = f()\n"), {"GS301"}),
    "an answers file is gone": (nothing_of_crm, {"GS402", "GS502"}),
    "an answers file is broken": (
        lambda p: (p / ".copier-answers.biz_crm.yml").write_text("a: [\n"),
        {"GS201", "GS402", "GS502"},
    ),
    "an answers file has another name": (
        lambda p: (p / ".copier-answers.biz_crm.yml").rename(p / ".copier-answers.biz_other.yml"),
        {"GS201", "GS402", "GS502"},
    ),
    "the host has no release": (lambda p: replace(p / ".copier-answers.yml", "_commit: v0.1.0\n", ""), {"GS202"}),
    "a module is late": (lambda p: replace(p / ".copier-answers.biz_crm.yml", "v0.1.0", "v0.0.9"), {"GS203"}),
    "a package is gone": (lambda p: shutil.rmtree(p / "src/backend/crm"), {"GS401"}),
    "a package has no slice": (lambda p: (p / "src/backend/crm/__init__.py").write_text(""), {"GS401"}),
    "an identity is another's": (
        lambda p: replace(p / "src/backend/crm/identity.py", 'MODULE: Final = "crm"', 'MODULE: Final = "cc"'),
        {"GS403"},
    ),
    "migrations are gone": (lambda p: shutil.rmtree(p / "alembic/versions/crm"), {"GS501"}),
    "a base lost its label": (lambda p: replace(p / CRM_MIGRATION, '("biz_crm",)', "None"), {"GS503"}),
    "a revision is there twice": (twin_migration, {"GS503", "GS506"}),
    "a parent is unknown": (
        lambda p: (p / "alembic/versions/crm/crm_0002_x.py").write_text('revision = "b"\ndown_revision = "a"\n'),
        {"GS504", "GS505"},
    ),
    "a migration states nothing": (
        lambda p: (p / "alembic/versions/crm/crm_0002_x.py").write_text("revision = 1\n"),
        {"GS507"},
    ),
    "a migration does not parse": (
        lambda p: (p / "alembic/versions/crm/crm_0002_x.py").write_text("revision = (\n"),
        {"GS507"},
    ),
    "a route is in a module's place": (
        lambda p: (p / "src/ours.py").write_text('@app.get("/crm/mine")\ndef mine(): ...\n'),
        {"GS601"},
    ),
}


def test_a_healthy_project_has_no_findings(living: Path) -> None:
    before = contents(living)

    ending = run(living, "doctor")

    assert (ending.status, ending.output) == (0, "No findings.\n")
    assert {name: data for name, data in contents(living).items() if "gold-slice" not in name} == before


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(living: Path, fault: str) -> None:
    cause, codes = FAULTS[fault]
    cause(living)

    ending = run(living, "doctor", "--json")

    assert ending.status == 1
    assert set(ending.codes) == codes
    assert all(finding["fix"] for finding in ending.document["findings"])


def test_each_finding_says_its_place_and_a_way_to_correct_it(living: Path) -> None:
    replace(living / MAIN, '    "src.backend.crm",\n', "")

    assert run(living, "doctor").output.splitlines()[:2] == [
        f"GS302 {MAIN}: the entry src.backend.crm is missing.",
        "  Fix: uv run python scripts/doctor.py --fix",
    ]


def test_missing_entries_come_back_by_fix(living: Path) -> None:
    healthy = contents(living / "src")
    replace(living / MAIN, '    "src.backend.crm",\n', "")

    preview = run(living, "doctor", "--fix", "--preview", "--json")
    corrected = run(living, "doctor", "--fix", "--json")

    assert preview.status == 1
    assert preview.document["changes"] == corrected.document["changes"]
    assert corrected.status == 0
    assert contents(living / "src") == healthy


def test_what_cannot_be_corrected_safely_is_left(living: Path) -> None:
    replace(living / MAIN, '    "src.backend.crm",\n', "")
    (living / "src/graph/registry.py").write_text("x = (\n")
    before = contents(living / "src")

    ending = run(living, "doctor", "--fix")

    assert ending.status == 1
    assert "src/graph/registry.py:1" in ending.complaint
    assert contents(living / "src") == before


def test_entries_and_routes_of_the_users_own_are_left_alone(living: Path) -> None:
    (living / "src/backend/ours").mkdir()
    (living / "src/backend/ours/__init__.py").touch()
    replace(living / MAIN, '"src.backend.crm"', '"src.backend.crm",\n    "src.backend.ours"')
    (living / "src/ours.py").write_text('@app.get("/crmx")\ndef mine(): ...\nclient.get(url)\n')

    assert run(living, "doctor").status == 0


def test_a_string_that_looks_like_a_route_is_no_finding(living: Path) -> None:
    (living / "src/ours.py").write_text('HEALTH = "/crm/health"\nclient.get("/crm/health")\nprint("/crm")\n')

    assert run(living, "doctor").status == 0


def test_a_comment_silences_a_route(living: Path) -> None:
    (living / "src/ours.py").write_text('router = APIRouter(prefix="/crm")  # gold-slice: ignore\n')
    assert run(living, "doctor").status == 0

    (living / "src/ours.py").write_text('router = APIRouter(prefix="/crm")\n')
    assert run(living, "doctor", "--json").codes == ["GS601"]


def test_a_list_with_entries_from_elsewhere_is_read_and_edited_alike(living: Path) -> None:
    replace(living / MAIN, "SLICES: list[str] = [\n", 'EXTRA = ["zz"]\nSLICES: list[str] = [\n    *EXTRA,\n')

    assert run(living, "doctor").status == 0
    assert run(living, "generate", "biz", "shop").status == 0
    assert (
        '    *EXTRA,\n    "src.backend.cc",\n    "src.backend.crm",\n    "src.backend.shop",\n]'
        in (living / MAIN).read_text()
    )
    assert run(living, "doctor").status == 0
    assert run(living, "remove", "shop").status == 0
    assert run(living, "doctor").status == 0


def test_an_answers_file_of_another_template_is_passed_over_by_every_command(living: Path, releases: Path) -> None:
    (living / ".copier-answers.docs.yml").write_text("_commit: v3.0.0\n_src_path: gh:someone/docs\ntitle: Ours\n")
    commit(living, "another template")
    replace(releases / "template/src/health.py", "Liveness", "Life")
    release(releases, "v0.2.0")

    for command in (["doctor"], ["generate", "biz", "shop"], ["remove", "shop"], ["diff"], ["update"], ["doctor"]):
        ending = run(living, *command)
        assert ending.status == 0, (command, ending)
    assert "v3.0.0" in (living / ".copier-answers.docs.yml").read_text()
