"""Which names are refused, with which sentence, and that nothing is written then."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support import Spawn

BAD_MODULES = [
    "", " ", "Pem", "PEM", "1pem", "pem-desk", "pem desk", "pem.desk", "_pem", "pem_", "pem__desk", "ｐｅｍ", "pém",
    "пем", "pem\n", "pem\0", "../pem", "/etc", "~", "a/b", "a\\b", "{{ 7 * 7 }}", "{% raw %}", "__import__('os')",
    '"]+x+["', "p" * 31, "p" * 300, "class", "async", "match", "list", "print", "select", "user", "table", "pg_catalog",
    "pg_x", "public", "information_schema", "mem0", "mem0_cc", "slice", "health", "docs", "mcp", "graph", "test",
]  # fmt: skip
GOOD_MODULES = ["pem", "a", "order_desk", "crm2", "p" * 30]
BAD_DOMAINS = ["", "Tech", "te_ch", "te-ch", "2tech", "tech\n", "t" * 21, "../x", "{{ x }}", "ｔ"]
BAD_PROJECTS = ["", "Cos", "co s", "-cos", "cos-", "co--s", "cos_x", "c" * 41, "cos\n", "../cos", "{{ x }}"]


@pytest.mark.parametrize("module", BAD_MODULES, ids=ascii)
def test_a_bad_module_name_is_refused_and_nothing_is_written(spawn: Spawn, tmp_path: Path, module: str) -> None:
    with pytest.raises(ValueError, match=r"A module (is named like order_desk: a-z first|cannot be named \w+: Python)"):
        spawn(module=module)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("domain", BAD_DOMAINS, ids=ascii)
def test_a_bad_domain_name_is_refused_and_nothing_is_written(spawn: Spawn, tmp_path: Path, domain: str) -> None:
    with pytest.raises(ValueError, match="A domain is named like sales2: a-z first"):
        spawn(domain=domain)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("project_name", BAD_PROJECTS, ids=ascii)
def test_a_bad_project_name_is_refused_and_nothing_is_written(spawn: Spawn, tmp_path: Path, project_name: str) -> None:
    with pytest.raises(ValueError, match="A project is named like order-desk: a-z first"):
        spawn(project_name=project_name)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", GOOD_MODULES)
def test_a_good_name_is_taken(spawn: Spawn, module: str) -> None:
    assert (spawn(module=module) / "src" / "backend" / module / "identity.py").exists()


def copier(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run `copier copy` as a user does."""
    command = [sys.executable, "-m", "copier", "copy", "--trust", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, input=options.get("typed", ""))


@pytest.mark.parametrize("how", ["--data", "--data-file"])
def test_on_the_command_line_our_sentence_is_the_last_line(template: Path, tmp_path: Path, how: str) -> None:
    data_file = tmp_path / "data.yml"
    data_file.write_text(yaml.safe_dump({"module": "Pem"}))
    given = "module=Pem" if how == "--data" else str(data_file)

    refused = copier("--defaults", how, given, str(template), str(tmp_path / "project"))

    assert refused.returncode != 0
    assert "A module is named like order_desk: a-z first, then a-z, 0-9" in refused.stderr.splitlines()[-1]
    assert not (tmp_path / "project").exists()


def test_a_folder_with_files_in_it_is_not_overwritten_unasked(template: Path, tmp_path: Path) -> None:
    target = tmp_path / "project"
    target.mkdir()
    (target / "alembic.ini").write_text("mine\n")

    refused = copier("--defaults", str(template), str(target))

    assert refused.returncode != 0
    assert "conflict" in refused.stderr
    assert "alembic.ini" in refused.stderr
    assert (target / "alembic.ini").read_text() == "mine\n"


def test_without_trust_nothing_is_written(template: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copier", "copy", "--defaults", str(template), str(tmp_path / "project")]

    refused = subprocess.run(command, capture_output=True, text=True, check=False)

    assert refused.returncode == 4
    assert "--trust" in refused.stderr
    assert not (tmp_path / "project").exists()


def test_a_copy_closes_with_the_next_commands_and_the_one_that_would_repeat_it(template: Path, tmp_path: Path) -> None:
    answers = ["--data", "domain=sales", "--data", "module=order_desk", "--data", "project_name=shop"]
    first = tmp_path / "first"

    said = copier("--defaults", *answers, str(template), str(first)).stderr

    for command in ("uv sync", "uv run pytest", "uv run python scripts/dev.py"):
        assert f"\n  {command}" in said
    again = next(line.split() for line in said.splitlines() if line.strip().startswith("copier copy"))
    assert again[-1] == "FOLDER"
    subprocess.run([sys.executable, "-m", *again[:-1], tmp_path / "second"], check=True, capture_output=True)
    assert (tmp_path / "second" / "src/cos_main.py").read_bytes() == (first / "src/cos_main.py").read_bytes()
    assert (tmp_path / "second" / ".copier-answers.yml").read_bytes() == (first / ".copier-answers.yml").read_bytes()
