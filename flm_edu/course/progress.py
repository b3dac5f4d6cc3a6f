"""What a reader has done, in progress.json beside the notebooks.

The file holds the names of solved exercises and the guesses locked in, and nothing else. It is written
only when one of them is added, so that running a notebook without solving anything leaves no trace.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from flm_edu.course.answers import EXERCISES
from flm_edu.files import write_aside

FILE = "progress.json"


@dataclass
class Record:
    """The content of the file.

    Attributes:
        exercises: names of the solved ones.
        guesses: prediction -> what was guessed; kept as it was first made.
        right: prediction -> whether the guess was right, once the result was shown.
    """

    exercises: list[str] = field(default_factory=list)
    guesses: dict[str, str] = field(default_factory=dict)
    right: dict[str, bool] = field(default_factory=dict)


def load() -> Record:
    """Load the record of the working directory; an empty one, with a word about it, where there is none that can be read."""
    path = Path.cwd() / FILE
    try:
        return _read(path) if path.exists() else Record()
    except (OSError, ValueError) as error:
        print(f"{FILE} cannot be read ({error}); remove it to begin your record anew")
        return Record()


def save(record: Record) -> None:
    """Replace the file; where that cannot be done, say so and go on. A damaged file is left to its owner."""
    path = Path.cwd() / FILE
    try:
        if path.exists():
            _read(path)
        with write_aside(path.parent, path.name) as (aside,):
            aside.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    except ValueError:
        pass  # `load` has said so
    except OSError as error:
        print(f"your progress cannot be kept in {FILE} ({error.strerror})")


def _read(path: Path) -> Record:
    """Read the content of a file.

    Raises:
        ValueError: it is not such a record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is nested without end") from error
    if not isinstance(content, dict) or set(content) != {"exercises", "guesses", "right"}:
        raise ValueError("it is not a record of this course")
    exercises, guesses, right = (content[name] for name in ("exercises", "guesses", "right"))
    if not isinstance(exercises, list) or not isinstance(guesses, dict) or not isinstance(right, dict):
        raise ValueError("its entries are not lists of names and guesses")
    kinds = [(exercises, str), (guesses.values(), str), (right.values(), bool)]
    if not all(isinstance(entry, kind) for entries, kind in kinds for entry in entries):
        raise ValueError("its names and guesses are not text, or its scores not true or false")
    return Record(**content)


def progress() -> None:
    """Print which exercises are done, notebook by notebook, and how the predictions went."""
    record = load()
    for lesson in sorted({name.split(".")[0] for name in EXERCISES}):
        names = [name for name in EXERCISES if name.startswith(f"{lesson}.")]
        marks = "  ".join(f"{'✓' if name in record.exercises else '·'} {name.split('.', 1)[1]}" for name in names)
        print(f"notebook {lesson}:  {marks}")
    print(f"{len(set(record.exercises) & set(EXERCISES))} of {len(EXERCISES)} exercises done")
    if record.guesses:
        print(f"{sum(record.right.values())} of {len(record.guesses)} predictions right")
