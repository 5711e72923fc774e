"""Codemods of a template of modules, over several releases, on what the project's owner did to its module."""

from pathlib import Path

import pytest

from commands import run
from scenes import WAITING, head
from support import commit, release, replace

TRAIL, CALLER, MODELS = (
    f"src/backend/{{{{ module }}}}/{name}.py" for name in ("trail", "caller", "models")
)  # fmt: skip
OURS = "from src.backend.audit.trail import fetch, get\n\nget()\nfetch()\n"
GET_IS_READ = 'Renamed("src.backend.{module}.trail.get", "src.backend.{module}.trail.read")'
FETCH_IS_GET = 'Renamed("src.backend.{module}.trail.fetch", "src.backend.{module}.trail.get")'
TRACKED = 'class Tracked:\n    made_at = 1\n\n\nclass Entry(Tracked):\n    __tablename__ = "entries"\n'


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def write_codemods(template: Path, tag: str, *codemods: str) -> None:
    """Write the codemods of a release."""
    listed = "".join(f"    {each},\n" for each in codemods)
    text = f"from gold_slice.codemods import Renamed, RenamedColumn\n\nCODEMODS = [\n{listed}]\n"
    write(template, f"gold_slice/codemods/{tag.replace('.', '_')}.py", text)


@pytest.fixture
def called(audited: Path, other: Path) -> Path:
    """The project with the module at v1.0.1, which defines and calls `get` and `fetch`, as a file of ours does."""
    write(other, f"template/{TRAIL}", "def get() -> None: ...\n\n\ndef fetch() -> None: ...\n")
    write(other, f"template/{CALLER}", "from .trail import fetch, get\n\nget()\nfetch()\n\n\n\n\n\nX = 1\n")
    release(other, "v1.0.1")
    assert run(audited, "update", "audit").status == 0
    write(audited, "src/ours.py", OURS)
    commit(audited, "ours")
    return audited


@pytest.fixture
def reused(other: Path, called: Path) -> Path:
    """The template with two releases more: `get` is `read`, and then `fetch` is `get`."""
    assert called.exists()
    write(other, f"template/{TRAIL}", "def read() -> None: ...\n\n\ndef get() -> None: ...\n")
    write(other, f"template/{CALLER}", "from .trail import get, read\n\nread()\nget()\n\n\n\n\n\nX = 1\n")
    write_codemods(other, "v1.1.0", GET_IS_READ)
    write_codemods(other, "v1.2.0", FETCH_IS_GET)
    release(other, "v1.2.0")
    return other


def test_a_name_may_mean_something_else_after_the_next_release(called: Path, reused: Path) -> None:
    assert reused.exists()

    ending = run(called, "update", "audit", "--json")

    assert ending.status == 0, ending.document
    assert list(ending.document["reasons"]) == ["src/ours.py"]
    assert (called / "src/ours.py").read_text() == "from src.backend.audit.trail import get, read\n\nread()\nget()\n"
    assert (
        (called / "src/backend/audit/caller.py").read_text().startswith("from .trail import get, read\n\nread()\nget()")
    )
    assert ending.document["places"] == []


def test_where_only_a_person_knows_what_a_name_means_the_file_is_named(called: Path, reused: Path) -> None:
    replace(called / "src/backend/audit/caller.py", "X = 1", "X = 2")
    commit(called, "edited")
    merged = (reused / f"template/{CALLER}").read_text().replace("X = 1", "X = 2")

    ending = run(called, "update", "audit", "--json")

    assert (called / "src/backend/audit/caller.py").read_text() == merged
    (place,) = ending.document["places"]
    assert place.startswith(
        "src/backend/audit/caller.py:1: src.backend.audit.trail.get is src.backend.audit.trail.read,"
    )
    assert "look at your lines here" in place


def test_codemods_change_a_file_once_although_the_update_waits(called: Path, reused: Path) -> None:
    write(reused, "template/alembic/versions/{{ module }}/other.py", 'revision = "other"\ndown_revision = None\n')
    release(reused, "v1.3.0")
    assert run(called, "update", "audit").status == 3
    (called / WAITING / "alembic/versions/audit/other.py").unlink()

    ending = run(called, "update", "--continue", "--json")

    assert ending.status == 0, ending.document
    assert (called / "src/ours.py").read_text() == "from src.backend.audit.trail import get, read\n\nread()\nget()\n"
    assert list(ending.document["reasons"]) == ["src/ours.py"]


def test_a_definition_in_an_ejected_file_is_named(called: Path, other: Path) -> None:
    assert run(called, "eject", "src/backend/audit/trail.py").status == 0
    commit(called, "ejected")
    write(other, f"template/{TRAIL}", "def fetch() -> None: ...\n\n\ndef load() -> None: ...\n")
    write_codemods(other, "v1.1.0", GET_IS_READ)
    write_codemods(other, "v1.2.0", GET_IS_READ.replace(".get", ".read").replace('trail.read")', 'trail.load")'))
    release(other, "v1.2.0")

    ending = run(called, "update", "audit", "--json")

    assert "import fetch, load" in (called / "src/ours.py").read_text()
    (place,) = ending.document["places"]
    assert place == (
        "src/backend/audit/trail.py:1: src.backend.audit.trail.get is src.backend.audit.trail.load in the release and "
        "for all other code: rename it here, too"
    )


def test_a_migration_is_drafted_for_users_tables_and_not_for_those_of_the_release(audited: Path, other: Path) -> None:
    write(other, f"template/{MODELS}", TRACKED)
    release(other, "v1.0.1")
    assert run(audited, "update", "audit").status == 0
    order = 'from src.backend.audit.models import Tracked\n\n\nclass Order(Tracked):\n    __tablename__ = "orders"\n'
    write(audited, "src/backend/crm/ours.py", order)
    commit(audited, "a table of ours")
    write(other, f"template/{MODELS}", TRACKED.replace("made_at", "created_at"))
    write_codemods(other, "v1.1.0", 'RenamedColumn("src.backend.{module}.models.Tracked", "made_at", "created_at")')
    release(other, "v1.1.0")

    ending = run(audited, "update", "audit", "--json")

    assert ending.document["before_deploy"] == [
        "alembic/versions/crm/crm_rename_orders_made_at.py.draft is a draft of a migration: review it, and drop .draft."
    ]


def test_a_module_that_was_removed_while_its_update_waits_is_named(called: Path, reused: Path) -> None:
    assert reused.exists()
    replace(called / "src/backend/audit/trail.py", "def get() -> None", "def get(ours: int = 1) -> None")
    commit(called, "edited")
    assert run(called, "update", "audit").status == 3
    assert run(called, "remove", "audit", "--force").status == 0
    commit(called, "removed")
    write(called, f"{WAITING}/src/backend/audit/trail.py", "def read(ours: int = 1) -> None: ...\n")
    before = head(called)

    ending = run(called, "update", "--continue")

    assert ending.status == 1
    assert ".copier-answers.ops_audit.yml was removed meanwhile" in ending.complaint
    assert head(called) == before
    assert run(called, "update", "--abandon").status == 0
