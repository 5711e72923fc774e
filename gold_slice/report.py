"""Report the result of a command: the files it changes, the problems and the next steps, as text or as JSON."""

import io
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from itertools import groupby

TOKEN, PASSWORD = re.compile(r"(https?://)[^/@\s]+@"), re.compile(r"(\w+://[^/:@\s]+:)[^/@\s]+@")


class Status(IntEnum):
    """How a command ended."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    CONFLICT = 3
    PENDING = 4


ANSWERS = (Status.DONE, Status.PENDING)  # nothing was refused


class Kind(StrEnum):
    """What happens to a file."""

    ADDED = "added"
    UPDATED = "updated"
    MERGED = "merged"
    MIGRATED = "changed by the codemods of the release"
    CONFLICT = "conflict"
    KEPT = "kept because you edited it"
    REMOVED = "removed"
    DROPPED = "dropped by the template but edited by you"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A file, what happens to it, and the part that owns it: `host`, or the label of a module."""

    part: str
    kind: Kind
    path: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a project that is wrong, the place, and how to correct it. Codes stay the same over releases."""

    code: str
    place: str
    what: str
    fix: str
    is_fixable: bool = False


class RefusalError(Exception):
    """The command cannot do this and has changed nothing. Each problem is a sentence with its next step."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


@dataclass(slots=True)
class Report:
    """The result of a command, filled while it runs and printed at its end."""

    command: str
    status: Status = Status.DONE
    is_preview: bool = False
    headline: str = ""
    changes: list[Change] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    before_deploy: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)
    patch: str = ""
    is_half_done: bool = False

    def print_out(self, *, as_json: bool) -> None:
        """Print the result to stdout, and problems to stderr."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # An odd file name must not hide the result; and a patch has files as they are, UTF-8 or not.
            sys.stdout.reconfigure(errors="surrogateescape" if self.patch else "backslashreplace")
        self.problems = [without_secrets(problem) for problem in self.problems]
        if as_json:
            print(json.dumps(self._document(), indent=2), flush=True)
            return
        if self.patch:
            print(self.patch, end="", flush=True)
            return
        findings = [f"{each.code} {each.place}: {each.what}.\n  Fix: {each.fix}" for each in self.findings]
        lines = [*findings, *([self.headline] if self.headline else []), *_lines_of(self.changes, self.reasons)]
        lines += _section("Releases:", self.releases)
        lines += _section("Codemods cannot change these lines safely. Look at them:", self.places)
        lines += _section("Before you deploy:", self.before_deploy) + _section("Next:", self.next_steps)
        print(*lines, sep="\n", end="\n" if lines else "", flush=True)
        if self.problems:
            lead = "" if self.status in ANSWERS else f"{self.command}: "
            closing = "" if self.status == Status.DONE or self.is_half_done else "\nNothing was changed."
            _print_error(lead + "\n".join(self.problems) + closing)

    def _document(self) -> dict[str, object]:
        return {
            "command": self.command,
            "status": self.status.name.lower(),
            "exit_status": int(self.status),
            "preview": self.is_preview,
            "headline": self.headline,
            "changes": [{"part": each.part, "class": each.kind, "path": each.path} for each in sorted(self.changes)],
            "reasons": self.reasons,
            "places": self.places,
            "releases": self.releases,
            "problems": self.problems,
            "before_deploy": self.before_deploy,
            "next": self.next_steps,
            "findings": [asdict(each) for each in self.findings],
            "patch": self.patch,
        }


def progress(line: str) -> None:
    """Print one line of progress to stderr."""
    _print_error(f"… {without_secrets(line)}")


def without_secrets(text: str) -> str:
    """Return the text without passwords and tokens of addresses."""
    return PASSWORD.sub(r"\1…@", TOKEN.sub(r"\1…@", text))


def _print_error(text: str) -> None:
    """Print to stderr, if there is one; without one, `print` would use stdout."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def _lines_of(changes: Iterable[Change], reasons: Mapping[str, Sequence[str]]) -> list[str]:
    """Return one line per file with the reasons, if any, grouped by part and by what happens to the file."""
    lines = []
    for part, of_part in groupby(sorted(changes), key=lambda change: change.part):
        lines.append(f"\n{part}")
        for kind, of_kind in groupby(of_part, key=lambda change: change.kind):
            paths = [change.path for change in of_kind]
            lines.append(f"  {kind} ({len(paths)})")
            for path in paths:
                lines += [f"    {path}", *(f"      {reason}" for reason in reasons.get(path, ()))]
    return lines


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []
