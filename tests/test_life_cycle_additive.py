"""What registering modules does to a host file: it adds the entries, and changes nothing else that Python could see."""

import ast
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gold_slice.answers import Module
from gold_slice.host_lists import HostList, host_lists
from gold_slice.list_literal import add_entries

HOST_LISTS = host_lists()
MODULES = st.lists(
    st.builds(Module, st.sampled_from(["biz", "tech", "zk2"]), st.from_regex(r"[a-z][a-z0-9]{0,4}", fullmatch=True)),
    unique_by=lambda module: module.name,
    max_size=6,
)
LINES_OF_USER = st.sampled_from(
    ["", "X = 1\n", "# a comment of mine\n", "import json\n", '"""Mine."""\n', "SLICES_OF_MINE = []\n"]
)
ENDS = st.sampled_from(["\n", "\r\n"])


def others(source: bytes, name: str, entries: set[str]) -> str:
    """Return the syntax tree of a file without those entries of its list."""
    tree = ast.parse(source)
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", "") == name:
            assert isinstance(statement.value, ast.List)
            statement.value.elts = [
                item for item in statement.value.elts if not (isinstance(item, ast.Constant) and item.value in entries)
            ]
    return ast.dump(tree)


def registered(source: bytes, listing: HostList, *modules: Module) -> bytes:
    return add_entries(source, name=listing.name, entries=listing.entries_of(modules))


@pytest.fixture(scope="module")
def hosts(pristine: Path) -> dict[str, str]:
    """The host files of a fresh project, with the entries of cc."""
    return {listing.file: (pristine / listing.file).read_text() for listing in HOST_LISTS}


@settings(max_examples=40, deadline=None)
@given(modules=MODULES, above=LINES_OF_USER, below=LINES_OF_USER, end=ENDS)
def test_a_host_file_differs_by_the_entries_alone(
    hosts: dict[str, str], *, modules: list[Module], above: str, below: str, end: str
) -> None:
    for listing in HOST_LISTS:
        text = hosts[listing.file].replace(f"{listing.name}: list", f"{above}{listing.name}: list")
        before = text.replace("]\n#", f"]\n{below}#").replace("\n", end).encode()
        added = {entry for entry in listing.entries_of(modules) if f'"{entry}"'.encode() not in before}

        after = registered(before, listing, *modules)

        assert others(after, listing.name, added) == others(before, listing.name, set())
        assert all(after.count(f'"{entry}"'.encode()) == 1 for entry in added)
        assert registered(after, listing, *modules) == after


@settings(max_examples=8, deadline=None)
@given(modules=MODULES, order=st.randoms(use_true_random=False))
def test_any_order_of_modules_leads_to_the_same_bytes(
    hosts: dict[str, str], *, modules: list[Module], order: Random
) -> None:
    for listing in HOST_LISTS:
        before = one_by_one = hosts[listing.file].encode()
        for module in order.sample(modules, len(modules)):
            one_by_one = registered(one_by_one, listing, module)

        assert one_by_one == registered(before, listing, *modules)
