"""What a sampler saw on its way, and how it is collected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LIKELIEST = 5  # tokens of each prediction that a `Trajectory` keeps


@dataclass(frozen=True)
class Trajectory:
    """What a sampler saw on its way, in a form that needs no model to be read.

    Attributes:
        tau: (S+1,) reparameterized times from 0 to 1.
        t: (S+1,) their mixing times; of discrete models the same as tau.
        likeliest: (S+1, B, L, K) int64, the K <= 5 likeliest tokens of the prediction made at each time,
            best first; the last row is the sample.
        likelihoods: (S+1, B, L, K) float32, their probabilities under that prediction.
        states: (S+1, B, L, V) float32, or None unless asked for: the noisy mixture of a flow, the last being the
            prediction itself; of discrete models the one-hot tokens, zero where there is none yet.
    """

    tau: Tensor
    t: Tensor
    likeliest: Tensor
    likelihoods: Tensor
    states: Tensor | None = None

    @property
    def tokens(self) -> Tensor:
        """The likeliest token of each prediction: (S+1, B, L) int64."""
        return self.likeliest[..., 0]

    @property
    def confidences(self) -> Tensor:
        """Its probability: (S+1, B, L) float32."""
        return self.likelihoods[..., 0]

    @property
    def final_tokens(self) -> Tensor:
        """The samples: (B, L) int64."""
        return self.tokens[-1]


class Recorder:
    """Collects what a sampler sees into a `Trajectory`, if asked to.

    Args:
        record: whether to keep anything.
        keep_states: whether to keep the states too.
    """

    def __init__(self, record: bool, keep_states: bool = False):
        self.record, self.keep_states = record, record and keep_states
        self.best: list[tuple[Tensor, Tensor]] = []
        self.states: list[Tensor] = []

    def see(self, prediction: Tensor, state: Tensor | Callable[[], Tensor]) -> None:
        """Note the prediction of a step (B, L, V), and the state (B, L, V) that it was made from, or what makes it."""
        if self.record:
            likeliest = prediction.topk(min(LIKELIEST, prediction.shape[-1]))
            self.best.append((likeliest.indices.cpu(), likeliest.values.float().cpu()))
        self._keep(state)

    def decided(self, tokens: Tensor, state: Callable[[], Tensor]) -> None:
        """Note the samples (B, L): nothing is in doubt any more, and the runners-up have probability 0."""
        if self.record:
            last = self.best[-1][0].clone()
            last[..., 0] = tokens.cpu()
            self.best.append((last, (torch.arange(last.shape[-1]) == 0).float().expand(last.shape)))
        self._keep(state)

    def _keep(self, state: Tensor | Callable[[], Tensor]) -> None:
        if self.keep_states:
            self.states.append((state if isinstance(state, Tensor) else state()).float().cpu())

    def result(self, tokens: Tensor, tau: Tensor, t: Tensor | None = None) -> Tensor | Trajectory:
        """Return the samples (B, L), or how they came to be at the times tau (S+1,), mixing times t."""
        if not self.record:
            return tokens
        likeliest, likelihoods = (torch.stack(part) for part in zip(*self.best, strict=True))
        states = torch.stack(self.states) if self.keep_states else None
        return Trajectory(tau.cpu(), (tau if t is None else t).cpu(), likeliest, likelihoods, states)
