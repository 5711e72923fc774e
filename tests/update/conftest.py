"""A project of two modules, and a template with one or two releases, always at the same address.

The address is part of each render, so one address lets all tests share their renders.
"""

import shutil
from pathlib import Path

import pytest
from copier import run_copy

from scenes import make_second_release
from support import commit, git


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
