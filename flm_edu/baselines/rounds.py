"""Few-step distillation in rounds: each halves the steps, and its student teaches the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from flm_edu.settings import Settings, setting


@dataclass(frozen=True)
class RoundOptions(Settings):
    """Constants of a distillation in rounds.

    Raises:
        ValueError: an option is out of its range; the message names it.
    """

    rounds: int = setting(
        4, "How often the steps are halved; the training steps are shared among the rounds.", "[1, inf)"
    )
    teacher_steps: int = setting(64, "Sampling steps of the first teacher; every round halves them.", "[1, inf)")
    divergence: Literal["reverse", "forward"] = setting(
        "reverse", "KL(student || target), as published (reverse), or the other way (forward)."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.teacher_steps % 2**self.rounds:
            raise ValueError(
                f"`teacher_steps` is {self.teacher_steps}; {self.rounds} `rounds` that halve it need a multiple of "
                f"{2**self.rounds}"
            )


def divergence(log_student: Tensor, log_target: Tensor, kind: Literal["reverse", "forward"]) -> Tensor:
    """Return the KL between two predictions: log-probabilities (..., V) -> (...) nats.

    The targets of a round are random. The forward divergence makes the student their mean, which for an
    exact teacher is the teacher's own prediction again; the reverse one makes it commit to some of them.
    """
    if kind == "forward":
        log_student, log_target = log_target, log_student
    return (log_student.exp() * (log_student - log_target)).sum(-1)
