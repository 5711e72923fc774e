#!/usr/bin/env -S uv run --quiet python
"""Examine this project: answers files, modules, lists, migrations, routes; --fix corrects, --help tells more."""

import os
import sys

LAUNCHER = os.path.join(os.path.dirname(__file__), "launcher.py")  # noqa: PTH118, PTH120  # scripts/ may have a pathlib
os.execv(sys.executable, [sys.executable, "-P", LAUNCHER, "doctor", *sys.argv[1:]])  # noqa: S606
