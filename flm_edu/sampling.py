"""From noise to tokens: one loop for the flow and for its flow map.

Both move x from time s to time t by X_{s,t}(x) = (1-r) x + r delta with r = (t-s)/(1-s). A flow map
knows the two-time denoiser delta_{s,t}; Euler's method puts the denoiser D_s in its place. That is
the only difference between many-step and one-step generation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from flm_edu.interpolant import flow_map_from_two_time_denoiser
from flm_edu.schedule import Schedule

LIKELIEST = 5  # tokens of each prediction that a `Trajectory` keeps

#: (x, s, t) -> delta on the simplex: states (B, L, V) at mixing times s, t of shape (B,).
TwoTimeDenoiser = Callable[[Tensor, Tensor, Tensor], Tensor]


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


@torch.no_grad()
def integrate(
    delta: TwoTimeDenoiser,
    noise: Tensor,
    schedule: Schedule,
    steps: int,
    *,
    record: bool = False,
    keep_states: bool = False,
) -> Tensor | Trajectory:
    """Carry noise to tokens in `steps` evaluations of `delta`, equally spaced in tau.

    The last step lands at t = 1, where the state is delta itself: its argmax is the sample.

    Shapes: noise (B, L, V) -> tokens (B, L) int64, or a `Trajectory` when `record` is set.

    Raises:
        ValueError: steps below 1.

    Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """
    if steps < 1:
        raise ValueError(f"`steps` is {steps}; generation takes at least 1 network evaluation")
    recorder = Recorder(record, keep_states)
    tau = torch.linspace(0, 1, steps + 1, device=noise.device)
    t = schedule.t(tau)
    x = noise
    for start, stop in pairwise(t):
        s_batch, t_batch = start.expand(len(noise)), stop.expand(len(noise))
        prediction = delta(x, s_batch, t_batch)  # (B, L, V)
        recorder.see(prediction, x)
        x = flow_map_from_two_time_denoiser(prediction, x, s_batch, t_batch)
    recorder.see(x, x)
    return recorder.result(x.argmax(-1), tau, t)
