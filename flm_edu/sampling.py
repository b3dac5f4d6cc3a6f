"""From noise to tokens: one loop for the flow and for its flow map.

Both move x from time s to time t by X_{s,t}(x) = (1-r) x + r delta with r = (t-s)/(1-s). A flow map
knows the two-time denoiser delta_{s,t}; Euler's method puts the denoiser D_s in its place. That is
the only difference between many-step and one-step generation.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise
from flm_edu.generator import Request, TextGenerator
from flm_edu.interpolant import flow_map_from_two_time_denoiser
from flm_edu.schedule import Schedule
from flm_edu.trajectory import Recorder, Trajectory

#: (x, s, t) -> delta on the simplex: states (B, L, V) at mixing times s, t of shape (B,).
TwoTimeDenoiser = Callable[[Tensor, Tensor, Tensor], Tensor]


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


class FlowGenerator(TextGenerator):
    """What samples by `integrate`: a flow or its flow map, trained or perfect, with its clock."""

    schedule: Schedule

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return the point of the simplex that one sampling step from s to t moves towards."""
        raise NotImplementedError

    def draw_noise(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw x_0 ~ N(0, I): (n, L, V)."""
        return gaussian_noise((n, self.length, self.vocab_size), generator, self.device)

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Carry noise to tokens by `integrate`."""
        record = {"record": request.record, "keep_states": request.keep_states}
        return integrate(self.step_denoiser, request.noise, self.schedule, request.steps, **record)
