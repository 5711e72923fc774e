"""A memo of compiled texts changes no render, and is used only where Copier needs no trust beside it."""

from pathlib import Path

import pytest
from copier import run_copy

from gold_slice.jinja_memo import add_memo
from gold_slice.render import files_in

YIELD = "{% yield each from ['one', 'two'] %}{{ each }}{% endyield %}"

NAMES = ["one/a.txt", "one/b.txt", "same/a.txt", "same/me.txt", "two/a.txt", "two/b.txt"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A template with a folder for each of two names, files beside it, and an extension that counts on each text."""
    for name in (f"{YIELD}/a.txt", f"{YIELD}/b.txt", "same/a.txt", "same/{{ who }}.txt"):
        path = tmp_path / "small/template" / f"{name}.jinja"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{{ who }}\n")
    (tmp_path / "small/copier.yml").write_text("_subdirectory: template\nwho: {type: str, default: me}\n")
    return tmp_path / "small"


def test_a_render_with_it_is_the_same(small: Path, tmp_path: Path) -> None:
    run_copy(str(small), tmp_path / "without", defaults=True, quiet=True)

    assert add_memo(small / "copier.yml")
    run_copy(str(small), tmp_path / "with", defaults=True, quiet=True, unsafe=True)

    assert files_in(tmp_path / "with") == files_in(tmp_path / "without")
    assert files_in(tmp_path / "with") == [
        "one/a.txt",
        "one/b.txt",
        "same/a.txt",
        "same/me.txt",
        "two/a.txt",
        "two/b.txt",
    ]
    assert all((tmp_path / "with" / name).read_text() == "me\n" for name in files_in(tmp_path / "with"))


@pytest.mark.parametrize(
    "more",
    [
        "_jinja_extensions: [theirs.Extension]\n",
        "_external_data: {other: ../secret.yml}\n",
        '"\\x5fexternal_data": {other: ../secret.yml}\n',
        "---\n_external_data: {other: ../secret.yml}\n",
        "---\n- _external_data: {other: ../secret.yml}\n",
        "---\n!include other.yml\n",
        ": [",
    ],
)
def test_a_template_that_needs_trust_is_left_as_it_is(small: Path, more: str) -> None:
    config = small / "copier.yml"
    config.write_text(text := config.read_text() + more)

    assert not add_memo(config)

    assert config.read_text() == text
