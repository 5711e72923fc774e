"""Run the demo and keep what it prints as a picture, docs/first_run.svg."""

import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console

import demo
from render import ROOT

PICTURE = ROOT / "docs" / "first_run.svg"
COMMAND = "python3 bootstrap.py demo"


def main() -> int:
    """Return the demo's exit status; the picture is written if that is 0."""
    demo.console = Console(record=True, width=110, highlight=False)
    with tempfile.TemporaryDirectory() as scratch:
        demo.console.print(f"[bold]$ {COMMAND}[/]")
        sys.argv[1:] = [str(Path(scratch, "demo", "cos"))]
        status = demo.main()
        text = demo.console.export_svg(title=COMMAND, unique_id="first-run")
    if status == 0:
        text = re.sub(r"@font-face \{.*?\}", "", text, flags=re.DOTALL)  # no request to a server of fonts
        text = re.sub(r"(\.\./)*[\w./-]*/demo/cos", "demo/cos", text)
        PICTURE.write_text(text)
    return status


if __name__ == "__main__":
    sys.exit(main())
