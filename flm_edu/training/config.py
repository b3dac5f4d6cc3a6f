"""The settings of a training run, and what it needs of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor


class Corpus(Protocol):
    """What training needs of its data; `Language` and `TextCorpus` both have it."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def vocab_size(self) -> int:
        """V."""
        ...

    @property
    def length(self) -> int:
        """L."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of the data."""
        ...

    @property
    def origin(self) -> Mapping[str, Any]:
        """How to read it again."""
        ...

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Training rows (n, L) int64."""
        ...


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run, all of which are saved with the model.

    Raises:
        ValueError: a setting is out of its range; the message names it.
    """

    steps: int = 1500
    batch: int = 128  # sequences per optimizer step, over all processes and accumulation
    accumulate: int = 1  # backward passes per optimizer step
    seed: int = 0  # 0 or more
    optimizer: Literal["muon", "adamw"] = "muon"  # Muon for the blocks' matrices, AdamW for the rest
    lr: float = 2e-3  # of AdamW
    muon_lr: float = 0.02
    weight_decay: float = 0.0
    warmup: int = 100  # steps over which the learning rate rises
    decay: float = 0.5  # share of the steps, at the end, over which it falls to 0
    clip: float = 1.0  # largest norm of the gradient
    ema: float = 0.998  # decay of the averaged weights, which are the ones that are saved
    cycle: int = 0  # the draws come again after so many steps, a training set of a fixed size; 0: always new ones
    precision: Literal["auto", "float32", "bf16"] = "auto"  # auto: see `natural_precision`
    compile: bool = False
    log_every: int = 50  # steps
    save_every: int = 500  # steps

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in ("seed", "cycle"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name in ("lr", "muon_lr", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        if not (0 <= self.decay <= 1 and 0 <= self.ema < 1 and self.warmup >= 0):
            raise ValueError("decay must lie in [0, 1], ema in [0, 1), and warmup must not be negative")
        if self.optimizer not in ("muon", "adamw") or self.precision not in ("auto", "float32", "bf16"):
            raise ValueError("optimizer must be 'muon' or 'adamw', precision 'auto', 'float32' or 'bf16'")

    def lr_factor(self, step: int) -> float:
        """Share of the learning rate at a step: a linear rise, a plateau, a linear fall to 0."""
        rise = (step + 1) / self.warmup if step < self.warmup else 1.0
        fall = (self.steps - step) / (self.decay * self.steps) if self.decay else 1.0
        return min(rise, fall, 1.0)
