"""Run a command of gold slice, as the template's release in `.copier-answers.yml` has it; `update` runs the target's.

The command is installed once per release into the cache of this user. Settings: GOLD_SLICE_TRUST=1 trusts the address
of the template without a question, as --trust does; GOLD_SLICE_CACHE names another folder for the cache.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CONFIG = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
CACHE = Path(os.environ.get("GOLD_SLICE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "gold-slice"))


def main(command: str, arguments: list[str]) -> None:
    """Replace this process by the command, or end it with a sentence."""
    answers = (PROJECT / ".copier-answers.yml").read_text()
    address, release = answer(answers, "_src_path"), answer(answers, "_commit")
    check_trust(address, is_accepted="--trust" in arguments or os.environ.get("GOLD_SLICE_TRUST") == "1")
    arguments = [each for each in arguments if each != "--trust"]
    waiting = PROJECT / ".dev" / "update-release"
    if command == "update" and {"--continue", "--abandon"} & {*arguments} and waiting.exists():
        release = waiting.read_text()
    elif command == "update" and not {"--continue", "--abandon", "--help", "-h"} & {*arguments}:
        release = target(address, ["", *arguments])
        arguments += ["--to", release]
    program = installed(address, release)
    os.environ["GOLD_SLICE_LAUNCHER"] = "1"
    os.execv(program, [program, command, "--project", str(PROJECT), *arguments])  # noqa: S606


def answer(answers: str, key: str) -> str:
    """Return an answer that is one line of text."""
    found = re.search(rf"^{key}: *(.+)$", answers, re.MULTILINE)
    return found[1].strip("'\" ") if found else sys.exit(f".copier-answers.yml has no {key}: name a git address and a tag.")


def check_trust(address: str, *, is_accepted: bool) -> None:
    """End the process unless this user has trusted the address, here or in Copier's settings, or does so now."""
    ours = CONFIG / "gold-slice" / "trusted"
    theirs = Path(os.environ.get("COPIER_SETTINGS_PATH") or CONFIG / "copier" / "settings.yml")
    known = ours.read_text().splitlines() if ours.exists() else []
    copiers = theirs.read_text().partition("trust:")[2] if theirs.exists() else ""
    prefixes = re.findall(r"^ *- *['\"]?([^'\"\n]+)", copiers, re.MULTILINE)
    if address in known or any(address == each or address.startswith(f"{each.rstrip('/')}/") for each in prefixes):
        return
    question = f"This runs code from {shown(address)}, an address that you have not trusted yet."
    if not is_accepted and not sys.stdin.isatty():
        sys.exit(f"{question} If you trust it, add --trust once, or set GOLD_SLICE_TRUST=1.")
    if not is_accepted and input(f"{question} Trust it? [y/N] ").strip().lower() not in ("y", "yes"):
        sys.exit("Nothing was run.")
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.write_text("".join(f"{each}\n" for each in (*known, address)))


def target(address: str, arguments: list[str]) -> str:
    """Return the release that `--to` names: a tag, or the commit of a branch; without `--to`, the latest tag."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    wanted = [each.partition("=")[2] or value for each, value in pairs if each == "--to" or each.startswith("--to=")]
    listed = run("git", "ls-remote", re.sub(r"^git\+", "", address))
    if listed.returncode and not wanted:
        sys.exit(f"The template cannot be reached at {shown(address)}: {listed.stderr.strip() or 'git failed'}")
    refs = {name: commit for commit, _tab, name in (line.partition("\t") for line in listed.stdout.splitlines())}
    tags = {name.removeprefix("refs/tags/") for name in refs if name.startswith("refs/tags/")}
    if wanted:
        return wanted[-1] if wanted[-1] in tags else refs.get(f"refs/heads/{wanted[-1]}") or refs.get(wanted[-1], wanted[-1])
    versions = [tag for tag in tags if re.fullmatch(r"v?\d+(\.\d+)+", tag)]
    if not versions:
        sys.exit(f"The template at {shown(address)} has no release yet, no tag like v1.2.0. Name a reference with --to.")
    return max(versions, key=lambda tag: [int(number) for number in tag.removeprefix("v").split(".")])


def installed(address: str, release: str) -> str:
    """Return the path of a release's command, after installing it on its first use."""
    key = hashlib.sha256(f"{address}@{release}".encode()).hexdigest()[:16]
    home = CACHE.expanduser() / "commands" / key
    program = home / "bin" / "gold-slice"
    if not program.exists():
        print(f"… installing the command of gold slice {release}", file=sys.stderr, flush=True)
        url = re.sub(r"^([\w.-]+@[\w.-]+):", r"ssh://\1/", re.sub(r"^(?=[/~])", "file://", address.removeprefix("git+")))
        reference = re.sub(r"^.*-g(?=[0-9a-f]+$)", "", release)  # `git describe` names a commit v1.2.0-3-g1a2b3c4
        folders = {"UV_TOOL_DIR": str(home / "tools"), "UV_TOOL_BIN_DIR": str(home / "bin"), "UV_COMPILE_BYTECODE": "1"}
        done = run("uv", "tool", "install", "--quiet", f"git+{url}@{reference}", **folders)
        if done.returncode or not program.exists():
            sys.exit(f"The command of gold slice {release} could not be installed:\n{shown(done.stderr.strip())}")
    return str(program)


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program without a prompt of git, and return its output."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"GIT_TERMINAL_PROMPT": "0", **variables}
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed. Install it, and try again.")


def shown(text: str) -> str:
    """Return text without passwords in addresses."""
    return re.sub(r"//[^/@\s]+@", "//", text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
