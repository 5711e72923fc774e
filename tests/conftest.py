"""The template as git would serve it, and projects spawned from it."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import copier
import pytest
from plumbum import local

from demo import clean_environment
from gold_slice.render import compiled_once
from living.matrix import Shelf
from living.releases import make_releases
from render import snapshot
from support import TAG, Spawn, commit, git, replace


def untraced[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """Let a library's function run without the tracer of coverage, with which it takes two to three times as long."""

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **named)
        finally:
            sys.settrace(tracer)

    return call


copier.run_copy, copier.run_update = untraced(copier.run_copy), untraced(copier.run_update)

# All but the module's tests, and what tools/living changes or drops in a release.
HOST_TESTS = r"template/tests/(?!.*\{\{ module \}\}|unit/common/test_startup_errors.py|conftest.py)"


@pytest.fixture(scope="session", autouse=True)
def _folders_of_a_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what commands cache and trust out of the real home folder; renders are shared by all tests."""
    folders = {
        "GOLD_SLICE_CACHE": str(tmp_path_factory.mktemp("cache")),
        "XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("config")),
    }
    with pytest.MonkeyPatch.context() as patch, local.env(**folders):  # Copier's tasks have the environment of plumbum
        for name, folder in folders.items():
            patch.setenv(name, folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def gitconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The settings of a user who has a name, and no others; git does not wait for the disk."""
    file = tmp_path_factory.mktemp("gitconfig") / "config"
    user = "[user]\nname = Ada\nemail = ada@localhost\n[init]\ndefaultBranch = main\n"
    file.write_text(f"{user}[core]\nfsync = none\n")
    settings = {"GIT_CONFIG_GLOBAL": str(file), "GIT_CONFIG_NOSYSTEM": "1"}
    with pytest.MonkeyPatch.context() as patch, local.env(**settings):
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Compile each template text once, in the copies that Copier makes for tests, too."""
    with compiled_once():
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository that holds this working tree as its one release, without the tests of the host.

    They are a third of a project's files. What renders, updates and removes files does not look at what is in them.
    """
    repository = tmp_path_factory.mktemp("template") / "gold-slice"
    snapshot(repository, tag=TAG, has=lambda name: not re.match(HOST_TESTS, name))
    return repository


@pytest.fixture(scope="session")
def whole_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository that holds all of this working tree as its one release."""
    repository = tmp_path_factory.mktemp("whole_template") / "gold-slice"
    snapshot(repository, tag=TAG)
    return repository


@pytest.fixture
def spawn(template: Path, tmp_path: Path) -> Spawn:
    """Render a part of the template into a folder (default: a new one) with the given answers."""

    def spawn(folder: Path = tmp_path / "project", **answers: Any) -> Path:
        copier.run_copy(str(template), folder, data=answers, defaults=True, unsafe=True, quiet=True)
        return folder

    return spawn


@pytest.fixture(scope="session")
def pristine(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the module cc; never change it, copy it with `project`."""
    folder = tmp_path_factory.mktemp("pristine") / "project"
    copier.run_copy(str(template), folder, defaults=True, unsafe=True, quiet=True)
    return folder


@pytest.fixture
def project(pristine: Path, tmp_path: Path) -> Path:
    """A project with the module cc, to do with as a test likes."""
    return shutil.copytree(pristine, tmp_path / "copy")


@pytest.fixture(scope="session")
def pristine_living(template: Path, pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the modules cc and crm, under git; never change it, copy it with `living`."""
    folder = shutil.copytree(pristine, tmp_path_factory.mktemp("pristine_living") / "project")
    crm = {"scope": "module", "domain": "biz", "module": "crm"}
    copier.run_copy(str(template), folder, data=crm, defaults=True, unsafe=True, quiet=True)
    git(folder, "init", "--quiet")
    commit(folder, "spawned")
    return folder


@pytest.fixture
def living(pristine_living: Path, tmp_path: Path) -> Path:
    """A project with the modules cc and crm, under git, to do with as a test likes."""
    return shutil.copytree(pristine_living, tmp_path / "living")


@pytest.fixture
def releases(template: Path, living: Path, tmp_path: Path) -> Path:
    """A template of its own for `living`, with one release so far."""
    folder = shutil.copytree(template, tmp_path / "releases")
    for answers in living.glob(".copier-answers*.yml"):
        replace(answers, f"_src_path: {template}", f"_src_path: {folder}")
    commit(living, "moved to a template of its own")
    return folder


@pytest.fixture(scope="session")
def tags(shelf: Shelf) -> list[str]:
    """The releases of the template that the projects on the shelf come from, oldest first."""
    return make_releases(shelf.template)


@pytest.fixture(scope="session")
def shelf(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Projects of several releases, made by those releases themselves; `tags` makes the releases."""
    folder = tmp_path_factory.mktemp("shelf")
    return Shelf(shutil.copytree(template, folder / "template"), folder)


@pytest.fixture(scope="session")
def bare_environment() -> dict[str, str]:
    """The environment of a user's shell: no virtual environment of ours, no database, no mark of this run of pytest."""
    return {key: value for key, value in clean_environment().items() if not key.startswith(("COV_", "PYTEST_"))}


@pytest.fixture(scope="session")
def shop(whole_template: Path, bare_environment: dict[str, str]) -> Iterator[Path]:
    """A project of other names than the reference, with a second module, installed.

    It is not in a folder of pytest's, which every start of pytest shuts to others: run as root, the PostgreSQL of its
    environment is another user.
    """
    scratch = Path(tempfile.mkdtemp(prefix="spawned-"))
    folder = scratch / "shop"
    copy = [sys.executable, "-m", "copier", "copy", "--trust", "--defaults", "--quiet"]
    project = ["--data", "project_name=shop", "--data", "domain=sales", "--data", "module=order_desk"]
    for command in (
        [*copy, *project, str(whole_template), str(folder)],
        ["uv", "sync", "--quiet"],
        [str(folder / "scripts/generate_module.py"), "biz", "crm"],
    ):
        subprocess.run(command, cwd=folder if folder.exists() else None, env=bare_environment, check=True)
    yield folder
    shutil.rmtree(scratch)
