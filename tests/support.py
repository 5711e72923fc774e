"""What several tests need to say."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from render import ROOT

TAG = "v0.1.0"
HOST, CC, CRM = (f".copier-answers{name}.yml" for name in ("", ".tech_cc", ".biz_crm"))
HOOK = ROOT / "hooks" / "register.py"

type Spawn = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below the folder, by relative name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def add_module(project: Path, *, domain: str, module: str) -> None:
    """Add the answers file of a module, as if it had been rendered."""
    answers = f"_src_path: x\ndomain: {domain}\nmodule: {module}\nscope: module\n"
    (project / f".copier-answers.{domain}_{module}.yml").write_text(answers)


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody without a name of their own."""
    command = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@localhost", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", message)


def replace(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence in a file, which must be there."""
    text = path.read_text()
    assert old in text, f"{path.name} lacks {old!r}"
    path.write_text(text.replace(old, new, 1))


def release(template: Path, tag: str) -> None:
    """Commit everything and tag it."""
    commit(template, tag)
    git(template, "tag", tag)
