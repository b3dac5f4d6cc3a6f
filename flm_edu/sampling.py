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
        t: (S+1,) their mixing times.
        likeliest: (S+1, B, L, K) int64, the K <= 5 likeliest tokens of the prediction made at each time,
            best first; the last row is the sample.
        likelihoods: (S+1, B, L, K) float32, their probabilities under that prediction.
        states: (S+1, B, L, V) float32, or None unless asked for; the last is the prediction itself.
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


def check_sampling(n: int, steps: int) -> None:
    """Refuse what cannot be sampled.

    Raises:
        ValueError: n or steps below 1.
    """
    if n < 1 or steps < 1:
        raise ValueError(f"n is {n} and steps is {steps}; both must be at least 1")


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
        raise ValueError(f"steps is {steps}; generation takes at least 1 network evaluation")
    tau = torch.linspace(0, 1, steps + 1, device=noise.device)
    t = schedule.t(tau)
    x, best, states = noise, [], []
    for start, stop in pairwise(t):
        s_batch, t_batch = start.expand(len(noise)), stop.expand(len(noise))
        prediction = delta(x, s_batch, t_batch)  # (B, L, V)
        if record:
            best.append(prediction.topk(min(LIKELIEST, prediction.shape[-1])))
            states.append(x if keep_states else x.new_empty(0))
        x = flow_map_from_two_time_denoiser(prediction, x, s_batch, t_batch)
    if not record:
        return x.argmax(-1)
    best.append(x.topk(min(LIKELIEST, x.shape[-1])))
    states.append(x if keep_states else x.new_empty(0))
    return Trajectory(
        tau=tau.cpu(),
        t=t.cpu(),
        likeliest=torch.stack([few.indices for few in best]).cpu(),
        likelihoods=torch.stack([few.values for few in best]).float().cpu(),
        states=torch.stack(states).float().cpu() if keep_states else None,
    )
