"""The hooks before a commit: what they refuse and what they let through."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.commit_subject import fault

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "message",
    [
        "x" * 72 + "\n",
        "Why it changed\n\nAnd how, in a line as long as it needs, for only the subject is read in lists of commits.\n",
        "Why it changed\n# Please enter the commit message for your changes. Lines starting with '#' are ignored.\n",
        f"Merge branch '{'x' * 72}'\n",
        f'Revert "{"x" * 72}"\n',
        f"fixup! {'x' * 72}\n",
    ],
)
def test_a_fair_subject_passes(message: str) -> None:
    assert fault(message) is None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("x" * 73, "the subject has 73 characters"),
        ("ü" * 73, "the subject has 73 characters"),
        ("\n\nlate", "begins with an empty line"),
        ("# nothing but remarks", "begins with an empty line"),
        ("a subject\nthat goes on", "second line of the commit message must be empty"),
    ],
)
def test_a_subject_that_would_be_cut_off_is_refused(message: str, said: str) -> None:
    assert said in (fault(message) or "")


def test_the_hook_speaks_by_its_exit_status(tmp_path: Path) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    for text, status in (("short", 0), ("x" * 73, 1)):
        message.write_text(text, encoding="utf-8")
        command = [sys.executable, str(ROOT / "tools" / "commit_subject.py"), str(message)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == status
        assert bool(done.stderr) == bool(status)
