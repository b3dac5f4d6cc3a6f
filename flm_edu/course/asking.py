"""The two questions of a notebook: is this exercise solved, and what do you expect to see."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from flm_edu.course import lessons
from flm_edu.course.answers import EXERCISES, REFERENCES, Answer, Mistake, Unanswered
from flm_edu.course.progress import load, save

assert lessons  # importing it fills EXERCISES
LETTERS = "ABCDEFG"


def check(name: str, *answers: Any) -> None:
    """Look at the answers to an exercise stage by stage, print what holds and the first thing that does not.

    Args:
        name: of the exercise, such as "01.mix".
        answers: the reader's functions or values; `None` or `...` where there is none yet.

    Raises:
        ValueError: there is no such exercise. An unsolved one raises nothing.
    """
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(EXERCISES)}")
    passed = 0
    try:
        for sentence in EXERCISES[name](*map(Answer, answers)):
            print(f"✓ {sentence}")
            passed += 1
    except Unanswered:
        print(f"{name}: not answered yet. Put your answer in place of the dots; everything below works without it.")
        return
    except Mistake as mistake:
        print(f"✗ {mistake}")
        print(f"{name}: not there yet, after {passed} good step{'' if passed == 1 else 's'}; hints are below.")
        return
    record = load()
    if name not in record.exercises:
        record.exercises.append(name)
        save(record)
    print(f"{name}: solved. {len(set(record.exercises) & set(EXERCISES))} of {len(EXERCISES)} exercises done.")


def use(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the reader's function if it passes its check, else the course's own; a line says which.

    So the cells after an exercise work without it, and with it they run the reader's own code.

    Raises:
        ValueError: there is no such exercise, or none whose answer is used again.
    """
    if name not in REFERENCES:
        raise ValueError(f"there is no exercise {name!r} to use; there are {', '.join(REFERENCES)}")
    own = getattr(function, "__name__", "function")
    try:
        for _ in EXERCISES[name](Answer(function)):
            pass
    except (Unanswered, Mistake):
        print(f"Until your {own} passes its check, the course's own runs here.")
        return REFERENCES[name]
    print(f"Your own {own} runs here.")
    return function


class Prediction:
    """A guess that waits for its result; made by `predict`.

    Attributes:
        name: of the prediction.
        options: what may come out, each with its range of values; empty where a number is asked for.
        within: a number counts as right up to this factor.
        guess: a letter, or a number as written; None for no guess.
    """

    def __init__(self, name: str, options: Mapping[str, tuple[float, float]], within: float, guess: str | None):
        self.name, self.options, self.within, self.guess = name, dict(options), within, guess

    def reveal(self, value: float) -> None:
        """Show the result, or which option holds it, and score the guess.

        Raises:
            ValueError: no option holds the value, so the question was badly put.
        """
        if self.options:
            holding = [i for i, (low, high) in enumerate(self.options.values()) if low <= value <= high]
            if not holding:
                raise ValueError(f"{self.name}: no option holds {value}")
            letter = LETTERS[holding[0]]
            print(f"The answer is {letter}: {list(self.options)[holding[0]]}.")
            right = self.guess == letter
        else:
            print(f"The answer is {value:.4g}.")
            right = self.guess is not None and value / self.within <= float(self.guess) <= value * self.within
        if self.guess is None:
            return
        print(f"You guessed {self.guess}: right." if right else f"You guessed {self.guess}. What did you not expect?")
        record = load()
        if record.right.get(self.name) != right:
            record.right[self.name] = right
            save(record)


def predict(
    name: str,
    question: str,
    options: Mapping[str, tuple[float, float]] | None = None,
    *,
    within: float = 1.5,
    guess: str | float | None = None,
) -> Prediction:
    """Ask for a guess before the result is computed. The first guess is kept, whatever is written later.

    Args:
        name: of the prediction, such as "01.thousand".
        question: one sentence.
        options: what may come out, each with the range of values that it means, ends included; `None` asks
            for a positive number.
        within: a number is right up to this factor.
        guess: "A", "B", ... or the number; `None` for no guess.

    Raises:
        ValueError: the options are fewer than two or more than seven.
    """
    options = options or {}
    if len(options) == 1 or len(options) > len(LETTERS):
        raise ValueError(f"{name}: a prediction needs 2 to {len(LETTERS)} options, not {len(options)}")
    letters = LETTERS[: len(options)]
    print(question)
    for letter, label in zip(letters, options, strict=True):
        print(f"  {letter}  {label}")
    given = _readable(guess, letters)
    record = load()
    kept = record.guesses.get(name)
    if kept is not None and kept == _readable(kept, letters):  # a question may have changed since
        stays = given is not None and given != kept
        print(f"Your first guess, {kept}, stays locked in." if stays else f"Locked in: {kept}.")
    elif given is not None:
        kept = record.guesses[name] = given
        save(record)
        print(f"Locked in: {given}. Now run the next cell.")
    else:
        kept = None
        wanted = f"one of {', '.join(letters)}" if letters else "a number above 0"
        if guess is not None:
            print(f"{guess!r} is not {wanted}.")
        print(f"No guess yet: put {wanted} in place of guess=None, run this cell, and only then the next.")
    return Prediction(name, options, within, kept)


def _readable(guess: str | float | None, letters: str) -> str | None:
    """Return the guess as it is kept: a letter or a positive number; None where it is neither."""
    if guess is None:
        return None
    if letters:
        letter = str(guess).strip().upper()
        return letter if len(letter) == 1 and letter in letters else None
    try:
        return str(float(guess)) if 0 < float(guess) < math.inf else None
    except (TypeError, ValueError, OverflowError, RuntimeError):  # of lists, words, integers without end, tensors
        return None
