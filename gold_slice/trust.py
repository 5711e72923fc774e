"""Which template addresses this user has trusted: their code runs on this machine.

The launchers of a project read the same file, so its form stays: one address per line.
"""

import os
import re
import sys
from pathlib import Path

from .report import RefusalError


def trust_file() -> Path:
    """Return the file with the trusted addresses."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "gold-slice", "trusted")


def check_trust(address: str) -> None:
    """Record an address that the user trusts now; its release brings codemods, which are code.

    Raises:
        RefusalError: The user does not trust it.
    """
    known = trust_file().read_text().splitlines() if trust_file().exists() else []
    if without_password(address) in known:
        return
    question = f"Updates of this module will run code from {without_password(address)}, which you have not trusted yet."
    is_accepted = os.environ.get("GOLD_SLICE_TRUST") == "1"
    if not is_accepted and sys.stdin.isatty():
        is_accepted = input(f"{question} Trust it? [y/N] ").strip().lower() in ("y", "yes")
    if not is_accepted:
        raise RefusalError(f"{question} If you trust it, add --trust once, or set GOLD_SLICE_TRUST=1.")
    record_trust(address)


def without_password(address: str) -> str:
    """Return an address without name and password, as it is stored."""
    return re.sub(r"//[^/@\s]+@", "//", address)


def record_trust(address: str) -> None:
    """Add an address to the file. A home folder that cannot be written is no fault: the launcher asks again."""
    address = without_password(address)
    file = trust_file()
    try:
        known = file.read_text().splitlines() if file.exists() else []
        if address not in known:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"{each}\n" for each in [*known, address]))
    except OSError:
        return
