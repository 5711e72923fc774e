"""Write docs/reference.md from the code: commands, jobs, settings, routes, events and error types.

python tools/reference.py           write it
python tools/reference.py --check   fail where it differs from what would be written
"""

import argparse
import ast
import os
import subprocess
import sys
from collections.abc import Iterator

from gold_slice.cli import ALIASES, parser
from render import INSTANCE, ROOT

PAGE = ROOT / "docs" / "reference.md"
HEAD = """# Reference

Made by `nox -s reference` from the code of this release; do not edit it.
"""


def main() -> int:
    """Write or compare; return the exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="change nothing, and compare")
    page = "\n".join([HEAD, *commands(), *jobs(), "", service()])
    if not options.parse_args().check:
        PAGE.write_text(page)
        return 0
    if PAGE.exists() and PAGE.read_text() == page:
        return 0
    print("docs/reference.md differs from the code. Fix: nox -s reference", file=sys.stderr)
    return 1


def commands() -> Iterator[str]:
    """Yield the commands of `gold-slice` and their options."""
    yield "## Commands\n\nAll take `--help`. In a project, the scripts run the command of the template's release.\n"
    yield "| Command | In a project | What it does | Options |\n|---|---|---|---|"
    [actions] = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    purposes = {choice.dest: choice.help for choice in actions._choices_actions}  # noqa: SLF001
    for name, command in actions.choices.items():
        options = [option for action in command._actions for option in action.option_strings[-1:]]  # noqa: SLF001
        names = " ".join(f"`{option}`" for option in options if option != "--help")
        script = f"`scripts/{ALIASES[name]}`" if name in ALIASES else ""
        yield f"| `gold-slice {name}` | {script} | {purposes[name]} | {names} |"
    yield "\n| Script of a project | What it does |\n|---|---|"
    for path in sorted((INSTANCE / "scripts").glob("*.py")):
        if path.name not in {*ALIASES.values(), "launcher.py"}:
            yield f"| `scripts/{path.name}` | {first_line(path.read_text())} |"


def jobs() -> Iterator[str]:
    """Yield the jobs of noxfile.py."""
    yield "\n## Jobs of the template's repository\n\n`nox -s JOB`, or `python3 bootstrap.py JOB`.\n"
    yield "| Job | What it does |\n|---|---|"
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            yield f"| `{node.name}` | {(ast.get_docstring(node) or '').splitlines()[0]} |"


def first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


def service() -> str:
    """Return what the reference service has; it is imported in its own environment."""
    run = ["uv", "run", "--quiet", "python", str(ROOT / "tools" / "service_reference.py")]
    own = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    environment = own | {"PYTHONPATH": str(INSTANCE), "LOG_FORMAT": "json"}
    done = subprocess.run(run, cwd=INSTANCE, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout[done.stdout.index("## Settings") :]  # log lines come before it


if __name__ == "__main__":
    sys.exit(main())
