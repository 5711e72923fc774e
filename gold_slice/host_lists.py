"""Which lists in host files name the modules: every release says it in `gold_slice/host_lists.yml`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from .answers import Module

DATA = "host_lists.yml"


@dataclass(frozen=True, slots=True)
class HostList:
    """A list literal in a host file. `entries` are format strings over `{domain}` and `{module}`."""

    file: str
    name: str
    entries: list[str]

    def entries_of(self, modules: Iterable[Module]) -> list[str]:
        """Return the entries of the modules in this list."""
        return [entry.format(domain=each.domain, module=each.name) for each in modules for entry in self.entries]


def host_lists(template: Path | None = None) -> list[HostList]:
    """Return the lists of the release in a folder, or of the release that this command belongs to."""
    data = template / "gold_slice" / DATA if template else Path(__file__).with_name(DATA)
    return [HostList(row["file"], row["list"], row["entries"]) for row in yaml.safe_load(data.read_bytes())]
