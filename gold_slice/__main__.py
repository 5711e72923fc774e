"""Run the command as `python -m gold_slice`."""

import sys

from .cli import main

sys.exit(main())
