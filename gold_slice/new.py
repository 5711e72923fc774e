"""Spawn a project by `copier copy`, from the release that this command belongs to."""

from argparse import Namespace

from .report import RefusalError, Report
from .template import release_of_command


def new(options: Namespace, report: Report) -> None:
    """Spawn the project; Copier asks the questions and prints the next steps."""
    address, release = release_of_command("new")
    if options.folder.exists() and any(options.folder.iterdir()):
        raise RefusalError(f"{options.folder} is not empty. Name a folder that does not exist.")
    from copier import run_copy  # noqa: PLC0415
    from copier.errors import CopierError, TaskError  # noqa: PLC0415

    data = dict(pair.split("=", 1) for pair in options.data if "=" in pair)
    try:
        run_copy(
            address, options.folder, data=data, vcs_ref=release, defaults=options.defaults, unsafe=True, quiet=False
        )
    except (CopierError, TaskError, ValueError) as fault:
        raise RefusalError(str(fault).splitlines()[-1]) from fault
    report.headline = f"The project is in {options.folder}."
