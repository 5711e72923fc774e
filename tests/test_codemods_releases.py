"""The codemods of this repository's releases do what a codemod must, and fit the files of the release."""

import pytest

from gold_slice.codemods import Codemod, Removed, Renamed, Source
from gold_slice.codemods.codemod import belongs_to_modules, for_modules
from gold_slice.codemods.run import Migration, codemods_of
from gold_slice.testing import check_codemod, check_codemods
from render import ROOT


def all_codemods(*modules: str) -> list[Codemod]:
    files = sorted((ROOT / "gold_slice/codemods").glob("v[0-9]*.py"))
    found = [each for file in files for each in codemods_of(ROOT, file.stem.replace("_", "."))]
    return [one for each in found for one in (for_modules(each, modules) if belongs_to_modules(each) else [each])]


def test_no_file_of_the_reference_has_what_is_replaced() -> None:
    assert check_codemods(all_codemods("cc"), ROOT / "instances/tech_cc") == []


def test_names_that_are_new_are_in_the_reference() -> None:
    for codemod in all_codemods("cc"):
        if isinstance(codemod, Renamed):
            module, _, name = codemod.new.rpartition(".")
            home = ROOT / "instances/tech_cc" / module.replace(".", "/")
            is_module = (home / f"{name}.py").exists() or (home / name / "__init__.py").exists()
            assert is_module or f" {name}" in home.with_suffix(".py").read_text(), codemod


def test_a_codemod_of_modules_is_there_for_each() -> None:
    old = "src.backend.{module}.services.health.get_system_health"
    names = [each.old for each in all_codemods("cc", "crm") if isinstance(each, Renamed)]

    assert [old.replace("{module}", name) in names for name in ("cc", "crm", "{module}")] == [True, True, False]


def test_a_name_that_a_file_passes_on_is_renamed_for_those_who_import_it_there() -> None:
    files = {
        "src/l1/record.py": "new = 1\n",
        "src/held.py": "from src.l1.record import new\n\nprint(new)\n",
        "src/ours.py": "from src.l1.record import old\n\nprint(old)\n",
        "src/other.py": "from src.ours import old as it\n\nprint(it)\n",
        "tests/test_ours.py": 'def test(m) -> None:\n    m.set("src.held.old", 1)\n    m.set("src.ours.old", 1)\n',
        "src/broken.py": "from src.l1.record import old\nold(\n",
    }
    migration = Migration({path: Source(path, text.encode()) for path, text in files.items()})

    migration.apply([Renamed("src.l1.record.old", "src.l1.record.new")], release="v1.0.0")

    assert migration.sources["src/other.py"].code == b"from src.ours import new as it\n\nprint(it)\n"
    assert b'"src.held.new", 1' in migration.sources["tests/test_ours.py"].code
    assert b'"src.ours.new", 1' in migration.sources["tests/test_ours.py"].code
    assert sorted(migration.reasons) == ["src/other.py", "src/ours.py", "tests/test_ours.py"]
    (place,) = map(str, migration.told())
    assert place.startswith("src/broken.py:2: the file is not valid Python, and was not changed: v1.0.0: ")
    assert place.endswith(": src.l1.record.old is src.l1.record.new")


@pytest.mark.parametrize("word", ["session", "Settings", "log", "nowhere"])
def test_what_is_left_out_of_a_file_comes_back_byte_for_byte(word: str) -> None:
    left_out = 0
    for path in sorted((ROOT / "instances/tech_cc/src").rglob("*.py")):
        for code in (path.read_bytes(), path.read_bytes().replace(b"    ", b"\t").replace(b"\n", b"\r\n")):
            source = Source(path.name, code).about(word)
            left_out += len(source.left_out)
            assert source.edited({}) == code
            assert source.wrapper.module.bytes == source.code
    assert left_out > 0


def test_places_have_the_line_of_the_whole_file() -> None:
    code = "def f() -> int:\n    return 1\n\n\ndef g() -> int:\n    return 2\n\n\nsrc.a.b()\nimport src.a\n"

    assert check_codemod(Removed("src.a.b", "take c"), before=code, after=code) == [
        "src/ours.py:9: src.a.b is gone: take c"
    ]
