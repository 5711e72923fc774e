"""Calls, decorators, settings and columns are changed where it is known what they belong to, and named elsewhere."""

from textwrap import dedent

import pytest

from gold_slice.codemods import (
    AddedArgument,
    ChangedDecorator,
    Codemod,
    RenamedAttribute,
    RenamedColumn,
    RenamedParameter,
    RenamedSetting,
)
from gold_slice.testing import check_codemod

SETTING = RenamedSetting("REDIS_URL", "HIGHWAY_URL")
COLUMN = RenamedColumn("src.backend.cc.models.Note", "text", "body", is_common=True)

CASES: dict[str, tuple[Codemod, str, str, list[int]]] = {
    "a decorator that is called as a function, too": (
        ChangedDecorator("src.a.open", 'src.a.allow("read")'),
        """
        from src.a import open

        @open
        def f() -> None: ...

        OTHER = open(f)
        """,
        """
        from src.a import allow, open

        @allow("read")
        def f() -> None: ...

        OTHER = open(f)
        """,
        [6],
    ),
    "a parameter of a class and of those that inherit from it": (
        RenamedParameter("src.a.Row", "x", "y"),
        """
        from src.a import Row

        class Own(Row):
            def __init__(self) -> None:
                super().__init__(x=1)

        class Plain(Row): ...

        Own(x=1); Plain(x=1); Row(x=1)
        """,
        """
        from src.a import Row

        class Own(Row):
            def __init__(self) -> None:
                super().__init__(y=1)

        class Plain(Row): ...

        Own(x=1); Plain(y=1); Row(y=1)
        """,
        [],
    ),
    "a parameter": (
        RenamedParameter("src.a.f", "x", "y"),
        """
        from functools import partial
        from src.a import f

        f(x=1); f(1, **packed); partial(f, x=2); g(x=3); f(y=1)
        """,
        """
        from functools import partial
        from src.a import f

        f(y=1); f(1, **packed); partial(f, y=2); g(x=3); f(y=1)
        """,
        [4],
    ),
    "an argument more": (
        AddedArgument("src.a.f", "retry", "None"),
        """
        from src.a import f

        f(); f(1, a=2); f(*given); f(1, retry=3)
        f(
            1,
            a=2,  # two
        )
        f(
            1
        )
        """,
        """
        from src.a import f

        f(retry=None); f(1, a=2, retry=None); f(*given); f(1, retry=3)
        f(
            1,
            a=2,  # two
            retry=None,
        )
        f(
            1, retry=None
        )
        """,
        [3],
    ),
    "a decorator": (
        ChangedDecorator("src.a.safe", 'src.b.allow("read")'),
        """
        from src.a import safe

        @safe
        def first(): ...

        @safe()
        def second(): ...

        @safe(1)
        def third(): ...

        @other
        def fourth(): ...
        """,
        """
        from src.a import safe
        from src.b import allow

        @allow("read")
        def first(): ...

        @allow("read")
        def second(): ...

        @safe(1)
        def third(): ...

        @other
        def fourth(): ...
        """,
        [10],
    ),
    "a decorator that nothing uses any more": (
        ChangedDecorator("src.a.safe", "src.b.guarded"),
        "from src.a import safe\n\n@safe\ndef first(): ...\n",
        "from src.b import guarded\n\n@guarded\ndef first(): ...\n",
        [],
    ),
    "a setting": (
        SETTING,
        """
        import os
        from dataclasses import replace
        from src.common.config import Settings, settings_or_exit

        async def f(a: Settings, b: "Settings | None", c: str, d, e: list[Settings]):
            a.redis_url, b.redis_url, c.redis_url
            d.redis_url
            made = settings_or_exit()
            made.redis_url, Settings(redis_url="x").redis_url, (await later()).redis_url
            getattr(a, "redis_url"), a.model_copy(update={"redis_url": 1}), replace(a, redis_url=1)
            os.environ["REDIS_URL"], "redis_url"

        class A:
            kept: Settings

            def __init__(self, given: Settings): self.given = given

            def g(self): return self.given.redis_url, self.kept.redis_url
        """,
        """
        import os
        from dataclasses import replace
        from src.common.config import Settings, settings_or_exit

        async def f(a: Settings, b: "Settings | None", c: str, d, e: list[Settings]):
            a.highway_url, b.highway_url, c.redis_url
            d.redis_url
            made = settings_or_exit()
            made.highway_url, Settings(highway_url="x").highway_url, (await later()).redis_url
            getattr(a, "highway_url"), a.model_copy(update={"highway_url": 1}), replace(a, highway_url=1)
            os.environ["HIGHWAY_URL"], "redis_url"

        class A:
            kept: Settings

            def __init__(self, given: Settings): self.given = given

            def g(self): return self.given.highway_url, self.kept.highway_url
        """,
        [7, 9],
    ),
    "a column": (
        COLUMN,
        """
        from sqlalchemy import insert, select
        from src.backend.cc.models import Note

        async def f(note: Note, response, notes):
            select(Note.text).where(Note.text == response.text).filter_by(text=1)
            insert(Note).values(text=note.text), Note(text="x"), insert(Other).values(text=1)
            with Note() as opened: opened.text
            if (found := Note()): found.text
            for each in notes: each.text
        """,
        """
        from sqlalchemy import insert, select
        from src.backend.cc.models import Note

        async def f(note: Note, response, notes):
            select(Note.body).where(Note.body == response.text).filter_by(body=1)
            insert(Note).values(body=note.body), Note(body="x"), insert(Other).values(text=1)
            with Note() as opened: opened.body
            if (found := Note()): found.body
            for each in notes: each.text
        """,
        [5, 9],
    ),
    "a field of a class": (
        RenamedAttribute("src.a.Box", "size", "width", known_as=("src.a.BoxOfRequest",)),
        """
        from typing import Annotated
        from src.a import Box, BoxOfRequest

        def f(a: Annotated[Box, 1], b: BoxOfRequest, c: dict[str, Box]): return a.size, b.size, c.size
        """,
        """
        from typing import Annotated
        from src.a import Box, BoxOfRequest

        def f(a: Annotated[Box, 1], b: BoxOfRequest, c: dict[str, Box]): return a.width, b.width, c.size
        """,
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_changed(name: str) -> None:
    codemod, before, after, lines = CASES[name]
    before, after = (dedent(text).removeprefix("\n") for text in (before, after))

    places = check_codemod(codemod, before=before, after=after)

    assert [int(place.split(":")[1]) for place in places] == lines


def test_a_common_name_is_not_looked_for_in_files_without_its_class() -> None:
    text = "def f(response):\n    return response.text\n"

    assert check_codemod(COLUMN, before=text, after=text) == []
