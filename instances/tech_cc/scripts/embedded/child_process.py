"""Processes that do not outlive the one that starts them, and ports for them."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Sequence
from socket import create_server
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def start_child(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that Ctrl-C does not reach, and that gets SIGTERM when this one ends, however that happens."""
    return subprocess.Popen(command, process_group=0, preexec_fn=_end_with_parent, **options)  # noqa: PLW1509  # no threads


def free_port() -> int:
    """Return a port of this machine that is free now."""
    with create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
