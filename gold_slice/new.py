"""Spawn a project by `copier copy`, from the release that this command belongs to."""

from argparse import Namespace

from .report import RefusalError, Report
from .template import own_release


def new(options: Namespace, report: Report) -> None:
    """Spawn the project; Copier asks the questions and prints the next steps."""
    origin = own_release()
    if origin is None:
        raise RefusalError(
            "This command does not know its release, because it was not installed from git. Install it so: "
            "uvx --from git+ADDRESS@TAG gold-slice new FOLDER; or use copier copy."
        )
    if options.folder.exists() and any(options.folder.iterdir()):
        raise RefusalError(f"{options.folder} is not empty. Name a folder that does not exist.")
    from copier import run_copy  # noqa: PLC0415
    from copier.errors import CopierError, TaskError  # noqa: PLC0415

    data = dict(pair.split("=", 1) for pair in options.data if "=" in pair)
    try:
        run_copy(
            origin[0], options.folder, data=data, vcs_ref=origin[1], defaults=options.defaults, unsafe=True, quiet=False
        )
    except (CopierError, TaskError, ValueError) as fault:
        raise RefusalError(str(fault).splitlines()[-1]) from fault
    report.headline = f"The project is in {options.folder}."
