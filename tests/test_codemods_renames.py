"""A renamed function, class or module is renamed where a project's own code names it, and nowhere else."""

from textwrap import dedent

import pytest

from gold_slice.codemods import Removed, Renamed, Source
from gold_slice.codemods.renames import rename
from gold_slice.testing import check_codemod

METRICS = Renamed("src.common.metrics", "src.common.telemetry.metrics")
SESSION = Renamed("src.db.session.get", "src.db.connection.read_session")
RECORD = Renamed("src.l1.record.old", "src.l1.record.new")
FIND = Renamed("src.backend.cc.crud.find", "src.backend.cc.crud.find_note")
SERVICE = "src/backend/cc/services/ours.py"

CASES: dict[str, tuple[Renamed, str, str, str]] = {
    "a module, imported in every way": (
        METRICS,
        "src/ours.py",
        """
        import src.common.metrics
        import src.common.metrics as m, os  # both
        from src.common.metrics import (
            A,  # first
            B,
        )

        src.common.metrics.foo(m.bar, A, B, os)
        """,
        """
        import src.common.telemetry.metrics
        import src.common.telemetry.metrics as m, os  # both
        from src.common.telemetry.metrics import (
            A,  # first
            B,
        )

        src.common.telemetry.metrics.foo(m.bar, A, B, os)
        """,
    ),
    "a module, imported from its package beside others": (
        METRICS,
        "src/ours.py",
        """
        from src import common
        from src.common import logger, metrics

        metrics.foo(logger, common.metrics.bar)
        """,
        """
        from src import common
        from src.common import logger
        from src.common.telemetry import metrics

        metrics.foo(logger, common.telemetry.metrics.bar)
        """,
    ),
    "a module, imported from another place of a package": (
        METRICS,
        "src/ours.py",
        "from src.common import metrics\n",
        "from src.common.telemetry import metrics\n",
    ),
    "a name that has another value where the import fails": (
        Renamed("src.a.old", "src.a.new"),
        "src/ours.py",
        """
        try:
            from src.a import old
        except ImportError:
            old = None
        print(old)
        """,
        """
        try:
            from src.a import new as old
        except ImportError:
            old = None
        print(old)
        """,
    ),
    "a name that a function gives another value": (
        Renamed("src.a.old", "src.a.new"),
        "src/ours.py",
        """
        from src.a import old

        def forget() -> None:
            global old
            old = None
        """,
        """
        from src.a import new as old

        def forget() -> None:
            global old
            old = None
        """,
    ),
    "a name that a class has as its attribute": (
        Renamed("src.a.old", "src.a.new"),
        "src/ours.py",
        """
        class A:
            from src.a import old

            def run(self) -> None:
                self.old()
        """,
        """
        class A:
            from src.a import new as old

            def run(self) -> None:
                self.old()
        """,
    ),
    "a name whose new form a pattern captures": (
        Renamed("src.a.old", "src.a.new"),
        "src/ours.py",
        """
        from src.a import old

        match old():
            case [new, *rest]:
                old(new, rest)
        """,
        """
        from src.a import new as old

        match old():
            case [new, *rest]:
                old(new, rest)
        """,
    ),
    "a name behind a colon, as servers take it": (
        Renamed("src.a.old", "src.b.new"),
        "src/ours.py",
        'X = ("src.a:old", "src.a.old:run", "src.a:other")\n',
        'X = ("src.b:new", "src.b.new:run", "src.a:other")\n',
    ),
    "a package": (
        Renamed("common", "src.common"),
        "src/ours.py",
        """
        import common, common.errors, os
        import common as c
        from common import errors
        from common.errors import X

        common.errors.Y(errors, X, common.z, c)
        """,
        """
        import src.common, src.common.errors, os
        import src.common as c
        from src.common import errors
        from src.common.errors import X

        src.common.errors.Y(errors, X, src.common.z, c)
        """,
    ),
    "a function that moves keeps its comment, and the others theirs": (
        SESSION,
        "src/ours.py",
        """
        from src.db.session import (
            # what we use
            other,  # another
            get,  # a session
        )

        get(other)
        """,
        """
        from src.db.session import (
            # what we use
            other,  # another
        )
        from src.db.connection import read_session  # a session

        read_session(other)
        """,
    ),
    "a function that moves, reached by its module": (
        SESSION,
        "src/ours.py",
        "import src.db.session\n\nsrc.db.session.get()\n",
        "import src.db.connection\n\nsrc.db.connection.read_session()\n",
    ),
    "a function that moves out of an imported module": (
        Renamed("src.db.session.get", "src.reads.read_session"),
        "src/ours.py",
        "from src.db import session\n\nsession.get()\n",
        "from src.reads import read_session\n\nread_session()\n",
    ),
    "a function that moves, imported inside a function": (
        SESSION,
        "src/ours.py",
        """
        def f() -> object:
            from src.db.session import get as g, z

            return g, z
        """,
        """
        def f() -> object:
            from src.db.session import z
            from src.db.connection import read_session as g

            return g, z
        """,
    ),
    "relative imports stay relative": (
        FIND,
        SERVICE,
        "from .. import crud\nfrom ..crud import find\n\nfind(), crud.find()\n",
        "from .. import crud\nfrom ..crud import find_note\n\nfind_note(), crud.find_note()\n",
    ),
    "an alias stays": (
        RECORD,
        "src/ours.py",
        "from src.l1.record import old as o\n\no(1)\n",
        "from src.l1.record import new as o\n\no(1)\n",
    ),
    "the new name is taken, so the file keeps the old one as an alias": (
        RECORD,
        "src/ours.py",
        "from src.l1.record import old\n\nnew = 1\nold(new)\n",
        "from src.l1.record import new as old\n\nnew = 1\nold(new)\n",
    ),
    "the file exports the old name": (
        RECORD,
        "src/ours.py",
        'from src.l1.record import old\n\n__all__ = ["old"]\n',
        'from src.l1.record import new as old\n\n__all__ = ["old"]\n',
    ),
    "names that only look alike stay": (
        RECORD,
        "src/ours.py",
        """
        from src.l1.record import old

        class A:
            old: int = 1

            def f(self, old: int) -> object:
                return old, self.old, [old for old in range(3)], {"old": 1}

            def g(self) -> object:
                return old()
        """,
        """
        from src.l1.record import new

        class A:
            old: int = 1

            def f(self, old: int) -> object:
                return old, self.old, [old for old in range(3)], {"old": 1}

            def g(self) -> object:
                return new()
        """,
    ),
    "annotations in quotes": (
        RECORD,
        "src/ours.py",
        """
        from typing import Literal
        from src.l1.record import old

        def f(a: 'list[old]', b: Literal['old']) -> "old": ...
        """,
        """
        from typing import Literal
        from src.l1.record import new

        def f(a: 'list[new]', b: Literal['old']) -> "new": ...
        """,
    ),
    "annotations in quotes, with a module before the name": (
        Renamed("src.db.session", "src.db.sessions"),
        "src/ours.py",
        """
        import src.db.session
        from src.db import session

        def f(a: "src.db.session.Get | None", b: "list[session.Get]") -> "src.db.session.Get": ...
        """,
        """
        import src.db.sessions
        from src.db import sessions

        def f(a: "src.db.sessions.Get | None", b: "list[sessions.Get]") -> "src.db.sessions.Get": ...
        """,
    ),
    "strings that are the name, in a test": (
        RECORD,
        "tests/test_ours.py",
        """
        from src.l1 import record

        def test(monkeypatch):
            monkeypatch.setattr("src.l1.record.old", 1)
            monkeypatch.setattr(record, "old", 1)
            assert "the old one" and "src.l1.record.older"
        """,
        """
        from src.l1 import record

        def test(monkeypatch):
            monkeypatch.setattr("src.l1.record.new", 1)
            monkeypatch.setattr(record, "new", 1)
            assert "the old one" and "src.l1.record.older"
        """,
    ),
    "a function of ours in the file that defined it": (
        Renamed("src.health.helper", "src.health.assist"),
        "src/health.py",
        "def assist() -> int: ...\n\n\ndef ours() -> int:\n    return helper()\n",
        "def assist() -> int: ...\n\n\ndef ours() -> int:\n    return assist()\n",
    ),
    "line ends of Windows and a mark of the byte order": (
        RECORD,
        "src/ours.py",
        "\ufefffrom src.l1.record import old\r\n\r\nold()",
        "\ufefffrom src.l1.record import new\r\n\r\nnew()",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rename_reaches(name: str) -> None:
    codemod, path, before, after = CASES[name]
    before, after = (dedent(text).removeprefix("\n") for text in (before, after))

    assert check_codemod(codemod, before=before, after=after, path=path) == []


def test_what_comes_from_a_star_is_named() -> None:
    text = "from src.l1.record import *\n\nold()\n"

    assert check_codemod(RECORD, before=text, after=text) == [
        "src/ours.py:3: old comes from `import *`, and is src.l1.record.new now: write that, and import it by its name"
    ]


def test_a_string_that_is_put_together_is_named() -> None:
    text = 'def f(x: str) -> str:\n    return f"src.l1.record.old.{x}"\n'

    (place,) = check_codemod(RECORD, before=text, after=text)

    assert place.startswith("src/ours.py:2: the string is put together here")


def test_a_file_that_is_not_python_is_named_with_its_line() -> None:
    text = "from src.l1.record import old\nold(\n"
    with pytest.raises(SyntaxError):
        check_codemod(RECORD, before=text, after=text)


def test_what_is_gone_is_named_wherever_it_is_used() -> None:
    text = dedent("""\
        import src.common.light_span
        from src.common import light_span, logger
        from src.common.light_span import LightSpan

        light_span.LightSpan, logger
        "src.common.light_span.Holder"
    """)

    places = check_codemod(Removed("src.common.light_span", "take `span`"), before=text, after=text)

    assert [place.split(": ", 1)[0] for place in places] == [f"src/ours.py:{line}" for line in (1, 2, 3, 6)]
    assert places[0].endswith("src.common.light_span is gone: take `span`")


def test_a_file_carries_the_new_name_to_those_that_import_from_it() -> None:
    source = Source("src/ours.py", b"from src.l1.record import old\n")

    assert rename(source, {RECORD.old: RECORD.new}).carried == {"src.ours.old": "src.ours.new"}
