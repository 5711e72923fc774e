"""A project of two modules, and a template with one or two releases, always at the same address.

The address is part of each render, so one address lets all tests share their renders.
"""

import shutil
from pathlib import Path

import pytest
from copier import run_copy

from commands import run
from scenes import make_second_release
from support import commit, git, release

COPIER = """_subdirectory: template
_min_copier_version: "9.19.0"
scope: {type: str, default: module}
domain: {type: str, default: ops}
module: {type: str, default: audit}
retention_days: {type: int, default: 30}
"""
FILES = {
    "src/backend/{{ module }}/__init__.py": '"""Audit."""\n\nSLICE = object()\n',
    "src/backend/{{ module }}/identity.py.jinja": (
        'DOMAIN = "{{ domain }}"\nMODULE = "{{ module }}"\nLABEL = "{{ domain }}_{{ module }}"\n'
    ),
    "src/backend/{{ module }}/models.py": '"""Models."""\n',
    "src/backend/{{ module }}/mem0_models.py": '"""Models of records."""\n',
    "src/backend/{{ module }}/trail.py": "def append() -> None: ...\n",
    "alembic/versions/{{ module }}/{{ module }}_0001_tables.py.jinja": (
        'revision = "{{ module }}_0001_tables"\ndown_revision = None\nbranch_labels = ("{{ domain }}_{{ module }}",)\n'
    ),
    "{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_nice_yaml -}}\n",
}


@pytest.fixture(scope="session")
def address(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which each test has a template of its own; it starts with the first release."""
    return shutil.copytree(template, tmp_path_factory.mktemp("origin") / "gold-slice")


@pytest.fixture(scope="session")
def second_release(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with two releases; never change it, copy it with `released`."""
    folder = shutil.copytree(template, tmp_path_factory.mktemp("second") / "gold-slice")
    make_second_release(folder)
    return folder


@pytest.fixture(scope="session")
def pristine_shop(address: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the modules cc and crm, under git; never change it, copy it with `living`."""
    folder = tmp_path_factory.mktemp("shop") / "project"
    for answers in ({}, {"scope": "module", "domain": "biz", "module": "crm"}):
        run_copy(str(address), folder, data=answers, defaults=True, unsafe=True, quiet=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "spawned")
    return folder


@pytest.fixture
def releases(pristine_shop: Path, template: Path, address: Path) -> Path:
    """The template of `living`, with one release so far."""
    assert pristine_shop.exists()
    shutil.rmtree(address)
    return shutil.copytree(template, address, symlinks=True)


@pytest.fixture
def living(pristine_shop: Path, releases: Path, tmp_path: Path) -> Path:
    """A project with the modules cc and crm, under git, to do with as a test likes."""
    assert releases.exists()
    folder = shutil.copytree(pristine_shop, tmp_path / "living", symlinks=True)
    git(folder, "status")  # git's index learns that these are the files of the copy
    return folder


@pytest.fixture
def released(releases: Path, second_release: Path) -> Path:
    """The template of `living`, with the second release."""
    shutil.rmtree(releases)
    return shutil.copytree(second_release, releases, symlinks=True)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A template of another shape inside, with one release."""
    folder = tmp_path / "audit-template"
    folder.mkdir()
    (folder / "copier.yml").write_text(COPIER)
    for name, text in FILES.items():
        (folder / "template" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "template" / name).write_text(text)
    git(folder, "init", "--quiet")
    release(folder, "v1.0.0")
    return folder


@pytest.fixture
def audited(living: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project of two modules, and the module audit of the other template."""
    monkeypatch.setenv("GOLD_SLICE_TRUST", "1")
    assert run(living, "generate", "ops", "audit", "--from", f"{other}@v1.0.0").status == 0
    commit(living, "audit")
    return living
