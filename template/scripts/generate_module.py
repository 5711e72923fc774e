#!/usr/bin/env -S uv run --quiet python
"""Add a module to this project: uv run python scripts/generate_module.py biz crm; --help tells more."""

import os
import sys

os.execv(sys.executable, [sys.executable, "-P", f"{os.path.dirname(__file__)}/launcher.py", "add", *sys.argv[1:]])  # noqa: PTH120, S606  # scripts/ may have a pathlib
