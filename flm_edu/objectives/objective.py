"""What an objective is given and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Objective:
    """A loss and what it is made of.

    Attributes:
        loss: scalar, nats per token, to differentiate.
        parts: named scalars without gradient, nats per token.
    """

    loss: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)
