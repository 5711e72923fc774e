from pathlib import Path

import pytest

from gold_slice.answers import Module, read_modules
from support import add_module


def test_every_answers_file_of_a_module_is_read(tmp_path: Path) -> None:
    add_module(tmp_path, domain="tech", module="pem")
    add_module(tmp_path, domain="biz", module="crm_core")
    (tmp_path / ".copier-answers.yml").write_text("scope: project\n")

    modules, problems = read_modules(tmp_path)

    assert [module.label for module in modules] == ["biz_crm_core", "tech_pem"]
    assert problems == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not hold the answers of a module"),
        ("[]", "does not hold the answers of a module"),
        ("scope: module\nmodule: cc\n", "`domain` is not the name"),
        ("scope: module\ndomain: tech\nmodule: 1\n", "`module` is not the name"),
        ("scope: module\ndomain: tech\nmodule: '\"] + evil()'\n", "`module` is not the name"),
        ("scope: module\ndomain: te_ch\nmodule: cc\n", "`domain` is not the name"),
        ("scope: module\ndomain: ../up\nmodule: cc\n", "`domain` is not the name"),
        ("scope: module\ndomain: tech\nmodule: |\n  cc\n", "`module` is not the name"),
        ("<<<<<<< ours\nscope: module\n", "line 2 is not valid YAML"),
        ("scope: \0", "characters that YAML does not allow"),
        ("!!python/object/apply:os.system ['true']", "holds more than plain values"),
    ],
)
def test_an_answers_file_is_not_trusted(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / ".copier-answers.tech_cc.yml").write_text(text)

    modules, problems = read_modules(tmp_path)

    assert modules == []
    assert len(problems) == 1
    assert problems[0].startswith(".copier-answers.tech_cc.yml: ")
    assert reason in problems[0]
    assert ". Fix: " in problems[0]


def test_two_modules_of_one_name_are_refused(tmp_path: Path) -> None:
    add_module(tmp_path, domain="tech", module="pem")
    add_module(tmp_path, domain="zk", module="pem")

    _modules, problems = read_modules(tmp_path)

    assert len(problems) == 1
    assert problems[0].startswith(".copier-answers.zk_pem.yml: zk/pem and tech/pem cannot both be")


def test_modules_compare_by_domain_then_name() -> None:
    assert sorted([Module("tech", "a"), Module("biz", "z")]) == [Module("biz", "z"), Module("tech", "a")]
