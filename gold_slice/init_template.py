"""Make a template of modules: the repository that `examples/audit` of this release is, under a name of yours."""

import re
import shutil
import tempfile
from argparse import Namespace
from pathlib import Path

from .git import git
from .names import name_problems
from .report import RefusalError, Report
from .template import checkout_of, release_of_command
from .trust import without_password

EXAMPLE, NAME, MODULE = "examples/audit", "audit-template", "audit"
NAMING = ("README.md", "copier.yml", "pyproject.toml")  # the files that hold these names
FIRST_RELEASE = "v0.1.0"


def init_template(options: Namespace, report: Report) -> None:
    """Make the repository, with one commit and the tag of a first release, or nothing."""
    name = options.folder.resolve().name
    module = name.removesuffix("-template").replace("-", "_")
    if problems := name_problems(domain="ops", module=module):
        raise RefusalError(*problems, "The folder is named after the module, as order-desk or order-desk-template.")
    if options.folder.exists() and any(options.folder.iterdir()):
        raise RefusalError(f"{options.folder} is not empty. Name a folder that does not exist.")
    address, release = release_of_command("init-template")
    example = checkout_of(address, release) / EXAMPLE
    with tempfile.TemporaryDirectory() as scratch:
        fresh = shutil.copytree(example, Path(scratch, name))
        _rename(fresh, name=name, module=module, address=address, release=release)
        git(fresh, "init", "--quiet", "--initial-branch=main")
        git(fresh, "add", "--all")
        git(fresh, "commit", "--quiet", "--message", "A template of modules")
        git(fresh, "tag", "--no-sign", FIRST_RELEASE)
        shutil.copytree(fresh, options.folder, symlinks=True, dirs_exist_ok=True)
    report.headline = f"The template is in {options.folder}, a git repository with the release {FIRST_RELEASE}."
    report.next_steps = [
        f"cd {options.folder} && uv run pytest      try it in a project of gold slice",
        "edit template/, commit it, and tag a release",
        f"uv run python scripts/generate_module.py ops {module} --from ADDRESS --trust      add a module to a project",
    ]


def _rename(folder: Path, *, name: str, module: str, address: str, release: str) -> None:
    """Write the names of the new template into its files, and the release of gold slice that tests it."""
    for file in NAMING:
        path = folder / file
        path.write_text(re.sub(rf"\b{MODULE}\b", module, path.read_text().replace(NAME, name)))
    url = re.sub(r"^(?=/)", "file://", without_password(address))
    project = folder / "pyproject.toml"
    source = f'gold-slice = {{ git = "{url}", rev = "{release}" }}'
    project.write_text(re.sub(r"^gold-slice = .*$", lambda _: source, project.read_text(), flags=re.MULTILINE))
