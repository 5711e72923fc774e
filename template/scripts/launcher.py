"""Run a command of gold slice: that of the release in `.copier-answers.yml`, or for an update that of its target."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ANSWERS, WAITING = PROJECT / ".copier-answers.yml", PROJECT / ".dev" / "update-release"
CONFIG = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
CACHE = Path(os.environ.get("GOLD_SLICE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "gold-slice"))
UNCHANGED = {"--continue", "--abandon", "--help", "-h"}  # an update with one of these has no new target
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | {"GIT_TERMINAL_PROMPT": "0"}


def main(command: str, arguments: list[str]) -> None:
    """Replace this process by the command, or end it with a sentence."""
    if sys.platform == "win32":
        sys.exit("gold slice runs on Linux and macOS. On Windows, work in WSL 2.")
    text = ANSWERS.read_text()
    answers = dict(re.findall(r"^(_src_path|_commit): *['\"]?([^\s'\"].*?)['\"]? *$", text, re.MULTILINE))
    if len(answers) < len(("_src_path", "_commit")):
        sys.exit(f"{ANSWERS} lacks _src_path or _commit: put in the template's git address and one of its tags.")
    address, release = answers["_src_path"].removeprefix("git+"), answers["_commit"]
    check_trust(address, is_accepted="--trust" in arguments or os.environ.get("GOLD_SLICE_TRUST") == "1")
    if "--trust" in arguments:
        CLEAN["GOLD_SLICE_TRUST"] = "1"  # for the template that `--from` names, too
    arguments = [each for each in arguments if each != "--trust"]
    if command == "update" and not UNCHANGED & {*arguments}:
        release = target(address, arguments)
        arguments += ["--to", release]
    elif command == "update" and WAITING.exists():
        release = WAITING.read_text()
    program = installed(address, release)
    os.execve(program, [program, command, "--project", str(PROJECT), *arguments], CLEAN | {"GOLD_SLICE_LAUNCHER": "1"})  # noqa: S606


def check_trust(address: str, *, is_accepted: bool) -> None:
    """End the process unless this user has trusted the address, here or in Copier's settings, or does so now."""
    ours = CONFIG / "gold-slice" / "trusted"  # one address per line
    copiers = Path(os.environ.get("COPIER_SETTINGS_PATH") or CONFIG / "copier" / "settings.yml")
    known, listed = (path.read_text() if path.exists() else "" for path in (ours, copiers))
    prefixes = re.findall(r"^ *- *['\"]?([^'\"\n]+)", listed.partition("trust:")[2], re.MULTILINE)
    address = shown(address)  # no password is stored
    if address in known.splitlines() or any(f"{address}/".startswith(f"{each.rstrip('/')}/") for each in prefixes):
        return
    question = f"This runs code from {address}, an address that you have not trusted yet."
    if not is_accepted and not sys.stdin.isatty():
        sys.exit(f"{question} If you trust it, add --trust once, or set GOLD_SLICE_TRUST=1.")
    if not is_accepted and input(f"{question} Trust it? [y/N] ").strip().lower() not in ("y", "yes"):
        sys.exit("Nothing was run.")
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.write_text(f"{address}\n{known}")


def target(address: str, arguments: list[str]) -> str:
    """Return what `--to` names, a tag or a commit; without `--to`, the latest tag."""
    listed = subprocess.run(["git", "ls-remote", address], env=CLEAN, capture_output=True, text=True, check=False)
    refs = {name: commit for commit, name in map(str.split, listed.stdout.splitlines())}
    tags = [name[10:] for name in refs if re.fullmatch(r"refs/tags/v?\d+(\.\d+)+", name)]
    tags.sort(key=lambda tag: [int(number) for number in re.findall(r"\d+", tag)])
    wanted = re.findall(r"(?:^|\0)--to[=\0]([^\0]+)", "\0".join(arguments)) or tags
    if not wanted:
        reason = shown(listed.stderr.strip()) or "it has no tag like v1.2.0"
        sys.exit(f"No release was found at {shown(address)}: {reason}. Correct that, or name one with --to.")
    name = str(wanted[-1])
    return name if f"refs/tags/{name}" in refs else refs.get(f"refs/heads/{name}", refs.get(name, name))


def installed(address: str, release: str) -> str:
    """Return the path of a release's command, after installing it on its first use."""
    home = CACHE.expanduser() / "commands" / hashlib.sha256(f"{address}@{release}".encode()).hexdigest()[:16]
    program = home / "bin" / "gold-slice"
    if not program.exists():
        print(f"… installing the command of gold slice {release}", file=sys.stderr, flush=True)
        url = re.sub(r"^([\w.-]+@[\w.-]+):", r"ssh://\1/", re.sub(r"^(?=/)", "file://", address))
        reference = re.sub(r"^.*-g(?=[0-9a-f]+$)", "", release)  # `git describe` names a commit v1.2.0-3-g1a2b3c4
        folders = {"UV_TOOL_DIR": str(home / "tools"), "UV_TOOL_BIN_DIR": str(home / "bin")}
        command = ["uv", "tool", "install", "--quiet", "--python", sys.executable, f"git+{url}@{reference}"]
        done = subprocess.run(command, env=CLEAN | folders, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = "Check the network and your credentials."
            sys.exit(f"The command of gold slice {release} could not be installed. {reason}\n{shown(done.stderr)}")
    return str(program)


def shown(text: str) -> str:
    """Return text without the passwords of addresses."""
    return re.sub(r"//[^/@\s]+@", "//", text)


if __name__ == "__main__":
    try:
        main((sys.argv[1:2] or ["--help"])[0], sys.argv[2:])
    except FileNotFoundError as missing:
        sys.exit(f"{missing.filename} is missing. Install or restore it, and try again.")
