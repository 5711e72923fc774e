#!/usr/bin/env -S uv run --quiet python
"""Add a module to this project: uv run python scripts/generate_module.py biz crm; --help tells more."""

import os
import sys

LAUNCHER = os.path.join(os.path.dirname(__file__), "launcher.py")  # noqa: PTH118, PTH120  # scripts/ may have a pathlib
os.execv(sys.executable, [sys.executable, "-P", LAUNCHER, "add", *sys.argv[1:]])  # noqa: S606
