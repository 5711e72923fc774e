"""What a release makes of a part of a project: rendered by Copier, once per machine, and kept in the cache.

Copier renders a checkout of the release, with no tasks and no migrations, so no code of the template runs.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .answers import HOST_ANSWERS, Module, write_origin
from .report import RefusalError
from .template import Release, Template, cache

FORMAT = 1  # of the cache; another number makes all renders anew
COMPILED: Final[dict[tuple[object, ...], Any]] = {}  # by Jinja, in this process


@dataclass(frozen=True, slots=True)
class Part:
    """What is updated by itself and has an answers file: the host (`module` is None), or a module."""

    module: Module | None
    answers: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`host`, or the label of the module."""
        return self.module.label if self.module else "host"

    @property
    def answers_file(self) -> str:
        """The file with its answers."""
        return self.module.answers_file if self.module else HOST_ANSWERS

    @property
    def address(self) -> str:
        """The address of the template that it comes from."""
        return str(self.answers["_src_path"])

    @property
    def release(self) -> str:
        """The release that it has."""
        return str(self.answers["_commit"])


def render(part: Part, template: Template, release: Release, answers: Mapping[str, Any], *, ask: bool = False) -> Path:
    """Return a folder with the files of the part as the release makes them. Do not change it.

    With `ask`, Copier asks on the terminal for answers that are missing; otherwise it takes the defaults.

    Raises:
        RefusalError: The release does not take the answers.
    """
    given = {key: value for key, value in answers.items() if not key.startswith("_")}
    # A part is rendered as it would be today: the address and the name of the release are in its answers file.
    key = json.dumps([FORMAT, release.name, release.commit, template.address, given], sort_keys=True, default=str)
    final = cache() / "renders" / f"{part.name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    if ask or not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=final.parent))
        try:
            _run_copier(template.checkout(release), fresh, given, part.answers_file, ask=ask)
            _keep_only(part, fresh)
            write_origin(fresh / part.answers_file, address=template.address, release=release.name)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)
    return final


def files_in(folder: Path) -> list[str]:
    """Return the files and symbolic links below a folder, sorted, with `/` between the parts of a path."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _run_copier(template: Path, destination: Path, answers: Mapping[str, Any], file: str, *, ask: bool) -> None:
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # a plugin that instruments models makes the import slow
    from copier import run_copy  # noqa: PLC0415  # it takes 0.3 s, and not every command renders
    from copier.errors import CopierError  # noqa: PLC0415
    from plumbum import local  # noqa: PLC0415

    try:
        # Without git: Copier runs it for every file, and there is no repository here.
        with local.env(PATH=""), compiled_once():
            run_copy(
                str(template),
                destination,
                dict(answers),
                answers_file=file,
                defaults=not ask,
                quiet=True,
                skip_tasks=True,
            )
    except (CopierError, ValueError) as fault:
        sentence = (str(fault).splitlines() or [type(fault).__name__])[-1]
        raise RefusalError(f"The template does not take these answers: {sentence}") from fault


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let Jinja compile each text once: Copier compiles the names of folders again for every file in them.

    The compiled code depends on the text and on what an environment was made of.
    """
    from jinja2 import Environment  # noqa: PLC0415  # it comes with Copier

    compile_ = Environment.compile

    def compile_once(environment: Environment, source: Any, *arguments: Any, **named: Any) -> Any:
        names = (environment.filters, environment.tests, environment.extensions)
        key = (type(environment), environment.lexer, *map(frozenset, names), source, arguments, *named.items())
        if key not in COMPILED:
            COMPILED[key] = compile_(environment, source, *arguments, **named)
        return COMPILED[key]

    Environment.compile = compile_once  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Environment.compile = compile_  # type: ignore[method-assign]


def _keep_only(part: Part, folder: Path) -> None:
    """Remove what belongs to another part: a host is rendered together with its first module."""
    if part.module is None:
        first = Module(str(part.answers["domain"]), str(part.answers["module"]))
        (folder / first.answers_file).unlink(missing_ok=True)
        for name in first.folders:
            shutil.rmtree(folder / name, ignore_errors=True)
