"""How an exercise looks at an answer: run the reader's code, compare with what is right and with what often goes wrong.

An exercise is a generator over its stages. It yields a sentence for each stage that holds and raises
`Mistake` at the first that does not, so a reader always works on one mechanism at a time.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


class Unanswered(Exception):
    """The reader has not begun: the answer is still `None` or `...`."""


class Mistake(Exception):
    """Something is not right yet; the message says what, kindly, and what to look at."""


class Answer:
    """A reader's answer: a value, or a function that a check may call."""

    def __init__(self, given: Any):
        if given is None or given is ...:
            raise Unanswered
        self.given = given

    def __call__(self, *arguments: Any, shape: tuple[int, ...]) -> Tensor:
        """What the reader's function returns: a float64 tensor of `shape`.

        Raises:
            Unanswered: the function returns nothing yet.
            Mistake: it is no function, it fails, or the result is of another type or shape.
        """
        if not callable(self.given):
            raise Mistake(f"this exercise asks for a function, and the answer is a {type(self.given).__name__}")
        try:
            result = self.given(*arguments)
        except Exception as error:  # whatever the reader's code raises is shown to the reader
            raise Mistake(f"your code raised {type(error).__name__}: {error}{_place(error)}") from error
        if result is None or result is ...:
            raise Unanswered
        return as_tensor(result, shape)

    def value(self, shape: tuple[int, ...] = ()) -> Tensor:
        """The answer itself as a float64 tensor of `shape`; a plain number has shape ().

        Raises:
            Mistake: it is of another type or shape.
        """
        return as_tensor(self.given, shape)


def _place(error: Exception) -> str:
    """The last line of the reader's own code that an error went through; nothing if it never got there."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call in `Answer`
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return f"\n    at: {own[-1].line or f'line {own[-1].lineno}'}" if own else ""


def as_tensor(value: Any, shape: tuple[int, ...]) -> Tensor:
    """The reader's tensor, array, list or number as float64.

    Raises:
        Mistake: it is none of these, or has another shape, or is not finite.
    """
    try:
        tensor = torch.as_tensor(value).detach().double()
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"the result is a {type(value).__name__}; numbers or a tensor are needed") from None
    if tuple(tensor.shape) != shape:
        raise Mistake(f"the result has shape {tuple(tensor.shape)}, and {shape} is needed")
    if bool(tensor.isnan().any()):
        raise Mistake("the result holds nan: look for 0/0, 0 * log(0) or the logarithm of a negative number")
    return tensor


def compare(result: Tensor, wanted: Tensor, mistakes: Mapping[str, Tensor], tolerance: float = 1e-4) -> None:
    """Nothing if `result` is `wanted`; else the name of the mistake that gives this very result.

    Args:
        result: of the reader, as `Answer` gives it.
        wanted: the right one, of the same shape.
        mistakes: what a likely mistake would have given, by the sentence that names it.
        tolerance: largest difference of an entry.

    Raises:
        Mistake: the results differ; unknown differences are shown at their largest.
    """
    difference = (result - wanted.double()).abs()
    if bool((difference <= tolerance).all()):
        return
    for sentence, wrong in mistakes.items():
        if wrong.shape == result.shape and bool(((result - wrong.double()).abs() <= tolerance).all()):
            raise Mistake(sentence)
    worst = int(difference.nan_to_num(torch.inf).argmax())
    got, right = float(result.flatten()[worst]), float(wanted.flatten()[worst])
    if not result.shape:
        raise Mistake(f"the result is {got:.4g} and should be {right:.4g}")
    place = [int(index) for index in torch.unravel_index(torch.tensor(worst), result.shape)]
    raise Mistake(f"the entry {place} is {got:.4g} and should be {right:.4g}")


#: of the exercises of the notebooks, by name ("01.mix"): the stages of its check
EXERCISES: dict[str, Callable[..., Iterator[str]]] = {}


def exercise(name: str) -> Callable[[Callable[..., Iterator[str]]], Callable[..., Iterator[str]]]:
    """Register the generator below it as the check of exercise `name`."""

    def register(stages: Callable[..., Iterator[str]]) -> Callable[..., Iterator[str]]:
        if name in EXERCISES:
            raise ValueError(f"exercise {name!r} is defined twice")
        EXERCISES[name] = stages
        return stages

    return register
