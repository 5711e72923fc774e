"""The address of a template as answers files keep it."""

import os
import re
from pathlib import Path

from .template import expanded

CREDENTIALS = re.compile(r"^(https?://)[^/@]*@|^(\w+://)[^/@]*:[^/@]*@")  # over http a name alone can be a token


def lasting_address(address: str) -> str:
    """Return an address that means the same in every folder and on every day, without a password."""
    typed_in = Path(os.environ.get("PWD", "."))  # Copier has changed the folder, the variable still has the shell's
    if not re.match(r"[\w.+-]+@?[\w.-]*:", address) and (typed_in / os.path.expanduser(address)).exists():  # noqa: PTH111
        return str((typed_in / os.path.expanduser(address)).resolve())  # noqa: PTH111
    return CREDENTIALS.sub(r"\1\2", expanded(address))
