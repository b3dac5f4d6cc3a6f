"""Guidance: a flow driven away from a worse copy of itself, or towards what a reward prefers."""

from __future__ import annotations

from contextlib import ExitStack

import torch
from torch import Tensor

from flm_edu.generator import Request
from flm_edu.sampling import FlowGenerator
from flm_edu.trajectory import Trajectory


class GuidedFlow(FlowGenerator):
    """A flow, or flow map, driven away from a worse one: b = b_weak + scale (b_strong - b_weak).

    The velocity is affine in the denoiser, so the same holds of denoisers: D_weak + scale (D_strong - D_weak),
    which beyond scale 1 leaves the simplex. At scale 1 it is the strong flow. With the perfect flow of a tilted
    language (`Language.tilted`) in the strong flow's place and that of the language in the weak one's, it is
    guidance by a reward.

    Args:
        strong: what is to be improved.
        weak: what makes the same mistakes and more: fewer training steps, or dropout.
        scale: how far to go, 0 (the weak flow), 1 (the strong one) or beyond.

    Raises:
        ValueError: the two write other texts, or have another clock.

    Source: autoguidance, arXiv 2406.02507; for flow language models arXiv 2602.16813.
    """

    kind = "guided-flow"
    SAMPLERS = ("ode",)

    def __init__(self, strong: FlowGenerator, weak: FlowGenerator, scale: float):
        sizes = [(model.vocab_size, model.length, model.device) for model in (strong, weak)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"`strong` and `weak` write other texts: (V, L, device) is {sizes[0]} and {sizes[1]}")
        middle = torch.tensor([0.5])
        if not torch.equal(*(model.schedule.t(middle).double() for model in (strong, weak))):
            raise ValueError("`strong` and `weak` have different clocks; both must reach a time at the same step")
        self.strong, self.weak, self.scale, self.schedule = strong, weak, scale, strong.schedule

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.strong.vocab_size

    @property
    def length(self) -> int:
        """L."""
        return self.strong.length

    @property
    def device(self) -> torch.device:
        """Where samples are drawn."""
        return self.strong.device

    def draw_noise(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw what the strong flow starts from."""
        return self.strong.draw_noise(n, generator)

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the extrapolated D_t(x): (B, L, V), (B,) -> (B, L, V), summing to 1 but not always on the simplex."""
        weak = self.weak.denoiser(x, t)
        return weak + self.scale * (self.strong.denoiser(x, t) - weak)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return what a step from s to t moves towards, extrapolated."""
        weak = self.weak.step_denoiser(x, s, t)
        return weak + self.scale * (self.strong.step_denoiser(x, s, t) - weak)

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Sample with both in the state that sampling needs."""
        with ExitStack() as both:
            both.enter_context(self.strong.sampling())
            both.enter_context(self.weak.sampling())
            return super().generate(request)

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the texts of (B, L) tokens."""
        return self.strong.decode(tokens)

    def spell(self, token: int) -> str:
        """Return one token as it is written."""
        return self.strong.spell(token)
