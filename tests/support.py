"""What several tests need to say."""

from collections.abc import Callable
from pathlib import Path

from render import ROOT

TAG = "v0.1.0"
HOOK = ROOT / "hooks" / "register.py"

type Spawn = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below the folder, by relative name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def add_module(project: Path, *, domain: str, module: str) -> None:
    """Add the answers file of a module, as if it had been rendered."""
    answers = f"_src_path: x\ndomain: {domain}\nmodule: {module}\nscope: module\n"
    (project / f".copier-answers.{domain}_{module}.yml").write_text(answers)
