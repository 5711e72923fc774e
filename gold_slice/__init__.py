"""The life cycle of projects that are spawned from gold slice: modules are added, updated, removed and examined."""

import sys

if sys.platform == "win32":  # no signals to hold back while files are replaced
    sys.exit("gold slice runs on Linux and macOS. On Windows, work in WSL 2.")
