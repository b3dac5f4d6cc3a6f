"""Where a result comes from: what every saved model and table says about itself."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from flm_edu.files import printable


def describe_run(**facts: Any) -> dict[str, Any]:
    """Return package version, git commit, command, machine and time, followed by the facts given.

    The command is shown as it was typed, without the folder of the program.
    """
    return {
        "package": f"flm_edu {package_version()}",
        "commit": _git_commit(),
        "command": _command(),
        "machine": _machine(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        **facts,
    }


def _command() -> str:
    program = Path(sys.argv[0]) if sys.argv else Path()
    ours = program.name == "__main__.py" and program.parent.name in ("flm_edu", "cli")
    name = "flm-edu" if ours else program.name
    return printable(shlex.join([name, *sys.argv[1:]]))


def package_version() -> str:
    """Return the installed version, or "source" when the package runs uninstalled."""
    try:
        return version("flm-edu")
    except PackageNotFoundError:
        return "source"


def _git_commit() -> str:
    """Return the commit of the clone this package is run from, marked when files differ; "none" outside a clone."""
    here = Path(__file__).resolve().parent

    def git(*args: str) -> str:
        answer = subprocess.run(["git", "-C", str(here), *args], capture_output=True, check=True).stdout
        return os.fsdecode(answer).strip()  # in the encoding of file names, whatever the locale's is

    try:
        if Path(git("rev-parse", "--show-toplevel")) != here.parent:
            return "none"  # some other project's repository, with this package installed inside it
        commit = git("rev-parse", "--short=12", "HEAD")
        return commit + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, ValueError, subprocess.CalledProcessError):  # a nicety, which must never stop a save
        return "none"


def _machine() -> str:
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{gpu}"
