"""The launchers of a project run the right release's command, and only from an address that the user trusts."""

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from copier import run_copy

from render import ROOT
from support import CC, HOST, commit, git, release, replace

pytestmark = pytest.mark.xdist_group("launcher")  # one worker installs the commands that these tests share

FOREIGN = ("COV_", "COVERAGE_", "GOLD_SLICE_", "COPIER_", "VIRTUAL_ENV")
TRUSTED = {"GOLD_SLICE_TRUST": "1"}
MOVED = "… moving the branch"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of these tests, so that each release's command is installed once."""
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def origin(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template of two releases: the second renames functions of the machinery, and its package needs one more."""
    folder = shutil.copytree(template, tmp_path_factory.mktemp("origin") / "gold-slice")
    for path in folder.glob("gold_slice/*.py"):
        text = path.read_text()
        path.write_text(text.replace("_put", "_write_file").replace("complete_interrupted", "finish_first"))
    replace(
        folder / "gold_slice/pending.py",
        "    shutil.copy2(index, trial)\n",
        f'    print("{MOVED}")\n    shutil.copy2(index, trial)\n',
    )
    replace(folder / "gold_slice/pending.py", "import json\n", "import json\nimport rich  # a new dependency\n")
    replace(folder / "pyproject.toml", "dependencies = [\n", 'dependencies = [\n    "rich>=15,<16",\n')
    replace(folder / "template/src/health.py", '"""', '"""New: ')
    release(folder, "v0.2.0")
    return folder


@pytest.fixture(scope="module")
def pristine_shop(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the first release, under git; never change it, copy it with `shop`."""
    folder = tmp_path_factory.mktemp("shop") / "project"
    run_copy(str(origin), folder, vcs_ref="v0.1.0", defaults=True, unsafe=True, quiet=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@localhost")
    commit(folder, "spawned")
    return folder


@pytest.fixture
def shop(pristine_shop: Path, tmp_path: Path) -> Path:
    """A project of the first release, to do with as a test likes."""
    return shutil.copytree(pristine_shop, tmp_path / "shop", symlinks=True)


@pytest.fixture
def environment(commands: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has trusted nothing yet."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    return own | {"GOLD_SLICE_CACHE": str(commands), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def launch(project: Path, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a launcher as a user does, without a terminal."""
    return subprocess.run(
        [sys.executable, str(project / "scripts" / f"{script}.py"), *arguments],
        cwd=project, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def address_of(project: Path, address: str, release: str = "v0.1.0") -> None:
    """Write another address and release into the answers files."""
    for name in (HOST, CC):
        text = re.sub("_src_path: .*", f"_src_path: {address}", (project / name).read_text())
        (project / name).write_text(re.sub("_commit: .*", f"_commit: {release}", text))
    commit(project, "another address")


@pytest.fixture
def served(origin: Path, tmp_path: Path) -> Iterator[tuple[str, ThreadingHTTPServer]]:
    """The address of a server that has the template, and the server."""
    bare = tmp_path / "www/template.git"
    git(origin, "clone", "--quiet", "--bare", str(origin), str(bare))
    git(bare, "update-server-info")
    with serving(partial(_Files, directory=str(tmp_path / "www"))) as pair:
        yield pair


class _Files(SimpleHTTPRequestHandler):
    """A server of files."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Private(BaseHTTPRequestHandler):
    """A server that lets nobody in."""

    def do_GET(self) -> None:  # the name that http.server calls
        """Ask for a password."""
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[tuple[str, ThreadingHTTPServer]]:
    """Serve requests, and yield the address of the template and the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/template.git", server
        server.shutdown()


def test_an_address_that_was_not_trusted_is_refused_without_a_terminal(
    shop: Path, origin: Path, environment: dict[str, str], commands: Path
) -> None:
    before = sorted(commands.rglob("*"))

    for script in ("update_modules", "generate_module", "remove_module", "doctor"):
        done = launch(shop, script, **environment)

        assert done.returncode == 1
        assert done.stderr == (
            f"This runs code from {origin}, an address that you have not trusted yet. "
            "If you trust it, add --trust once, or set GOLD_SLICE_TRUST=1.\n"
        )
    assert sorted(commands.rglob("*")) == before


def test_trust_is_given_once_by_an_option_and_remembered(shop: Path, environment: dict[str, str]) -> None:
    first = launch(shop, "doctor", "--trust", **environment)
    second = launch(shop, "doctor", **environment)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout == second.stdout
    assert first.stdout.startswith("No findings.\n")
    assert second.stderr == ""


def test_trust_is_given_by_a_variable(shop: Path, environment: dict[str, str]) -> None:
    assert launch(shop, "doctor", **environment, **TRUSTED).returncode == 0


def test_the_first_command_compiles_what_it_imports_and_no_more(
    shop: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    own = {"GOLD_SLICE_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}

    assert launch(shop, "doctor", **environment | own, **TRUSTED).returncode == 0

    compiled = {path.parents[1].name for path in (tmp_path / "cache").rglob("site-packages/*/__pycache__/*.pyc")}
    assert "gold_slice" in compiled
    assert "copier" not in compiled


@pytest.mark.parametrize("is_prefix", [True, False])
def test_trust_is_given_by_the_settings_of_copier(
    shop: Path, origin: Path, environment: dict[str, str], tmp_path: Path, *, is_prefix: bool
) -> None:
    settings = tmp_path / "config/copier/settings.yml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"defaults:\n  x: 1\ntrust:\n  - https://example.com/\n  - {origin.parent if is_prefix else origin}/\n"
    )

    assert launch(shop, "doctor", **environment).returncode == 0


def answered(command: list[str], reply: bytes, *, folder: Path, environment: dict[str, str]) -> tuple[int, bytes]:
    """Run a command on a terminal, answer its question, and return its status and what is on the screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    screen = b""
    with suppress(OSError):  # EIO: the command has ended
        while part := os.read(ours, 4096):
            screen += part
            if b"[y/N]" in part:
                os.write(ours, reply)
    os.close(ours)
    return process.wait(60), screen


@pytest.mark.parametrize(
    ("reply", "status", "sentence"), [(b"n\n", 1, b"Nothing was run."), (b"y\n", 0, b"No findings")]
)
def test_on_a_terminal_it_asks(
    shop: Path, environment: dict[str, str], *, reply: bytes, status: int, sentence: bytes
) -> None:
    command = [sys.executable, str(shop / "scripts/doctor.py")]

    ended, screen = answered(command, reply, folder=shop, environment=environment)

    assert (ended, sentence in screen) == (status, True), screen


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    """The template of modules in `examples`, with two releases."""
    folder = shutil.copytree(ROOT / "examples/audit", tmp_path / "audit")
    git(folder, "init", "--quiet")
    release(folder, "v0.1.0")
    replace(folder / "template/src/backend/{{ module }}/crud.py", '"""', '"""New: ')
    release(folder, "v0.2.0")
    return folder


def test_a_module_of_another_template_lives_by_the_launchers(
    shop: Path, audit: Path, environment: dict[str, str]
) -> None:
    assert launch(shop, "doctor", "--trust", **environment).returncode == 0
    refused = launch(shop, "generate_module", "ops", "audit", "--from", f"{audit}@v0.1.0", **environment)
    assert (refused.returncode, git(shop, "status", "--porcelain")) == (1, "")
    assert refused.stderr == (
        f"add: Updates of this module will run code from {audit}, which you have not trusted yet. "
        "If you trust it, add --trust once, or set GOLD_SLICE_TRUST=1.\nNothing was changed.\n"
    )

    added = launch(shop, "generate_module", "ops", "audit", "--from", f"{audit}@v0.1.0", "--trust", **environment)
    assert added.returncode == 0, added.stderr
    commit(shop, "audit")
    crud = shop / "src/backend/audit/crud.py"
    for script, *arguments in (["update_modules", "audit"], ["doctor"]):
        done = launch(shop, script, *arguments, **environment)
        assert done.returncode == 0, done.stderr
    assert crud.read_text().startswith('"""New: ')
    assert "_commit: v0.1.0" in (shop / HOST).read_text()
    replace(crud, '"""New: ', '"""Ours: ')
    assert '+"""Ours: ' in launch(shop, "launcher", "diff", "audit", **environment).stdout
    git(shop, "checkout", "--quiet", ".")
    assert launch(shop, "remove_module", "audit", **environment).returncode == 0
    assert git(shop, "diff", "--name-only", "HEAD~2") == ""


@pytest.mark.parametrize(("reply", "status"), [(b"n\n", 1), (b"y\n", 0)])
def test_on_a_terminal_it_asks_about_the_other_template(
    shop: Path, audit: Path, environment: dict[str, str], *, reply: bytes, status: int
) -> None:
    trusted = Path(environment["XDG_CONFIG_HOME"], "gold-slice/trusted")
    assert launch(shop, "doctor", "--trust", **environment).returncode == 0
    command = [sys.executable, str(shop / "scripts/generate_module.py"), "ops", "audit", "--from", str(audit)]

    ended, screen = answered(command, reply, folder=shop, environment=environment)

    assert (ended, screen.count(b"[y/N]")) == (status, 1), screen
    assert (shop / "src/backend/audit").exists() == (status == 0)
    assert (str(audit) in trusted.read_text().splitlines()) == (status == 0)


def test_a_changed_address_is_asked_about_before_anything_of_it_runs(
    shop: Path, environment: dict[str, str], commands: Path
) -> None:
    assert launch(shop, "doctor", "--trust", **environment).returncode == 0
    before = sorted(commands.glob("commands/*"))
    address_of(shop, "https://user:secret@example.com/fork.git")

    for script in ("doctor", "update_modules"):
        done = launch(shop, script, **environment)

        assert done.returncode == 1
        assert "This runs code from https://example.com/fork.git, an address" in done.stderr
        assert "secret" not in done.stderr + done.stdout
    assert sorted(commands.glob("commands/*")) == before


def test_an_update_runs_the_command_of_its_target(shop: Path, environment: dict[str, str]) -> None:
    preview = launch(shop, "update_modules", "--preview", **environment, **TRUSTED)
    done = launch(shop, "update_modules", **environment, **TRUSTED)

    assert preview.returncode == done.returncode == 0, done.stderr
    assert MOVED in done.stdout
    assert "Updated host, tech_cc to gold slice v0.2.0." in done.stdout
    assert (shop / "src/health.py").read_text().startswith('"""New: ')
    assert launch(shop, "doctor", **environment, **TRUSTED).stdout.startswith("No findings.\n")


@pytest.mark.parametrize("has_new_files", [True, False])
def test_an_update_by_a_changed_machinery_that_was_killed_is_completed_by_either_release(
    shop: Path, environment: dict[str, str], tmp_path: Path, *, has_new_files: bool
) -> None:
    real = shutil.which("git")
    last_call = "update-ref" if has_new_files else "rev-parse HEAD"
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/git"
    fake.write_text(
        f'#!/bin/sh\nif [ -e .git/gold-slice/top/pending ]; then case "$*" in *" {last_call}"*) kill -9 $PPID; exit 1\n'
        f';; esac; fi; exec {real} "$@"\n'
    )
    fake.chmod(0o755)
    before = git(shop, "rev-parse", "HEAD")
    path = {"PATH": f"{fake.parent}:{environment['PATH']}"}

    killed = launch(shop, "update_modules", **environment | path, **TRUSTED)
    assert ("_commit: v0.2.0" in (shop / HOST).read_text()) == has_new_files
    fixed = launch(shop, "doctor", "--fix", **environment, **TRUSTED)

    assert killed.returncode == -9
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert git(shop, "rev-parse", "HEAD^") == before
    assert git(shop, "status", "--porcelain") == ""
    assert "_commit: v0.2.0" in (shop / HOST).read_text()


def test_a_branch_is_followed_and_not_stale_the_second_time(
    shop: Path, origin: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    fork = shutil.copytree(origin, tmp_path / "fork", symlinks=True)
    address_of(shop, str(fork))
    git(fork, "checkout", "--quiet", "-b", "topic", "v0.1.0")
    for number in (1, 2):
        replace(fork / "template/src/health.py", f'"""{number - 1 or ""}', f'"""{number}')
        commit(fork, f"change {number}")

        done = launch(shop, "update_modules", "--to", "topic", **environment, **TRUSTED)

        assert done.returncode == 0, done.stderr
        assert f"_commit: v0.1.0-{number}-g" in (shop / HOST).read_text()
        assert (shop / "src/health.py").read_text().startswith(f'"""{number}')
    named_by_git_describe = launch(shop, "doctor", **environment, **TRUSTED)
    assert named_by_git_describe.stdout.startswith("No findings.\n"), named_by_git_describe.stderr


def test_a_hash_of_digits_only_is_a_release(
    shop: Path, origin: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    fork = shutil.copytree(origin, tmp_path / "fork", symlinks=True)
    tree, number, found = "v0.1.0^{tree}", 0, "a"
    while not found[:7].isdigit():
        number += 1
        found = git(fork, "commit-tree", tree, "-p", "v0.1.0", "-m", f"try {number}").strip()
    git(fork, "branch", "digits", found)
    address_of(shop, str(fork), found[:7])

    doctor = launch(shop, "doctor", **environment, **TRUSTED)
    update = launch(shop, "update_modules", **environment, **TRUSTED)

    assert doctor.stdout.startswith("No findings.\n"), doctor.stderr
    assert update.returncode == 0, update.stderr
    assert "_commit: v0.2.0" in (shop / HOST).read_text()


def test_without_a_network_a_command_that_was_used_before_works_and_another_is_refused_in_a_sentence(
    shop: Path, environment: dict[str, str], served: tuple[str, ThreadingHTTPServer], tmp_path: Path
) -> None:
    address, server = served
    address_of(shop, address)
    online = launch(shop, "generate_module", "biz", "crm", **environment, **TRUSTED)
    assert online.returncode == 0, online.stderr
    server.shutdown()
    server.server_close()

    for script, arguments in (("doctor", ()), ("remove_module", ("crm",)), ("generate_module", ("biz", "pem"))):
        warm = launch(shop, script, *arguments, **environment, **TRUSTED)
        assert warm.returncode == 0, warm.stderr
    cold = environment | {"GOLD_SLICE_CACHE": str(tmp_path / "cold")} | TRUSTED
    installation, search = launch(shop, "doctor", **cold), launch(shop, "update_modules", **cold)

    assert (installation.returncode, search.returncode) == (1, 1)
    assert "The command of gold slice v0.1.0 could not be installed. Check the network" in installation.stderr
    assert f"No release was found at {address}: " in search.stderr
    assert "Traceback" not in installation.stderr + search.stderr


def test_a_private_repository_without_credentials_is_a_sentence(shop: Path, environment: dict[str, str]) -> None:
    with serving(_Private) as (address, _server):
        address_of(shop, address.replace("//", "//ada:secret@"))
        done = [launch(shop, script, **environment, **TRUSTED) for script in ("update_modules", "doctor")]

    assert [each.returncode for each in done] == [1, 1]
    assert f"No release was found at {address}: " in done[0].stderr
    assert "could not be installed. Check the network and your credentials." in done[1].stderr
    assert not any("secret" in each.stderr or "Traceback" in each.stderr for each in done)
