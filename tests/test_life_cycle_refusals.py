"""What is refused changes nothing, and is said in sentences that lead on."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Ending, run
from living.project import snapshot_of, twin
from support import commit, git, replace
from test_questions import BAD_DOMAINS, BAD_MODULES

ENV, MAIN, LABELS = "alembic/env.py", "src/cos_main.py", "src/graph/registry.py"
CONFLICT = "<<<<<<< ours\nX = 1\n=======\nX = 2\n>>>>>>> theirs\n"
COMMANDS = [("generate", "biz", "pem"), ("update", "--to", "v0.2.0"), ("remove", "crm")]


def write(path: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def break_it(project: Path) -> None:
        (project / path).write_text(change((project / path).read_text()))

    return break_it


BREAKS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "syntax": (MAIN, write(MAIN, lambda text: text + "\ndef (\n")),
    "no list": (LABELS, write(LABELS, lambda text: text.replace("MODULE_LABELS", "LABELS"))),
    "two lists": (MAIN, write(MAIN, lambda text: text + "\nSLICES = []\n")),
    "conflict": (ENV, write(ENV, lambda text: CONFLICT + text)),
    "no plain list": (ENV, write(ENV, lambda text: re.sub(r"= \[[^]]*\]", "= list()", text, count=1))),
    "file gone": (LABELS, lambda project: (project / LABELS).unlink()),
}


def assert_refused(ending: Ending, *, naming: str) -> None:
    """Each problem is one sentence or more, names what is wrong and ends with a step to take."""
    problems = ending.document["problems"]
    assert ending.status == 1
    assert any(naming in problem for problem in problems), problems
    for problem in problems:
        assert re.search(r"[.?:;)] [`A-Z.]|--force|is named like", problem), f"no step to take: {problem}"
        assert "\n" not in problem.strip()
        assert len(problem) < 400


@pytest.fixture
def release(releases: Path) -> None:
    """A release v0.2.0 that changes the host files."""
    for path in (ENV, MAIN, LABELS):
        host = releases / "template" / path
        host.write_text(host.read_text() + "\n# Seen again.\n")
    commit(releases, "v0.2.0")
    git(releases, "tag", "v0.2.0")


@pytest.fixture(scope="module")
def untouched(pristine_living: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that nothing may change, for all names."""
    return twin(pristine_living, tmp_path_factory.mktemp("untouched") / "project")


@pytest.mark.parametrize("name", [*BAD_MODULES, "cc", "crm"], ids=ascii)
def test_a_bad_name_is_refused(untouched: Path, name: str) -> None:
    before = snapshot_of(untouched)

    assert_refused(run(untouched, "generate", "biz", "--json", "--", name), naming="odule")

    assert snapshot_of(untouched) == before


@pytest.mark.parametrize("domain", BAD_DOMAINS, ids=ascii)
def test_a_bad_domain_is_refused(untouched: Path, domain: str) -> None:
    before = snapshot_of(untouched)

    assert_refused(run(untouched, "generate", "--json", "--", domain, "pem"), naming="A domain is named like")

    assert snapshot_of(untouched) == before


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_host_is_refused(living: Path, broken: str, command: tuple[str, ...]) -> None:
    path, break_it = BREAKS[broken]
    break_it(living)
    commit(living, "broken")
    before = snapshot_of(living)

    assert_refused(run(living, *command, "--json"), naming=path)

    assert snapshot_of(living) == before
    assert git(living, "status", "--porcelain") == ""


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[2]], ids=lambda words: words[0])
def test_a_read_only_host_is_refused(living: Path, command: tuple[str, ...]) -> None:
    (living / MAIN).chmod(0o444)
    before = snapshot_of(living)

    assert_refused(run(living, *command, "--json"), naming=f"{MAIN}: the file is read-only")

    assert snapshot_of(living) == before


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_a_host_with_line_ends_of_windows_is_no_reason_to_refuse(living: Path, command: tuple[str, ...]) -> None:
    for path in (ENV, MAIN, LABELS):
        (living / path).write_bytes((living / path).read_bytes().replace(b"\n", b"\r\n"))
    commit(living, "saved on Windows")

    assert run(living, *command).status == 0

    for path in (ENV, MAIN, LABELS):
        contents = (living / path).read_bytes()
        assert contents.count(b"\n") == contents.count(b"\r\n") > 0


@pytest.mark.parametrize("place", ["src/backend/pem", "alembic/versions/pem", ".copier-answers.biz_pem.yml"])
@pytest.mark.parametrize("thing", ["a file", "a folder with a file"])
def test_what_stands_in_the_way_is_refused(living: Path, place: str, thing: str) -> None:
    path = living / place
    if thing == "a file":
        path.touch()
    else:
        path.mkdir()
        (path / "file").touch()
    before = snapshot_of(living)

    assert_refused(run(living, "generate", "biz", "pem", "--json"), naming=place)

    assert snapshot_of(living) == before


def test_a_link_that_leads_nowhere_is_in_the_way_too(living: Path) -> None:
    (living / "src/backend/pem").symlink_to("nowhere")

    assert_refused(run(living, "generate", "biz", "pem", "--json"), naming="src/backend/pem")

    assert (living / "src/backend/pem").readlink() == Path("nowhere")
    assert git(living, "status", "--porcelain").splitlines() == ["?? src/backend/pem"]


def test_all_that_is_wrong_is_said_at_once(living: Path) -> None:
    for name in ("syntax", "no list", "conflict"):
        BREAKS[name][1](living)
    replace(living / ".copier-answers.biz_crm.yml", "scope: module", "scope: [")
    before = snapshot_of(living)

    ending = run(living, "generate", "Biz", "class", "--json")

    for part in (ENV, MAIN, LABELS, "biz_crm.yml", "A domain is", "cannot be named class"):
        assert_refused(ending, naming=part)
    assert snapshot_of(living) == before
