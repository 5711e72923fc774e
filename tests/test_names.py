"""The commands of a project and the questions of the template refuse the same names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from yaml import safe_load

from gold_slice.names import name_problems
from render import ROOT
from test_questions import BAD_DOMAINS, BAD_MODULES, GOOD_MODULES

QUESTIONS = safe_load((ROOT / "copier.yml").read_text())
RESERVED = (ROOT / "gold_slice/reserved_names.txt").read_text()
NAME_LIKE = st.from_regex(r"\A[a-zA-Z_0-9-]{0,32}\Z") | st.sampled_from(RESERVED.split()) | st.text(max_size=8)


def refusal(question: str, name: str) -> str:
    """Return what the template's validator says of a name."""
    environment = Environment(extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"])  # noqa: S701  # no HTML
    validator = environment.from_string(QUESTIONS[question]["validator"])
    return validator.render({question: name, "reserved_names": RESERVED})


@pytest.mark.parametrize("module", [*BAD_MODULES, *GOOD_MODULES], ids=ascii)
def test_a_module_is_refused_by_both_or_by_neither(module: str) -> None:
    problems = name_problems(domain="tech", module=module)

    assert bool(problems) == bool(refusal("module", module))
    assert not problems or problems[0][:30] == refusal("module", module)[:30]


@pytest.mark.parametrize("domain", [*BAD_DOMAINS, "tech", "d" * 20], ids=ascii)
def test_a_domain_is_refused_by_both_or_by_neither(domain: str) -> None:
    assert bool(name_problems(domain=domain, module="pem")) == bool(refusal("domain", domain))


@settings(max_examples=300, deadline=None)
@given(name=NAME_LIKE)
def test_they_agree_on_any_name(name: str) -> None:
    assert bool(name_problems(domain="tech", module=name)) == bool(refusal("module", name))
    assert bool(name_problems(domain=name, module="pem")) == bool(refusal("domain", name))


def test_a_long_name_is_not_repeated_whole() -> None:
    assert len(name_problems(domain="tech", module="p" * 300)[0]) < 200
