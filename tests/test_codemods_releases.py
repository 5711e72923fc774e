"""The codemods of this repository's releases do what a codemod must, and fit the files of the release."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from gold_slice.codemods import (
    Change,
    Codemod,
    Removed,
    Renamed,
    RenamedAttribute,
    RenamedColumn,
    RenamedParameter,
    RenamedSetting,
    Source,
)
from gold_slice.codemods.codemod import belongs_to_modules, for_modules
from gold_slice.codemods.mentions import mentions
from gold_slice.codemods.notebooks import notebook_places
from gold_slice.codemods.run import Migration, codemods_of
from gold_slice.report import RefusalError
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


def applied(files: dict[str, str], *releases: Sequence[Codemod]) -> Migration:
    migration = Migration({path: Source(path, text.encode()) for path, text in files.items()})
    for number, codemods in enumerate(releases, start=1):
        migration.apply(codemods, release=f"v{number}.0.0")
    return migration


RENAMES = [Renamed("src.a.old", "src.a.later")]
MOVES = [Renamed("src.a", "src.b.a"), Renamed("src.a.later", "src.b.a.new")]


def test_a_function_is_renamed_by_one_release_and_moved_by_the_next() -> None:
    code = 'from src import a\n\na.old()\nsetattr(a, "old", 1)\nX = "src.a:old"\n'

    migration = applied({"src/ours.py": code}, RENAMES, MOVES)

    assert migration.sources["src/ours.py"].code.decode() == (
        'from src.b import a\n\na.new()\nsetattr(a, "new", 1)\nX = "src.b.a:new"\n'
    )
    assert migration.told() == []


def test_places_have_line_and_names_of_the_last_release() -> None:
    files = {
        "src/ours.py": "from src.a import *\nimport src.c\n\nsrc.c.gone()\nold()\n",
        "src/more.py": "import src.a as m\nimport src.c\n\nm.c()\nsrc.c.gone()\n",
    }
    removed = Removed("src.c.gone", "take src.a.later")

    migration = applied(
        files, [*RENAMES, removed], MOVES, [Renamed("src.a.c", "src.x.y"), Renamed("src.b.a.c", "src.x.y")]
    )

    lines = [migration.sources[each.path].code.splitlines()[each.line - 1] for each in migration.told()]
    assert lines == [b"src.c.gone()", b"src.c.gone()", b"old()"]
    assert migration.told()[-1].what == (
        "old comes from `import *`, and is src.b.a.new now: write that, and import it by its name"
    )


OWN = """from __future__ import annotations

from dataclasses import dataclass

from gold_slice.codemods import Change, Source


@dataclass(frozen=True, slots=True)
class Appended:
    name: str

    @property
    def why(self) -> str:
        return f"{self.name} has more"

    def concerns(self, source: Source) -> bool:
        return b"# more" not in source.code

    def change(self, source: Source) -> Change:
        return Change(source.code + b"# more\\n")


CODEMODS = [Appended("{module}")]
"""


@dataclass(frozen=True)
class Faulty:
    """A codemod that fails in a drawn way."""

    way: str
    why: str = "a fault"

    def concerns(self, _source: Source) -> bool:
        if self.way == "concerns":
            raise RuntimeError(self.way)
        return True

    def change(self, source: Source) -> Change:
        if self.way == "exit":
            sys.exit(0)
        returned: dict[str, Change] = {
            "nothing": None,  # type: ignore[dict-item]
            "text": Change("x = 1\n"),  # type: ignore[arg-type]  # a fault of the codemod
            "places": Change(source.code, ["src/ours.py:1"]),  # type: ignore[list-item]
        }
        return returned.get(self.way, Change(source.code + b"def ("))


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("concerns", "RuntimeError"),
        ("exit", "SystemExit"),
        ("nothing", "TypeError"),
        ("text", "TypeError"),
        ("places", "TypeError"),
        ("", "SyntaxError"),
    ],
)
def test_a_codemod_that_fails_is_named_and_the_others_apply(way: str, kind: str) -> None:
    migration = applied({"src/ours.py": "from src.a import old\n"}, [Faulty(way), *RENAMES])

    assert migration.sources["src/ours.py"].code == b"from src.a import later\n"
    (place,) = map(str, migration.told())
    assert place.startswith(f"src/ours.py:1: the codemod failed here, and changed nothing ({kind}: ")
    assert place.endswith("v1.0.0: a fault")


NOTEBOOK = """{
 "cells": [
  {"cell_type": "markdown", "source": ["src.a.old"]},
  {"cell_type": "code", "source": [
    "%matplotlib inline\\n",
    "from src import a\\n",
    "print(\\"é\\", a.old())"
  ]},
  {"cell_type": "code", "source": "x = 1"}
 ]
}
"""


def test_a_line_of_a_notebook_that_uses_an_old_name_is_named() -> None:
    codemods: list[tuple[str, Sequence[Codemod]]] = [
        ("v1.0.0", RENAMES),
        ("v2.0.0", [RenamedParameter("src.a.f", "x", "y")]),
    ]

    (place,) = notebook_places("ours.ipynb", NOTEBOOK.encode(), codemods)

    assert str(place) == "ours.ipynb:7: v1.0.0: src.a.old is src.a.later. Codemods change only code: correct it here"


@pytest.mark.parametrize("text", ["", "[1]", '{"cells": 1}', '{"cells": [{"cell_type": "code"}]}', NOTEBOOK[:-9]])
def test_a_file_that_is_no_notebook_has_no_code(text: str) -> None:
    assert [*notebook_places("ours.ipynb", text.encode(), [("v1.0.0", RENAMES)])] == []


class Silent:
    """A codemod that fails to tell its reason."""

    @property
    def why(self) -> str:
        raise ValueError("no reason")

    def concerns(self, _source: Source) -> bool:
        return True

    def change(self, source: Source) -> Change:
        return Change(source.code)


def test_a_codemod_that_cannot_tell_its_reason_is_named_by_its_class() -> None:
    (place,) = map(str, applied({"src/ours.py": "x = 1\n"}, [Silent()]).told())

    assert place.endswith("(ValueError: no reason): v1.0.0: Silent")


HEIRS = {
    "src/ours.py": (
        "from src.a import Tracked\n\n\nclass Order(Tracked):\n    pass\n\n\n"
        "def f(order: Order) -> None:\n    print(order.made, Order.made)\n"
    ),
    "src/more.py": (
        "from src.ours import Order\n\n\nclass Late(Order):\n    pass\n\n\n"
        "def f(order: Order, late: Late, other: int) -> None:\n"
        "    print(order.made, late.made, Late(made=1), other.made)\n"
    ),
}


@pytest.mark.parametrize("kind", [RenamedAttribute, RenamedColumn])
def test_an_attribute_is_renamed_for_the_classes_that_inherit_it(
    kind: type[RenamedAttribute | RenamedColumn],
) -> None:
    migration = applied(HEIRS, [kind("src.a.Tracked", "made", "created")])

    assert b"print(order.created, Order.created)" in migration.sources["src/ours.py"].code
    assert b"print(order.created, late.created, Late(created=1), other.made)" in migration.sources["src/more.py"].code
    assert migration.told() == []


@pytest.mark.parametrize("line", ["made: int = 3", "made = 3", "def made(self) -> None: ..."])
def test_what_an_heir_defines_under_the_old_name_is_named(line: str) -> None:
    code = f"from src.a import Tracked\n\n\nclass Order(Tracked):\n    {line}\n"

    migration = applied({"src/ours.py": code}, [RenamedAttribute("src.a.Tracked", "made", "created")])

    (place,) = map(str, migration.told())
    assert place == "src/ours.py:5: made of src.a.Tracked is created now: name it so here, too"
    assert migration.sources["src/ours.py"].code.decode() == code


def test_a_setting_is_renamed_for_the_classes_that_inherit_it() -> None:
    code = (
        "from src.common.config import Settings\n\n\nclass Mine(Settings):\n    more: int = 1\n\n\n"
        "def f(mine: Mine) -> int:\n    return mine.audit_days\n"
    )

    migration = applied({"src/ours.py": code}, [RenamedSetting("AUDIT_DAYS", "TRAIL_DAYS")])

    assert b"return mine.trail_days" in migration.sources["src/ours.py"].code


def test_files_that_are_spared_stay_and_their_classes_are_known() -> None:
    files = {"src/a.py": "class Row:\n    made = 1\n\n\nclass Entry(Row):\n    pass\n"} | {
        "src/ours.py": "from src.a import Entry\n\n\ndef f(entry: Entry) -> None:\n    print(entry.made)\n"
    }
    migration = Migration({path: Source(path, text.encode()) for path, text in files.items()})

    migration.apply([RenamedAttribute("src.a.Row", "made", "created")], release="v1.0.0", spared={"src/a.py"})

    assert migration.sources["src/a.py"].code.decode() == files["src/a.py"]
    assert b"print(entry.created)" in migration.sources["src/ours.py"].code


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import sys\n\nsys.exit(0)\n", "it ends the command"),
        ("from .others import IT\n", "attempted relative import"),
        ("CODEMODS = None\n", "not iterable"),
    ],
)
def test_a_file_of_codemods_that_cannot_be_used_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "gold_slice/codemods").mkdir(parents=True)
    (tmp_path / "gold_slice/codemods/v1_0_0.py").write_text(text)

    with pytest.raises(RefusalError) as refused:
        codemods_of(tmp_path, "v1.0.0")

    assert sentence in str(refused.value.problems)


def test_a_codemod_of_a_templates_own_may_have_annotations_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "gold_slice/codemods").mkdir(parents=True)
    (tmp_path / "gold_slice/codemods/v1_0_0.py").write_text(OWN)

    (codemod,) = codemods_of(tmp_path, "v1.0.0")
    migration = applied({"src/ours.py": "x = 1\n"}, for_modules(codemod, ["audit"]))

    assert migration.reasons == {"src/ours.py": ["v1.0.0: audit has more"]}


@pytest.mark.parametrize(
    ("path", "text", "lines"),
    [
        ("pyproject.toml", 'x = 1\nmodule = "src.a.old"\n', [2]),
        ("pyproject.toml", 'module = "src.a.older"\nother = "my.src.a.old"\nold = 1\n', []),
        ("ours.ipynb", '{"source": ["from src.a import it, old\\n"]}\n', [1]),
        ("page.py.jinja", "{{ x }}\nfrom src.a import old\nfrom src.a import old\n", [2]),
        ("deploy.yml", "env:\n  REDIS_URL: x\n", [2]),
        ("deploy.yml", "run: uvicorn src.a:old --reload\nother: src.a:older\n", [1]),
        ("large.ipynb", '{"source": "from src.a import old"}\n' + "x" * 2_000_000, [1]),
        ("ruff.toml", '"src/gone/it.py" = ["S101"]\n', [1]),
        ("src/ours.py", '"""Ours.\n\n>>> from src.a import old\n"""\n# src.a.old\nX = "src.a.old"\n', [3]),
        ("src/ours.py", 'X = "REDIS_URL=x"\nY = "REDIS_URL"\n', [1]),
        ("src/broken.py", '"""from src.a import old"""\ndef (\n', []),
        ("picture.png", "src.a.old\0", []),
    ],
)
def test_what_no_codemod_changes_is_named_where_it_has_an_old_name(path: str, text: str, lines: list[int]) -> None:
    codemods: list[Codemod] = [*RENAMES, RenamedSetting("REDIS_URL", "HIGHWAY_URL"), Removed("src.gone.it", "drop it")]

    found = [*mentions(path, text.encode(), [("v1.0.0", codemods)])]

    assert [place.line for place in found] == lines
    assert [*mentions(path, text.encode(), [("v1.0.0", codemods)], known=range(10))] == []
