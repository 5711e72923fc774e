#!/usr/bin/env -S uv run --quiet python
"""Examine this project: answers files, modules, lists, migrations, routes; --fix corrects, --help tells more."""

import os
import sys

os.execv(sys.executable, [sys.executable, "-P", f"{os.path.dirname(__file__)}/launcher.py", "doctor", *sys.argv[1:]])  # noqa: PTH120, S606  # scripts/ may have a pathlib
