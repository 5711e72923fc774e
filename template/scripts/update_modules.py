#!/usr/bin/env -S uv run --quiet python
"""Carry a release of the template into host and modules; --preview shows it, --help tells more."""

import os
import sys

os.execv(sys.executable, [sys.executable, "-P", f"{os.path.dirname(__file__)}/launcher.py", "update", *sys.argv[1:]])  # noqa: PTH120, S606  # scripts/ may have a pathlib
