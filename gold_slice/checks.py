"""Compare answers files, modules, host files, migrations and routes of a project, without importing them.

Every finding has a code that stays the same from release to release:

GS1xx a command that is incomplete     GS2xx answers files       GS3xx entries in the host files
GS4xx a module's package              GS5xx migrations          GS6xx routes
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from .answers import HOST_ANSWERS, Module, read_answers, read_modules
from .host_lists import HostList, host_lists
from .list_literal import ListError, entries_in
from .migrations import migration_findings
from .pending import is_interrupted
from .project import Project
from .python_source import assigned, parsed, route_paths
from .report import Finding

AGAIN = "uv run python scripts"


def examine(project: Project, lists: Sequence[HostList] | None = None) -> list[Finding]:
    """Return the findings, most basic first; `lists` are those of the host's release (default: this command's)."""
    modules, unusable = read_modules(project.folder)
    findings = [*_unfinished(project), *_answers(project, modules, unusable)]
    findings += _host(project, modules, host_lists() if lists is None else lists)
    findings += [*_packages(project, modules), *migration_findings(project.folder, modules), *_routes(project, modules)]
    return findings


def _unfinished(project: Project) -> Iterator[Finding]:
    if is_interrupted(project):
        yield Finding("GS101", ".", "a command was interrupted", f"{AGAIN}/doctor.py --fix", is_fixable=True)
    if (project.state / "update.json").exists():
        what = "an update waits to be settled"
        yield Finding("GS102", ".dev/update", what, f"{AGAIN}/update_modules.py --continue, or --abandon")


def _answers(project: Project, modules: Sequence[Module], unusable: Sequence[str]) -> Iterator[Finding]:
    for sentence in unusable:
        place, _, what = sentence.partition(": ")
        what, _, fix = what.partition(". Fix: ")
        yield Finding("GS201", place, what, fix.rstrip("."))
    host = _release(project, HOST_ANSWERS)
    if host is None:
        fix = "restore it from git, or put in the template's git address and a tag of it"
        yield Finding("GS202", HOST_ANSWERS, "it names no release of the template (_src_path and _commit)", fix)
    for module in modules:
        release = _release(project, module.answers_file)
        if host and release != host and _address(project, module.answers_file) == _address(project, HOST_ANSWERS):
            what = f"{module.label} is at {release}, and the host at {host}"
            yield Finding("GS203", module.answers_file, what, f"{AGAIN}/update_modules.py")


def _host(project: Project, modules: Sequence[Module], lists: Sequence[HostList]) -> Iterator[Finding]:
    for listing in lists:
        try:
            entries = entries_in((project.folder / listing.file).read_bytes(), name=listing.name)
        except ListError as broken:
            for fault in broken.faults:
                yield Finding("GS301", f"{listing.file}:{fault.line}", fault.reason, fault.fix)
            continue
        except OSError as fault:
            yield Finding("GS301", listing.file, f"the file cannot be read: {fault.strerror}", "restore it from git")
            continue
        wanted = listing.entries_of(modules)
        for entry in sorted(set(wanted) - set(entries)):
            fix = f"{AGAIN}/doctor.py --fix"
            yield Finding("GS302", listing.file, f"the entry {entry} is missing", fix, is_fixable=True)
        for entry in sorted(set(entries) - set(wanted)):
            if not _is_users_own(project, entry):
                what = f"the entry {entry} does not belong to any module"
                yield Finding("GS303", listing.file, what, "remove that line, or restore the module from git")


def _is_users_own(project: Project, entry: str) -> bool:
    """Return whether an entry that no module has names code of the user; a label may be anything."""
    path = project.folder / entry.replace(".", "/")
    return "." not in entry or path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _packages(project: Project, modules: Sequence[Module]) -> Iterator[Finding]:
    for module in modules:
        yield from _package(project.folder, module)
    known = {module.name for module in modules}
    for identity in sorted((project.folder / "src" / "backend").glob("*/identity.py")):
        if (name := identity.parent.name) not in known:
            what = "the package looks like a module, and has no answers file"
            yield Finding(
                "GS402", f"src/backend/{name}", what, "restore the answers file from git, or remove the package"
            )


def shape_findings(folder: Path, module: Module) -> list[Finding]:
    """Return what keeps the files in a folder from being a module of that name."""
    return [*_package(folder, module), *migration_findings(folder, [module])]


def _package(folder: Path, module: Module) -> Iterator[Finding]:
    home = f"src/backend/{module.name}"
    restore = f"restore it from git, or {AGAIN}/remove_module.py {module.name} --force"
    for file, name in (("__init__.py", "SLICE"), ("identity.py", "MODULE")):
        source = parsed(folder / home / file)
        if isinstance(source, str):
            yield Finding("GS401", f"{home}/{file}", source, restore)
        elif assigned(source, name) is None:
            yield Finding("GS401", f"{home}/{file}", f"it sets no {name}", "put it back")
        elif file == "identity.py":
            said = [assigned(source, each) for each in ("DOMAIN", "MODULE", "LABEL")]
            if said != [module.domain, module.name, module.label]:
                what = f"it says {said}, and {module.answers_file} {module.label}"
                yield Finding("GS403", f"{home}/{file}", what, "make the two equal")


def _routes(project: Project, modules: Sequence[Module]) -> Iterator[Finding]:
    prefixes = {f"/{module.name}": module for module in modules}
    for path in sorted((project.folder / "src").rglob("*.py")):
        name = path.relative_to(project.folder).as_posix()
        source = parsed(path)
        if isinstance(source, str) or name.startswith("src/backend/"):
            continue
        for line, route in route_paths(source, path.read_text(errors="replace").splitlines()):
            if module := prefixes.get("/" + route.strip("/").split("/")[0]):
                what = f"the route {route} is below /{module.name}, which belongs to {module.label}"
                yield Finding("GS601", f"{name}:{line}", what, "give the route another first segment")


def _release(project: Project, answers_file: str) -> str | None:
    return _origin(project, answers_file, "_commit")


def _address(project: Project, answers_file: str) -> str | None:
    return _origin(project, answers_file, "_src_path")


def _origin(project: Project, answers_file: str, key: str) -> str | None:
    try:
        text = read_answers(project.folder / answers_file).get(key)
    except ValueError:
        return None
    return text if isinstance(text, str) else None
