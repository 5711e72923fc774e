"""Print what the reference service has, as Markdown: settings, routes, events and error types.

tools/reference.py runs this in instances/tech_cc, in the environment of that project.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, get_origin

from src.common.config import Settings
from src.common.errors import RefusalError
from src.cos_main import SLICES, create_app

MAKERS = {"recorded", "Event"}  # what gets the type of an event as an argument
EVENT_TYPE = re.compile(r"[a-z_]+\.[a-z_.<>]+")


def main() -> None:
    """Print the sections."""
    app = create_app(Settings(_env_file=None))
    print("## Settings\n\nFrom the environment or `.env`.\n")
    print_table(("Setting", "Type", "Default", "Meaning"), settings())
    print("\n## Routes\n\nEach module has its own under `/<module>`; these are those of `cc`.\n")
    print_table(("Method", "Path", "What it does", "Answers"), routes(app.openapi()))
    print("\n## Events\n\nWhat the log of a module records.\n")
    print_table(("Event", "Recorded in"), events())
    print("\n## Error types\n\nThe `type` of an error answer is `urn:cos:problem:<type>`.\n")
    print_table(("Type", "Status", "Class"), error_types())


def print_table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    for row in (head, ("---",) * len(head), *rows):
        print("|", " | ".join(cell.replace("|", "\\|") for cell in row), "|")


def settings() -> Iterator[tuple[str, ...]]:
    """Yield each setting, with the comment of `.env.example` above it."""
    meanings = dict(described(Path(".env.example").read_text()))
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        is_shown = default not in (None, "") and "SecretStr" not in str(field.annotation)
        shown = f"`{default}`" if is_shown else ""
        yield f"`{name.upper()}`", f"`{type_name(field.annotation)}`", shown, meanings.get(name.upper(), "")


def described(example: str) -> Iterator[tuple[str, str]]:
    """Yield each name of `.env.example` with the comment above it; names without one share that of their neighbours."""
    for paragraph in example.split("\n\n"):
        comment: list[str] = []
        is_open = True
        for line in paragraph.splitlines():
            if name := re.match(r"(?:# )?([A-Z][A-Z0-9_]*)=", line):
                is_open = False
                yield name[1], " ".join(comment)
            else:
                comment = [*(comment if is_open else []), line.removeprefix("# ")]
                is_open = True


def type_name(annotation: Any) -> str:
    if get_origin(annotation) is tuple:
        return "list"
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    text = re.sub(r"typing\.|pydantic\.types\.|Literal\[|\]", "", text)
    return text.replace("SecretStr", "secret").replace(" | None", "").replace("', '", " | ").replace("'", "")


def routes(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for path, item in sorted(document["paths"].items()):
        for method, operation in item.items():
            sentence = operation.get("description") or operation.get("summary", "")
            yield method.upper(), f"`{path}`", sentence.splitlines()[0], ", ".join(sorted(operation["responses"]))


def events() -> Iterator[tuple[str, ...]]:
    """Yield each type of event that a call in `src/` names, with its file."""
    found = {(event, path.as_posix()) for path in Path("src").rglob("*.py") for event in events_of(path.read_text())}
    for event, path in sorted(found):
        yield f"`{event}`", f"`{path}`"


def events_of(source: str) -> Iterator[str]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in MAKERS:
            for argument in call.args:
                text = re.sub(r"\{[^}]*\}", "<method>", ast.unparse(argument)).removeprefix("f").strip("'\"")
                if isinstance(argument, ast.Constant | ast.JoinedStr) and EVENT_TYPE.fullmatch(text):
                    yield text


def error_types() -> Iterator[tuple[str, ...]]:
    """Yield the refusals that clients can tell apart."""
    for name in (".".join(path.with_suffix("").parts) for path in Path("src").rglob("*.py")):
        if not name.endswith("__init__"):
            import_module(name)
    own = {kind for kind in subclasses(RefusalError) if "problem_type" in vars(kind)}
    rows = {(kind.problem_type, str(int(kind.status)), f"{kind.__module__}.{kind.__name__}") for kind in own}
    for problem_type, status, kind in sorted(rows):
        yield f"`{problem_type}`", status, f"`{kind}`"


def subclasses(kind: type[RefusalError]) -> Iterator[type[RefusalError]]:
    yield from chain([kind], *(subclasses(each) for each in kind.__subclasses__()))


if __name__ == "__main__":
    assert SLICES, "the reference has a module"
    main()
