"""Hold answers, modules, host, migrations and routes of a project against each other, by reading alone.

Every finding has a code that stays the same from release to release:

GS1xx a command that did not end      GS2xx answers files       GS3xx entries in the host files
GS4xx a module's package              GS5xx migrations          GS6xx routes
"""

from collections.abc import Iterator, Sequence

from . import proposal
from .answers import Module, read_answers, read_modules
from .host_lists import HOST_LISTS
from .journal import is_interrupted
from .migrations import migration_findings
from .project import HOST_ANSWERS, Project
from .report import Finding
from .source_text import assigned, parsed, route_paths

AGAIN = "uv run python scripts"


def examine(project: Project) -> list[Finding]:
    """Return everything that does not fit together, most basic first."""
    modules, unusable = read_modules(project.folder)
    findings = [*_unfinished(project), *_answers(project, modules, unusable), *_host(project, modules)]
    findings += [*_packages(project, modules), *migration_findings(project.folder, modules), *_routes(project, modules)]
    return findings


def _unfinished(project: Project) -> Iterator[Finding]:
    if is_interrupted(project):
        yield Finding("GS101", ".", "a command was interrupted half-way", f"{AGAIN}/doctor.py --fix", is_fixable=True)
    if waits := proposal.waiting(project):
        what = f"an update to {waits.release} waits to be settled"
        yield Finding("GS102", proposal.FOLDER, what, f"{AGAIN}/update_modules.py --continue, or --abandon")


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
        if host and release != host:
            what = f"{module.label} is at {release}, and the host at {host}"
            yield Finding("GS203", module.answers_file, what, f"{AGAIN}/update_modules.py")


def _host(project: Project, modules: Sequence[Module]) -> Iterator[Finding]:
    for listing in HOST_LISTS:
        source = parsed(project.folder / listing.path)
        if isinstance(source, str):
            yield Finding("GS301", listing.path, source, "mend the file, or restore it from git")
            continue
        entries = assigned(source, listing.name)
        if not isinstance(entries, list):
            what = f"there is no plain list {listing.name}"
            yield Finding("GS301", listing.path, what, f"put back the line `{listing.name}: list[str] = []`")
            continue
        wanted = listing.entries(modules)
        for entry in sorted(set(wanted) - set(map(str, entries))):
            fix = f"{AGAIN}/doctor.py --fix"
            yield Finding("GS302", listing.path, f"the entry {entry} is missing", fix, is_fixable=True)
        for entry in sorted(set(map(str, entries)) - set(wanted)):
            if not _stands_for_something(project, entry):
                what = f"the entry {entry} is of no module"
                yield Finding("GS303", listing.path, what, "remove that line, or restore the module from git")


def _stands_for_something(project: Project, entry: str) -> bool:
    """Say whether an entry that no module has is of the user's own code; a label may be anything."""
    path = project.folder / entry.replace(".", "/")
    return "." not in entry or path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _packages(project: Project, modules: Sequence[Module]) -> Iterator[Finding]:
    for module in modules:
        yield from _package(project, module)
    known = {module.name for module in modules}
    for identity in sorted((project.folder / "src" / "backend").glob("*/identity.py")):
        if (name := identity.parent.name) not in known:
            what = "the package looks like a module, and has no answers file"
            yield Finding(
                "GS402", f"src/backend/{name}", what, "restore the answers file from git, or remove the package"
            )


def _package(project: Project, module: Module) -> Iterator[Finding]:
    home = f"src/backend/{module.name}"
    restore = f"restore it from git, or {AGAIN}/remove_module.py {module.name} --force"
    for file, name in (("__init__.py", "SLICE"), ("identity.py", "MODULE")):
        source = parsed(project.folder / home / file)
        if isinstance(source, str):
            yield Finding("GS401", f"{home}/{file}", source, restore)
        elif assigned(source, name) is None:
            yield Finding("GS401", f"{home}/{file}", f"it sets no {name}", "put it back")
        elif file == "identity.py":
            said = [assigned(source, each) for each in ("DOMAIN", "MODULE", "LABEL")]
            if said != [module.domain, module.name, module.label]:
                what = f"it says {said}, and {module.answers_file} {module.label}"
                yield Finding("GS403", f"{home}/{file}", what, "make the two agree")


def _routes(project: Project, modules: Sequence[Module]) -> Iterator[Finding]:
    prefixes = {f"/{module.name}": module for module in modules}
    for path in sorted((project.folder / "src").rglob("*.py")):
        name = path.relative_to(project.folder).as_posix()
        source = parsed(path)
        if isinstance(source, str) or name.startswith("src/backend/"):
            continue
        for line, route in route_paths(source):
            if module := prefixes.get("/" + route.strip("/").split("/")[0]):
                what = f"the route {route} is below /{module.name}, which is {module.label}'s own"
                yield Finding("GS601", f"{name}:{line}", what, "give the route another first segment")


def _release(project: Project, answers_file: str) -> str | None:
    try:
        release = read_answers(project.folder / answers_file).get("_commit")
    except ValueError:
        return None
    return release if isinstance(release, str) else None
