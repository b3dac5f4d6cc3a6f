"""Few-step distillation in rounds: each halves the steps, and its student teaches the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True)
class RoundOptions:
    """Constants of a distillation in rounds.

    Raises:
        ValueError: an option is out of its range; the message names it.
    """

    rounds: int = 4  # the training steps are shared out equally among them
    teacher_steps: int = 64  # of the first teacher; every round halves them
    divergence: Literal["reverse", "forward"] = "reverse"  # KL(student || target), as published, or the other way

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}; it must be at least 1")
        if self.teacher_steps < 1 or self.teacher_steps % 2**self.rounds:
            raise ValueError(
                f"teacher_steps is {self.teacher_steps}; {self.rounds} rounds that halve it need a multiple of "
                f"{2**self.rounds}"
            )
        if self.divergence not in ("reverse", "forward"):
            raise ValueError(f"divergence is {self.divergence!r}; choose 'reverse' or 'forward'")


def divergence(log_student: Tensor, log_target: Tensor, kind: Literal["reverse", "forward"]) -> Tensor:
    """KL between two predictions: log-probabilities (..., V) -> (...) nats.

    The targets of a round are random. The forward divergence makes the student their mean, which for an
    exact teacher is the teacher's own prediction again; the reverse one makes it commit to some of them.
    """
    if kind == "forward":
        log_student, log_target = log_target, log_student
    return (log_student.exp() * (log_student - log_target)).sum(-1)
