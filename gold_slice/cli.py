"""The command `gold-slice`: options, the lock on the project, and the exit status.

Exit status: 0 done; 1 refused or failed, and nothing changed; 2 wrong usage; 3 an update waits for a person;
4 `update --check` found a later release.
"""

import os
import sys
import traceback
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .git import GitError
from .pending import complete_interrupted, is_interrupted, refuse_interrupted
from .project import find_project
from .report import RefusalError, Report, Status, progress

INCOMPLETE = "The change has begun and is not complete: `uv run python scripts/doctor.py --fix` completes it."
ALIASES = {
    "add": "generate_module.py",
    "update": "update_modules.py",
    "remove": "remove_module.py",
    "doctor": "doctor.py",
}

WITHOUT_PROJECT = ("new", "init-template")
DESCRIPTION = """Spawn a project, and add, update, remove and examine its modules.

    gold-slice new my-service                   ask the questions of the template, and spawn a project
    gold-slice add biz crm                      add a module to the project in this folder
    gold-slice update --preview                 name what the latest release would change
    gold-slice doctor --project my-service      examine a project that is elsewhere

In a project, `uv run python scripts/launcher.py COMMAND` runs the command of its release.
"""
LAUNCHED = """Add, update, remove and examine the modules of this project, with the commands of its release.

    uv run python scripts/launcher.py diff crm              print what you changed in a module
    uv run python scripts/launcher.py eject src/health.py   take a file out of updates

"""
EPILOG = """generate_module.py, update_modules.py, remove_module.py and doctor.py in scripts/ run add, update, remove
and doctor. COMMAND --help tells more.
Exit status: 0 done; 1 refused or failed, and nothing changed; 2 wrong usage; 3 an update waits for a person;
4 `update --check` found a later release."""
STATUS = "Exit status: 0 done, 1 refused or failed and nothing changed, 2 wrong usage"
HOMES = {"adopt_file": "eject"}  # modules that hold more than the command of their name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    options = parser().parse_args(arguments)
    if (
        options.command == "update"
        and (options.go_on or options.abandon)
        and (options.parts or options.to or options.preview or options.settings)
    ):
        parser().error("--continue and --abandon take no part, --to, --preview or --set")
    options.preview |= getattr(options, "check", False)
    return run(options)


def parser() -> ArgumentParser:
    """Return the parser of all commands."""
    is_launched = "GOLD_SLICE_LAUNCHER" in os.environ
    program = "scripts/launcher.py" if is_launched else "gold-slice"
    description = (LAUNCHED if is_launched else DESCRIPTION) + EPILOG
    whole = ArgumentParser(prog=program, description=description, formatter_class=RawDescriptionHelpFormatter)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, purpose: str, details: str, examples: Sequence[str]) -> ArgumentParser:
        known_as = f"scripts/{ALIASES.get(name, f'launcher.py {name}')}" if is_launched else f"gold-slice {name}"
        called = f"uv run python {known_as}" if is_launched else known_as
        shown = "\n".join(f"    {called} {example}".rstrip() for example in examples)
        text = f"{purpose[0].upper()}{purpose[1:]}.\n\n{shown}\n\n{details}"
        options = commands.add_parser(
            name, help=purpose, description=text, prog=known_as, formatter_class=RawDescriptionHelpFormatter
        )
        return _add_common_options(options, previews=name != "diff", is_launched=is_launched)

    add = command(
        "add", "add a module: its files, tests, migrations, and its entries in the host's lists",
        "The module comes from the release of the template that the host has. Nothing changes unless all of it can.\n"
        f"{STATUS}.",
        ("biz crm", "biz crm --preview", "biz crm --from https://git.example.com/modules.git@v1.2.0"),
    )  # fmt: skip
    add.add_argument("domain", help="the first half of the module's label, as tech in tech_pem")
    add.add_argument("--from", dest="source", metavar="ADDRESS[@TAG]",
                     help="another template of modules (default: the host's)")  # fmt: skip
    add.add_argument("module", help="names the package, the PostgreSQL schema and the routes, as pem")

    update = command(
        "update", "carry a release of the template into host and modules, keeping what you changed",
        "It lands as one commit on your branch, or not at all. If git cannot merge, it waits in .dev/update: settle\n"
        "it there, then --continue lands it, or --abandon drops it.\n"
        f"{STATUS}, 3 it waits for you,\n4 --check found a later release.",
        ("--preview", "", "crm --to v1.2.0", "--set project_name=orders", "--continue"),
    )  # fmt: skip
    update.add_argument("parts", nargs="*", metavar="MODULE", help="its name, or host (default: host and all modules)")
    update.add_argument("--to", metavar="TAG", help="the release (default: the latest)")
    update.add_argument("--set", dest="settings", action="append", default=[], metavar="QUESTION=ANSWER",
                        help="change an answer")  # fmt: skip
    update.add_argument("--diff", action="store_true", help="with --preview: print a patch that `git apply` takes")
    update.add_argument("--no-commit", action="store_true", help="leave the merged change staged, for you to review")
    update.add_argument("--check", action="store_true", help="only say whether there is an update: exit status 4, or 0")
    update.add_argument("--defaults", action="store_true", help="ask nothing: new questions take their defaults")
    update.add_argument("--force", action="store_true", help="land the update although the examination finds something")
    which = update.add_mutually_exclusive_group()
    which.add_argument("--continue", dest="go_on", action="store_true", help="land the update that you settled")
    which.add_argument("--abandon", action="store_true", help="drop the update that waits for you")

    remove = command(
        "remove", "remove a module: its files, and its entries in the host's lists",
        "A module that you edited, or that other files import, is refused unless you use --force; then what git\n"
        f"does not have is kept aside. Data stay; the command prints how to remove them.\n{STATUS}.",
        ("crm --preview", "crm"),
    )  # fmt: skip
    remove.add_argument("module", help="its name, as pem, or its label, as tech_pem")
    remove.add_argument("--force", action="store_true", help="remove it although you edited it, or other files name it")

    doctor = command(
        "doctor", "examine the project: answers files, modules, lists, migrations and routes",
        "Each finding has a code, a place and a way to correct it.\n"
        "Exit status: 0 no findings, 1 findings, 2 wrong usage.",
        ("", "--fetch", "--fix"),
    )  # fmt: skip
    doctor.add_argument("--fix", action="store_true", help="correct what can be corrected safely")
    doctor.add_argument("--fetch", action="store_true", help="ask the template's repository for later releases")

    diff = command(
        "diff", "print what you changed in a part, compared with its release",
        f"The output is a patch. {STATUS}.", ("", "crm", "crm --upstream"),
    )  # fmt: skip
    diff.add_argument("part", nargs="?", default="host", help="the name of a module, or host (the default)")
    diff.add_argument("--upstream", action="store_true", help="print what a later release changes, instead of you")
    diff.add_argument("--to", metavar="TAG", help="with --upstream: the release (default: the latest)")

    for name, purpose in (
        ("eject", "take a file of the template out of updates: it is yours alone"),
        ("adopt-file", "take an ejected file back into updates"),
    ):
        details = f"The part's answers file remembers it, and doctor names it.\n{STATUS}."
        eject = command(name, purpose, details, ["src/backend/crm/crud.py"])
        eject.add_argument("path", help="the file, from this folder or from the project's")

    if is_launched:
        return whole
    new = _add_making(
        commands, "new", "spawn a project, as `copier copy` does", "my-service --data module=order_desk", ""
    )
    new.add_argument("--data", action="append", default=[], metavar="QUESTION=ANSWER", help="an answer")
    new.add_argument("--defaults", action="store_true", help="ask nothing")
    purpose = "make the repository of a template of modules"
    _add_making(commands, "init-template", purpose, "order-desk", "; named after the module, as order-desk")
    return whole


def _add_common_options(options: ArgumentParser, *, previews: bool, is_launched: bool) -> ArgumentParser:
    """Add what commands on a project have in common; `--trust` is for the launcher, which reads it."""
    if previews:
        options.add_argument("--preview", action="store_true", help="change nothing, and name every file")
    options.add_argument("--json", dest="as_json", action="store_true", help="print the result as one JSON document")
    if is_launched:
        options.add_argument("--trust", action="store_true", help="run code from a new address without a question")
    options.add_argument("--project", type=Path, default=Path(), metavar="FOLDER", help="default: this folder")
    options.set_defaults(force=False, preview=False)
    return options


def _add_making(commands: Any, name: str, purpose: str, example: str, condition: str) -> ArgumentParser:
    """Add a command that makes a folder, and needs no project."""
    text = f"{purpose[0].upper()}{purpose[1:]}.\n\n    gold-slice {name} {example}\n\n{STATUS}."
    options: ArgumentParser = commands.add_parser(
        name, help=purpose, description=text, formatter_class=RawDescriptionHelpFormatter
    )
    options.add_argument("folder", type=Path, help=f"must not exist, or be empty{condition}")
    options.set_defaults(preview=False, as_json=False)
    return options


def run(options: Namespace) -> int:
    """Do the work with the project locked, print the result, and return the exit status."""
    report, project = Report(options.command, is_preview=options.preview), None
    try:
        if options.command in WITHOUT_PROJECT:
            _function_of(options.command)(options, report)
        else:
            project = find_project(options.project.resolve())
            with project.locked():
                if options.preview:
                    refuse_interrupted(project)
                elif options.command != "doctor":
                    complete_interrupted(project)
                _function_of(options.command)(project, options, report)
    except RefusalError as refusal:
        report = _refused(report, *refusal.problems)
    except (OSError, GitError) as fault:
        report = _refused(report, f"{fault}. Correct that, and try again.")
    except KeyboardInterrupt:
        report = _refused(report, "Interrupted.")
    except Exception as fault:  # noqa: BLE001  # no traceback helps a user, and JSON is promised
        report = _refused(report, f"{_where(fault)}. This is a bug in gold slice: please report it.")
    if report.status == Status.REFUSED and report.problems and project and is_interrupted(project):
        report.problems.append(INCOMPLETE)
        report.is_half_done = True
    _print(report, as_json=options.as_json)
    return report.status


def _function_of(command: str) -> Callable[..., None]:
    """Return the function of a command, from the module of its name; each imports only what it needs."""
    name = command.replace("-", "_")
    function: Callable[..., None] = getattr(import_module(f"{__package__}.{HOMES.get(name, name)}"), name)
    return function


def _print(report: Report, *, as_json: bool) -> None:
    """Print the result. A reader that left does not change the status."""
    try:
        report.print_out(as_json=as_json)
    except OSError as fault:  # `| head -1`, or a full disk
        with open(os.devnull, "w") as nothing:  # noqa: PTH123  # a device, not a file
            os.dup2(nothing.fileno(), sys.stdout.fileno())  # or Python reports the fault once more at its end
        if not isinstance(fault, BrokenPipeError):
            progress(
                f"the result could not be printed: {fault.strerror}; it is: {report.headline or report.status.name}"
            )


def _where(fault: Exception) -> str:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__}: {fault} ({Path(last.filename).name}:{last.lineno})"


def _refused(report: Report, *problems: str) -> Report:
    return Report(report.command, status=Status.REFUSED, is_preview=report.is_preview, problems=list(problems))
