"""Servers from Python wheels, for development and tests on a machine without Docker."""

import sys

if sys.platform == "win32":  # no signals to hold back, no socket files
    sys.exit("The embedded servers run on Linux and macOS. On Windows, work in WSL 2.")
