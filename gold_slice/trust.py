"""Which template addresses this user has trusted: their code runs on this machine.

The launchers of a project read the same file, so its form stays: one address per line.
"""

import os
import re
from pathlib import Path


def trust_file() -> Path:
    """Return the file with the trusted addresses."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "gold-slice", "trusted")


def record_trust(address: str) -> None:
    """Add an address to the file. A home folder that cannot be written is no fault: the launcher asks again."""
    address = re.sub(r"//[^/@\s]+@", "//", address)  # no password is stored
    file = trust_file()
    try:
        known = file.read_text().splitlines() if file.exists() else []
        if address not in known:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"{each}\n" for each in [*known, address]))
    except OSError:
        return
