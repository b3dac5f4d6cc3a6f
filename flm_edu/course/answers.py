"""How an exercise looks at an answer: run the reader's code, compare with what is right and with what often goes wrong.

An exercise is a generator over its stages. It yields a sentence for each stage that holds and raises
`Mistake` at the first that does not, so a reader always works on one mechanism at a time.
"""

from __future__ import annotations

import copy
import inspect
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

    def __call__(
        self, *arguments: Any, shape: tuple[int, ...], hints: Mapping[tuple[int, ...], str] | None = None
    ) -> Tensor:
        """Return what the reader's function returns: a float64 tensor of `shape`. It is given copies of its arguments.

        Args:
            arguments: of the function.
            shape: of its result.
            hints: another shape -> the mistake that gives it.

        Raises:
            Unanswered: the function still returns its dots.
            Mistake: it is no function, it fails, it changes an argument or returns nothing, or the result is of
                another type or shape.
        """
        if not callable(self.given):
            raise Mistake(f"this exercise asks for a function, and the answer is a {type(self.given).__name__}")
        copies = [_copy(argument) for argument in arguments]
        try:
            result = self.given(*copies)
        except Exception as error:  # whatever the reader's code raises is shown to the reader
            raise Mistake(f"your code raised {type(error).__name__}: {error}{_place(error)}") from error
        if result is ...:
            raise Unanswered
        for name, argument, given in zip(self._names(len(arguments)), arguments, copies, strict=True):
            if not _same(argument, given):
                raise Mistake(
                    f"your function changes its argument `{name}` (by +=, an assignment to a part, or a method such as "
                    "add_); the caller still needs it, so make a new tensor"
                )
        if result is None:
            raise Mistake("your function returns None: a `return` is missing")
        return as_tensor(result, shape, hints)

    def _names(self, number: int) -> list[str]:
        """Return what the reader calls the arguments."""
        try:
            names = list(inspect.signature(self.given).parameters)
        except (TypeError, ValueError):
            names = []
        return (names + [f"number {i + 1}" for i in range(len(names), number)])[:number]

    def value(self, shape: tuple[int, ...] = ()) -> Tensor:
        """Return the answer itself as a float64 tensor of `shape`; a plain number has shape ().

        Raises:
            Mistake: it is of another type or shape.
        """
        return as_tensor(self.given, shape)


def _place(error: Exception) -> str:
    """Return the last line of the reader's own code that an error went through; nothing if it never got there."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call in `Answer`
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return f"\n    at: {own[-1].line or f'line {own[-1].lineno}'}" if own else ""


def _copy(argument: Any) -> Any:
    """Return a copy of data; anything else, such as a function, is itself."""
    if isinstance(argument, Tensor):
        return argument if argument.requires_grad else argument.clone()
    return copy.deepcopy(argument) if isinstance(argument, list | dict) else argument


def _same(before: Any, after: Any) -> bool:
    """Tell whether data is as it was."""
    if isinstance(before, Tensor):
        return before.shape == after.shape and bool((before == after).all())
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(value, after[key]) for key, value in before.items())
    if isinstance(before, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return not isinstance(before, int | float | str) or before == after


def as_tensor(value: Any, shape: tuple[int, ...], hints: Mapping[tuple[int, ...], str] | None = None) -> Tensor:
    """Return the reader's tensor, array, list or number as float64; `hints` names the mistakes that give other shapes.

    Raises:
        Mistake: it is none of these, or has another shape, or is not finite.
    """
    try:
        tensor = torch.as_tensor(value).detach().double()
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"the result is a {type(value).__name__}; numbers or a tensor are needed") from None
    if tuple(tensor.shape) != shape:
        hint = (hints or {}).get(tuple(tensor.shape))
        raise Mistake(f"the result has shape {tuple(tensor.shape)}, and {shape} is needed{f': {hint}' if hint else ''}")
    if bool(tensor.isnan().any()):
        raise Mistake("the result holds nan: look for 0/0, 0 * log(0) or the logarithm of a negative number")
    return tensor


def compare(result: Tensor, wanted: Tensor, mistakes: Mapping[str, Tensor], tolerance: float = 1e-4) -> None:
    """Accept `result` if it is `wanted`; else name the mistake that gives this very result.

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
    name_mistake(result, mistakes, tolerance)
    worst = int(difference.nan_to_num(torch.inf).argmax())
    got, right = float(result.flatten()[worst]), float(wanted.flatten()[worst])
    if not result.shape:
        raise Mistake(f"the result is {got:.4g} and should be {right:.4g}")
    place = [int(index) for index in torch.unravel_index(torch.tensor(worst), result.shape)]
    raise Mistake(f"the entry {place} is {got:.4g} and should be {right:.4g}")


def name_mistake(result: Tensor, mistakes: Mapping[str, Tensor], tolerance: float = 1e-4) -> None:
    """Raise nothing, unless one of the mistakes gives this very result.

    Raises:
        Mistake: with the sentence that names it.
    """
    for sentence, wrong in mistakes.items():
        if wrong.shape == result.shape and bool(((result - wrong.double()).abs() <= tolerance).all()):
            raise Mistake(sentence)


#: of the exercises of the notebooks, by name ("01.mix"): the stages of its check
EXERCISES: dict[str, Callable[..., Iterator[str]]] = {}
#: of the exercises whose answers go into a later cell: what stands in for one that is not there yet
REFERENCES: dict[str, Callable[..., Any]] = {}


def exercise(
    name: str, reference: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Iterator[str]]], Callable[..., Iterator[str]]]:
    """Register the generator below it as the check of exercise `name`, and a right answer for `use`."""

    def register(stages: Callable[..., Iterator[str]]) -> Callable[..., Iterator[str]]:
        if name in EXERCISES:
            raise ValueError(f"exercise {name!r} is defined twice")
        EXERCISES[name] = stages
        if reference is not None:
            REFERENCES[name] = reference
        return stages

    return register
