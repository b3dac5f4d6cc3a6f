"""From noise to tokens: one loop for the flow and for its flow map, and one that draws words on the way.

Both move x from time s to time t by X_{s,t}(x) = (1-r) x + r delta with r = (t-s)/(1-s). A flow map
knows the two-time denoiser delta_{s,t}; Euler's method puts the denoiser D_s in its place. That is
the only difference between many-step and one-step generation.

The bridge draws a word from D_s at every position and moves as if the text were known. It ends where the
flow ends, in distribution, and drawing words gives temperature and top-p a meaning. A flow map can also write
a whole text in every step and put noise back, so that it can think again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor

from flm_edu.draws import categorical, gaussian_noise
from flm_edu.generator import Request, TextGenerator
from flm_edu.interpolant import bridge, flow_map_from_two_time_denoiser, interpolate, one_hot
from flm_edu.schedule import Schedule
from flm_edu.trajectory import Recorder, Trajectory

#: (x, s, t) -> delta on the simplex: states (B, L, V) at mixing times s, t of shape (B,).
TwoTimeDenoiser = Callable[[Tensor, Tensor, Tensor], Tensor]
#: (delta, x, s, t) -> the state at t: (B, L, V), (B, L, V), (B,), (B,) -> (B, L, V).
Move = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
#: (x, t) -> x with the given words' own mixtures in their places: (B, L, V), (B,) -> (B, L, V).
Hold = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def integrate(
    delta: TwoTimeDenoiser,
    noise: Tensor,
    schedule: Schedule,
    steps: int,
    *,
    move: Move = flow_map_from_two_time_denoiser,
    hold: Hold = lambda x, t: x,
    record: bool = False,
    keep_states: bool = False,
) -> Tensor | Trajectory:
    """Carry noise to tokens in `steps` evaluations of `delta`, equally spaced in tau.

    The last step lands at t = 1, where the state is delta itself: its argmax is the sample. `move` takes a step, and
    `hold` corrects the state after it.

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
        x = hold(move(prediction, x, s_batch, t_batch), t_batch)
    recorder.see(x, x)
    return recorder.result(x.argmax(-1), tau, t)


@torch.no_grad()
def cross_bridges(
    denoiser: Callable[[Tensor, Tensor], Tensor],
    noise: Tensor,
    schedule: Schedule,
    steps: int,
    generator: torch.Generator | None,
    **options: Any,
) -> Tensor | Trajectory:
    """Carry noise to tokens by drawing words from `denoiser` at each of `steps` times; `options` as of `integrate`.

    Between two times the state goes over the bridge to the words that were drawn, with fresh noise. With the
    exact denoiser each position has the right distribution at every time; that positions are drawn apart is an
    error of each step, as in discrete diffusion, and the smaller the steps, the less is drawn anew in each.

    Shapes: noise (B, L, V) -> tokens (B, L) int64, or a `Trajectory` when `record` is set.

    Source: marginal-conditioned bridge, arXiv 2605.13681.
    """

    def move(prediction: Tensor, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        drawn = one_hot(categorical(prediction, generator), x.shape[-1], x.dtype)
        return bridge(x, drawn, gaussian_noise(tuple(x.shape), generator, x.device).to(x.dtype), s, t)

    return integrate(lambda x, s, t: denoiser(x, s), noise, schedule, steps, move=move, **options)


@torch.no_grad()
def jump_and_return(
    delta: TwoTimeDenoiser,
    noise: Tensor,
    schedule: Schedule,
    steps: int,
    generator: torch.Generator | None,
    **options: Any,
) -> Tensor | Trajectory:
    """Write a whole text from noise by one jump of `delta`, and in each further step mix it with fresh noise and jump again.

    The words are drawn from delta_{s,1}, and the text goes back to the interpolant at the next time. With the
    exact flow map every one of these texts is an exact sample; a trained one mends what its long jumps got wrong
    by shorter ones. `options` as of `integrate`.

    Shapes: noise (B, L, V) -> tokens (B, L) int64, or a `Trajectory` when `record` is set.

    Source: multistep sampling of consistency models (arXiv 2303.01469), gamma-sampling of flow maps with gamma 1.
    """

    def move(prediction: Tensor, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        drawn = one_hot(categorical(prediction, generator), x.shape[-1], x.dtype)
        return interpolate(gaussian_noise(tuple(x.shape), generator, x.device).to(x.dtype), drawn, t.to(x.dtype))

    return integrate(lambda x, s, t: delta(x, s, torch.ones_like(s)), noise, schedule, steps, move=move, **options)


class FlowGenerator(TextGenerator):
    """What samples by `integrate`: a flow or its flow map, trained or perfect, with its clock."""

    SAMPLERS: ClassVar[tuple[str, ...]] = ("ode", "bridge")
    MAP_SAMPLERS: ClassVar[tuple[str, ...]] = (*SAMPLERS, "renoise")  # of a flow map
    schedule: Schedule

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """Return D_t(x), the token posterior: x (B, L, V) at mixing times t (B,) -> (B, L, V) on the simplex."""
        raise NotImplementedError

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return the point of the simplex that one sampling step from s to t moves towards."""
        raise NotImplementedError

    def draw_noise(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw x_0 ~ N(0, I): (n, L, V)."""
        return gaussian_noise((n, self.length, self.vocab_size), generator, self.device)

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Carry noise to tokens by `integrate`, `cross_bridges` or `jump_and_return`.

        Raises:
            ValueError: a temperature or top-p for the ODE, which draws no word.
        """
        options: dict[str, Any] = {"record": request.record, "keep_states": request.keep_states}
        if request.given is not None:
            options["hold"] = _holding(request.given, request.noise)
        way = (request.noise, self.schedule, request.steps)
        if request.sampler == "bridge":
            return cross_bridges(lambda x, t: request.sharpen(self.denoiser(x, t)), *way, request.generator, **options)
        if request.sampler == "renoise":
            return jump_and_return(
                lambda x, s, t: request.sharpen(self.step_denoiser(x, s, t).clamp_min(0)),
                *way,
                request.generator,
                **options,
            )
        if (request.temperature, request.top_p) != (1, 1):
            others = " or ".join(repr(sampler) for sampler in self.SAMPLERS[1:])
            raise ValueError(
                f"`temperature` and `top_p` are of a draw, and the ODE draws no word: take `sampler` {others}"
            )
        return integrate(self.step_denoiser, *way, **options)


def _holding(given: Tensor, noise: Tensor) -> Hold:
    """Return what puts each given token (n, L) where its own noise (n, L, V) and it would be at a time."""
    known = (given >= 0)[..., None]

    def hold(x: Tensor, t: Tensor) -> Tensor:
        words = one_hot(given.clamp_min(0), x.shape[-1], x.dtype)
        return torch.where(known, interpolate(noise, words, t.to(x.dtype)), x)

    return hold
