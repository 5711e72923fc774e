#!/usr/bin/env -S uv run --quiet python
"""Carry a release of the template into host and modules; --preview shows it, --help tells more."""

import os
import sys

LAUNCHER = os.path.join(os.path.dirname(__file__), "launcher.py")  # noqa: PTH118, PTH120  # scripts/ may have a pathlib
os.execv(sys.executable, [sys.executable, "-P", LAUNCHER, "update", *sys.argv[1:]])  # noqa: S606
