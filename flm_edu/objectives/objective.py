"""What an objective is given at a step of training, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepContext:
    """What an objective may use beside the model and the tokens.

    Attributes:
        generator: of every draw.
        averaged: the model with averaged weights; None outside a training.
        progress: share of the training that is over, in [0, 1).
        batch: the number of this batch where batches come again (`TrainConfig.cycle`); else None.
    """

    generator: torch.Generator | None = None
    averaged: Any = None
    progress: float = 0.0
    batch: int | None = None


@dataclass(frozen=True)
class Loss:
    """What is differentiated, and the figures worth watching.

    Attributes:
        loss: 0-d, nats per token, to differentiate.
        parts: named 0-d figures without gradient, nats per token.
    """

    loss: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


#: (model, tokens (B, L) int64, context) -> the loss over the batch
Objective = Callable[[Any, Tensor, StepContext], Loss]
