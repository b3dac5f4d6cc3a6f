"""Refuse a commit message whose subject is missing or longer than 72 characters: `commit_subject.py MESSAGE_FILE`.

A longer subject is cut off by `git log --oneline` and by web pages. What git itself writes (merges, reverts, fixups) is
let through. Standard library only, for a hook runs before every commit.
"""

from __future__ import annotations

import sys
from pathlib import Path

LONGEST = 72
BY_GIT = ("Merge ", 'Revert "', "fixup! ", "squash! ", "amend! ")


def fault(message: str) -> str | None:
    """Return what is wrong with the message in a sentence, or None where nothing is."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]  # git's own remarks
    subject, after = ([*lines, "", ""])[:2]
    if not subject.strip():
        return "the commit message begins with an empty line; give it a subject that says why"
    if subject.startswith(BY_GIT):
        return None
    if len(subject) > LONGEST:
        return f"the subject has {len(subject)} characters; at most {LONGEST}, and the rest below an empty line"
    if after.strip():
        return "the second line of the commit message must be empty"
    return None


def main() -> int:
    """Check the file that git names, and return the exit status."""
    found = fault(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if found:
        print(found, file=sys.stderr)
    return int(found is not None)


if __name__ == "__main__":
    sys.exit(main())
