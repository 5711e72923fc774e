"""What users do to a project, each edit with a trace by which it can be found again after an update."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from living.releases import (
    FUNCTION_RENAMES,
    HOST_DROPS,
    HOST_MOVES,
    LIST_MOVES,
    MODULE_DROPS,
    MODULE_MOVES,
    MODULE_RENAME,
    SERVICE_RENAME,
)

HOST_FILES = ("src/**/*.py", "tests/**/*.py", "scripts/**/*.py", "alembic/**/*.py", "*.md", "docs/*.md")
RENAMED = (MODULE_RENAME, FUNCTION_RENAMES, tuple(name.format(module="cc") for name in SERVICE_RENAME))
FUNCTION = re.compile(r"\n(?:async )?def (\w+)\(")


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done to which file, and whether a project still shows it.

    `path` is where the file was; a project where it was renamed, or a release moves it, may show the trace elsewhere.
    """

    kind: str
    path: str
    is_there: Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Desk:
    """A project, and the draw of what is done to it; a file is edited once."""

    project: Path
    draw: Random
    taken: set[str]

    def choose(self, *patterns: str, having: str = "") -> str:
        """Return a file of the patterns that holds a text and was not chosen before."""
        names = sorted(
            {path.relative_to(self.project).as_posix() for each in patterns for path in self.project.glob(each)}
        )
        fit = [name for name in names if name not in self.taken and re.search(having, self.read(name))]
        chosen = self.draw.choice(fit)
        self.taken.add(chosen)
        return chosen

    def mark(self) -> str:
        """Return a text that is nowhere else."""
        return f"mine-{self.draw.getrandbits(48):012x}"

    def read(self, name: str) -> str:
        """Return a file's text, its line ends as they are."""
        return (self.project / name).read_bytes().decode()

    def write(self, name: str, text: str) -> None:
        """Write a file, its line ends as they are."""
        (self.project / name).parent.mkdir(parents=True, exist_ok=True)
        (self.project / name).write_bytes(text.encode())


def edit_function(desk: Desk) -> Edit:
    """Put a line into a function."""
    return _edit_in_places(desk, "an edited function", 1)


def edit_two_places(desk: Desk) -> Edit:
    """Put lines into two places of a file."""
    return _edit_in_places(desk, "edits in two places", 2)


def edit_three_places(desk: Desk) -> Edit:
    """Put lines into three places of a file."""
    return _edit_in_places(desk, "edits in three places", 3)


def replace_a_line(desk: Desk) -> Edit:
    """Write a line anew, whose old form must not come back."""
    name = desk.choose("src/**/*.py", "scripts/**/*.py", having=r"(?m)^    return \w")
    before = desk.read(name)
    old = desk.draw.choice(re.findall(r"(?m)^    return \w.*$", before))
    new = f"    return {old.removeprefix('    return ')}  # {desk.mark()}"
    desk.write(name, before.replace(f"{old}\n", f"{new}\n", 1))
    left = before.count(f"{old}\n") - 1

    def is_there(project: Path) -> bool:
        text = _text(project, _present(project, name))
        return text.count(new) == 1 and text.count(f"{old}\n") == left

    return Edit("a line written anew", name, is_there)


def add_file(desk: Desk) -> Edit:
    """Add a file of one's own, in a folder of the template's; sometimes where a release will add one too."""
    folder = str(Path(desk.choose("src/**/*.py", "tests/**/*.py", "docs/*.md")).parent)
    name = desk.draw.choice([f"{folder}/{desk.mark()}.py", HOST_MOVES[1], "src/backend/cc/limits.py"])
    if (desk.project / name).exists() or name in desk.taken:
        name = f"{folder}/{desk.mark()}.py"
    desk.taken.add(name)
    text = f"# {desk.mark()}\nX = 1\n"
    desk.write(name, text)
    return Edit("a new file", name, lambda project: _text(project, name) == text)


def delete_file(desk: Desk) -> Edit:
    """Delete a file of the template's."""
    name = desk.choose("src/**/routers/*.py", "tests/**/test_*.py", "docs/*.md")
    (desk.project / name).unlink()
    gone = {name, _new_name(name)}
    return Edit("a deleted file", name, lambda project: not any((project / each).exists() for each in gone))


def rename_file(desk: Desk) -> Edit:
    """Give a file another name, and a line more."""
    name = desk.choose("src/**/services/*.py", "tests/**/test_*.py", "src/common/*.py", having=FUNCTION.pattern)
    mark = desk.mark()
    new = str(Path(name).with_name(f"{mark.replace('-', '_')}.py"))
    text = desk.read(name)
    (desk.project / name).unlink()
    desk.write(new, _marked(desk, text, [mark]))

    def is_there(project: Path) -> bool:
        return (
            mark in _text(project, new) and not (project / name).exists() and not (project / _new_name(name)).exists()
        )

    return Edit("a renamed file", name, is_there)


def move_block(desk: Desk) -> Edit:
    """Move a function to the end of its file."""
    name = desk.choose("src/**/*.py", having=rf"{FUNCTION.pattern}[\s\S]*{FUNCTION.pattern}")
    text = desk.read(name)
    first, second = list(FUNCTION.finditer(text))[:2]
    mark = desk.mark()
    start, end = first.start() + 1, text.rindex("\n\n\n", 0, second.start() + 1) + 3
    block = text[start:end].rstrip("\n")
    desk.write(name, f"{text[:start]}{text[end:]}\n\n{block}\n    # {mark}\n")
    head, after = first.group(), second.group()

    def is_there(project: Path) -> bool:
        found = _text(project, _present(project, name))
        return found.count(head) == 1 and found.find(after) < found.find(head) < found.find(mark)

    return Edit("a moved block", name, is_there)


def end_lines_as_windows(desk: Desk) -> Edit:
    """Save a file with CRLF, and with a line of one's own."""
    name = desk.choose("src/**/*.py", "docs/*.md", "README.md", "alembic/env.py", having="\n")
    mark = desk.mark()
    desk.write(name, _marked(desk, desk.read(name), [mark]).replace("\n", "\r\n"))

    def is_there(project: Path) -> bool:
        text = _text(project, _present(project, name))
        return mark in text and text.count("\n") == text.count("\r\n")

    return Edit("line ends of Windows", name, is_there)


def edit_what_will_go(desk: Desk) -> Edit | None:
    """Put a line into a file that a later release drops."""
    names = [HOST_DROPS, *(MODULE_DROPS.replace("{{ module }}", name) for name in ("cc", "crm", "order_desk"))]
    names = [name for name in names if (desk.project / name).exists() and name not in desk.taken]
    return _edit_in_places(desk, "an edit in a file that is dropped", 1, *names) if names else None


def add_dependency(desk: Desk) -> Edit | None:
    """Depend on one package more."""
    name, mark = "pyproject.toml", desk.mark()
    if name in desk.taken:
        return None
    desk.taken.add(name)
    line = desk.draw.choice(re.findall(r'(?m)^    "[a-z].*",$', desk.read(name).split("[dependency-groups]")[0]))
    desk.write(name, desk.read(name).replace(line, f'{line}\n    "{mark}>=1",', 1))
    return Edit("a new dependency", name, lambda project: f'\n    "{mark}>=1",\n' in _text(project, name))


def add_entry(desk: Desk) -> Edit | None:
    """Put an entry of one's own into the list of labels, in a line of its own."""
    name, mark = "src/graph/registry.py", desk.mark()
    if name in desk.taken or not (desk.project / name).exists():
        return None
    desk.taken.add(name)
    desk.write(name, re.sub(r"(MODULE_LABELS: list\[str\] = \[)", rf'\1\n    "{mark}",', desk.read(name), count=1))
    return Edit(
        "an entry in a list", name, lambda project: _text(project, _present(project, name)).count(f'"{mark}"') == 1
    )


def use_what_will_be_renamed(desk: Desk) -> Edit | None:
    """Add a file that uses what releases rename, in a drawn form."""
    names = desk.draw.choice(RENAMED)
    if (now := _name_now(desk.project, names)) is None:
        return None
    home, _, last = now.rpartition(".")
    mark = desk.mark()
    name = f"{Path(desk.choose('src/**/*.py', 'tests/**/*.py')).parent}/{mark.replace('-', '_')}.py"
    third = f"import {now} as it\n\nX = it" if names == MODULE_RENAME else f'X = "{now}"'
    forms = (f"from {home} import {last}\n\nX = {last}", f"import {home}\n\nX = {now}", third)
    desk.write(name, f"{desk.draw.choice(forms)}  # {mark}\n")

    def is_there(project: Path) -> bool:
        text, present = _text(project, name), _name_now(project, names) or ""
        old = [each.rpartition(".")[2] for each in names if each != present]
        return mark in text and present in text.replace(" import ", ".") and not any(each in text for each in old)

    return Edit("a use of what is renamed", name, is_there)


def use_it_in_a_file_of_the_template(desk: Desk) -> Edit | None:
    """Use a function that releases rename at the end of a file of the template's."""
    if (now := _name_now(desk.project, FUNCTION_RENAMES)) is None:
        return None
    name, mark = desk.choose("src/**/services/*.py", "src/**/routers/*.py", "tests/**/test_*.py"), desk.mark()
    home, _, last = now.rpartition(".")
    text = f"def of_ours() -> object:\n    from {home} import {last}\n\n    return {last}  # {mark}\n"
    desk.write(name, f"{desk.read(name)}\n\n{text}")

    def is_there(project: Path) -> bool:
        last = (_name_now(project, FUNCTION_RENAMES) or "").rpartition(".")[2]
        return f"import {last}\n\n    return {last}  # {mark}" in _text(project, _present(project, name))

    return Edit("a use in a file of the template", name, is_there)


KINDS: tuple[Callable[[Desk], Edit | None], ...] = (
    edit_function,
    edit_two_places,
    edit_three_places,
    replace_a_line,
    add_file,
    delete_file,
    rename_file,
    move_block,
    end_lines_as_windows,
    edit_what_will_go,
    add_dependency,
    add_entry,
    use_what_will_be_renamed,
    use_it_in_a_file_of_the_template,
)


def _edit_in_places(desk: Desk, kind: str, places: int, *patterns: str) -> Edit:
    name = desk.choose(*(patterns or HOST_FILES), having="(?:.*\n){3}")
    marks = [desk.mark() for _ in range(places)]
    desk.write(name, _marked(desk, desk.read(name), marks))
    names = (name, _new_name(name))
    return Edit(kind, name, lambda project: any(all(mark in _text(project, each) for mark in marks) for each in names))


def _marked(desk: Desk, text: str, marks: list[str]) -> str:
    """Return the text with each mark in a comment of its own, after lines that are complete."""
    lines = text.splitlines(keepends=True)
    for mark in marks:
        lines.insert(desk.draw.randint(0, len(lines)), f"# {mark}\n")
    return "".join(lines)


def _name_now(project: Path, names: Sequence[str]) -> str | None:
    """Return which of the full names a project has: that of a module, or of a function in one."""
    for name in names:
        home, _, last = name.rpartition(".")
        if (project / f"{name.replace('.', '/')}.py").is_file():
            return name
        if f"def {last}(" in _text(project, f"{home.replace('.', '/')}.py"):
            return name
    return None


def _text(project: Path, name: str) -> str:
    path = project / name
    return path.read_bytes().decode(errors="replace") if path.is_file() else ""


def _present(project: Path, name: str) -> str:
    """Return the name that a file has in a project before or after an update."""
    return name if (project / name).exists() else _new_name(name)


def _new_name(name: str) -> str:
    """Return the name of a file in the latest release."""
    for old, new in (HOST_MOVES, LIST_MOVES):
        if name == old:
            return new
    old, new = (re.sub(r"\\\{\\\{\\ module\\ \\\}\\\}", "(.*)", re.escape(each)) for each in MODULE_MOVES)
    found = re.fullmatch(old, name)
    return MODULE_MOVES[1].replace("{{ module }}", found[1]) if found and new else name
