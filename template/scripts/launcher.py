"""Run a command of gold slice: that of the release in `.copier-answers.yml`, or for an update that of its target.

A command is installed once per release into the cache of this user. Settings: GOLD_SLICE_TRUST=1 trusts the address of
the template without a question, as --trust does; GOLD_SLICE_CACHE names another folder for the cache.
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
UNCHANGED = {"--continue", "--abandon", "--help", "-h"}  # an update with one of these has no new target


def main(command: str, arguments: list[str]) -> None:
    """Replace this process by the command, or end it with a sentence."""
    text = (PROJECT / ".copier-answers.yml").read_text()
    answers = {key: value.strip("'\" ") for key, value in re.findall(r"^(\w+): *(.+)$", text, re.MULTILINE)}
    if not answers.keys() >= {"_src_path", "_commit"}:
        sys.exit(
            ".copier-answers.yml lacks _src_path or _commit: put in the template's git address and one of its tags."
        )
    address, release = answers["_src_path"], answers["_commit"]
    check_trust(address, is_accepted="--trust" in arguments or os.environ.get("GOLD_SLICE_TRUST") == "1")
    arguments = [each for each in arguments if each != "--trust"]
    waiting = PROJECT / ".dev" / "update-release"
    if command == "update" and waiting.exists():
        release = waiting.read_text()
    if command == "update" and not UNCHANGED & {*arguments}:
        release = target(address, arguments)
        arguments += ["--to", release]
    program = installed(address, release)
    os.environ.pop("PYTHONPATH", None)  # it is about the code of the project
    os.environ["GOLD_SLICE_LAUNCHER"] = "1"
    os.execv(program, [program, command, "--project", str(PROJECT), *arguments])  # noqa: S606


def check_trust(address: str, *, is_accepted: bool) -> None:
    """End the process unless this user has trusted the address, here or in Copier's settings, or does so now."""
    ours = CONFIG / "gold-slice" / "trusted"  # one address per line
    copiers = Path(os.environ.get("COPIER_SETTINGS_PATH") or CONFIG / "copier" / "settings.yml")
    known = ours.read_text().splitlines() if ours.exists() else []
    listed = copiers.read_text().partition("trust:")[2] if copiers.exists() else ""
    prefixes = re.findall(r"^ *- *['\"]?([^'\"\n]+)", listed, re.MULTILINE)
    address = shown(address)  # no password is stored
    if address in known or any(f"{address}/".startswith(f"{each.rstrip('/')}/") for each in prefixes):
        return
    question = f"This runs code from {address}, an address that you have not trusted yet."
    if not is_accepted and not sys.stdin.isatty():
        sys.exit(f"{question} If you trust it, add --trust once, or set GOLD_SLICE_TRUST=1.")
    if not is_accepted and input(f"{question} Trust it? [y/N] ").strip().lower() not in ("y", "yes"):
        sys.exit("Nothing was run.")
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.write_text("".join(f"{each}\n" for each in (*known, address)))


def target(address: str, arguments: list[str]) -> str:
    """Return what `--to` names, a tag or a commit; without `--to`, the latest tag."""
    wanted: list[str] = re.findall(r"(?:^|\0)--to[=\0]([^\0]+)", "\0".join(arguments))[-1:]
    listed = run("git", "ls-remote", re.sub(r"^git\+", "", address))
    if listed.returncode and not wanted:
        sys.exit(f"The template cannot be reached at {shown(address)}: {shown(listed.stderr.strip())}")
    refs = {name: commit for commit, _tab, name in (line.partition("\t") for line in listed.stdout.splitlines())}
    if wanted and f"refs/tags/{wanted[0]}" not in refs:
        return refs.get(f"refs/heads/{wanted[0]}", refs.get(wanted[0], wanted[0]))
    versions: list[str] = wanted or [name[10:] for name in refs if re.fullmatch(r"refs/tags/v?\d+(\.\d+)+", name)]
    if not versions:
        sys.exit(
            f"The template at {shown(address)} has no release yet: no tag like v1.2.0. Name a reference with --to."
        )
    return max(versions, key=lambda tag: [int(number) for number in re.findall(r"\d+", tag)])


def installed(address: str, release: str) -> str:
    """Return the path of a release's command, after installing it on its first use."""
    home = CACHE.expanduser() / "commands" / hashlib.sha256(f"{address}@{release}".encode()).hexdigest()[:16]
    program = home / "bin" / "gold-slice"
    if not program.exists():
        print(f"… installing the command of gold slice {release}", file=sys.stderr, flush=True)
        url = re.sub(r"^([\w.-]+@[\w.-]+):", r"ssh://\1/", re.sub(r"^(?=/)", "file://", address.removeprefix("git+")))
        reference = re.sub(r"^.*-g(?=[0-9a-f]+$)", "", release)  # `git describe` names a commit v1.2.0-3-g1a2b3c4
        folders = {"UV_TOOL_DIR": str(home / "tools"), "UV_TOOL_BIN_DIR": str(home / "bin")}
        python = ["--python", sys.executable] if sys.version_info >= (3, 13) else []  # this one is there already
        source = f"git+{url}@{reference}"
        done = run("uv", "tool", "install", "--quiet", *python, source, UV_COMPILE_BYTECODE="1", **folders)
        if done.returncode:
            reason = "Check the network and your credentials."
            sys.exit(f"The command of gold slice {release} could not be installed. {reason}\n{shown(done.stderr)}")
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
    """Return text without the passwords of addresses."""
    return re.sub(r"//[^/@\s]+@", "//", text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
