"""The settings of a training run, and what it needs of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from flm_edu.settings import Settings, setting


class Corpus(Protocol):
    """What training needs of its data; `Language`, `Automaton` and `TextCorpus` have it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def vocab_size(self) -> int:
        """V."""

    @property
    def length(self) -> int:
        """L."""

    @property
    def fingerprint(self) -> str:
        """A hash of the data."""

    @property
    def origin(self) -> Mapping[str, Any]:
        """How to read it again."""

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw training rows (n, L) int64."""


@dataclass(frozen=True)
class TrainConfig(Settings):
    """Settings of a run, all of which are saved with the model.

    Raises:
        ValueError: a setting is out of its range; names it.
    """

    steps: int = setting(1500, "Optimizer steps.", "[1, inf)")
    batch: int = setting(128, "Sequences per optimizer step, over all processes and accumulation.", "[1, inf)")
    accumulate: int = setting(1, "Backward passes per optimizer step.", "[1, inf)")
    seed: int = setting(0, "Seed of every random draw.", "[0, 9223372036854775807]")
    optimizer: Literal["muon", "adamw"] = setting("muon", "muon: Muon for the blocks' matrices, AdamW for the rest.")
    lr: float = setting(2e-3, "Learning rate of AdamW.", "(0, inf)")
    muon_lr: float = setting(0.02, "Learning rate of Muon.", "(0, inf)")
    weight_decay: float = setting(0.0, "Weight decay.", "[0, inf)")
    warmup: int = setting(100, "Steps over which the learning rate rises.", "[0, inf)")
    decay: float = setting(0.5, "Share of the steps, at the end, over which the learning rate falls to 0.", "[0, 1]")
    clip: float = setting(1.0, "Largest norm of the gradient.", "(0, inf)")
    ema: float = setting(0.998, "Decay of the averaged weights, which are the ones that are saved.", "[0, 1)")
    cycle: int = setting(
        0,
        "The draws come again after this many steps, and targets that stay the same are kept in memory; 0: always new.",
        "[0, inf)",
    )
    precision: Literal["auto", "float32", "bf16"] = setting(
        "auto", "auto: bf16 on a GPU, and on a CPU that has it; else float32."
    )
    compile: bool = setting(False, "Compile the network with torch.compile.")
    log_every: int = setting(50, "Steps between metrics records.", "[1, inf)")
    save_every: int = setting(500, "Steps between checkpoints.", "[1, inf)")

    def lr_factor(self, step: int) -> float:
        """Return the share of the learning rate at a step: a linear rise, a plateau, a linear fall to 0."""
        rise = (step + 1) / self.warmup if step < self.warmup else 1.0
        fall = (self.steps - step) / (self.decay * self.steps) if self.decay else 1.0
        return min(rise, fall, 1.0)
