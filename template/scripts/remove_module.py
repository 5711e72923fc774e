#!/usr/bin/env -S uv run --quiet python
"""Remove a module from this project: uv run python scripts/remove_module.py crm; --help tells more."""

import os
import sys

os.execv(sys.executable, [sys.executable, "-P", f"{os.path.dirname(__file__)}/launcher.py", "remove", *sys.argv[1:]])  # noqa: PTH120, S606  # scripts/ may have a pathlib
