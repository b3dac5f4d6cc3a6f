"""What is minimised: cross-entropy for the flow, semigroup consistency for its flow map.

An objective takes a model, a batch of tokens and a generator and returns an `Objective`: the loss to
differentiate and the figures worth watching, all in nats per token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu.interpolant import (
    compose_two_time_denoisers,
    flow_map_from_two_time_denoiser,
    interpolate,
    one_hot,
)
from flm_edu.models import FlowLM, FlowMapLM
from flm_edu.sampling import gaussian_noise


@dataclass(frozen=True)
class Objective:
    """A loss and what it is made of.

    Attributes:
        loss: scalar, nats per token, to differentiate.
        parts: named scalars without gradient, nats per token.
    """

    loss: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


def stratified(n: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
    """n times, one uniform draw in each of n equal slices of [0, 1], in random order: (n,).

    Every batch then covers the whole clock, which takes most of the noise out of the loss.
    """
    source = generator.device if generator is not None else device
    slices = torch.randperm(n, generator=generator, device=source)
    return ((slices + torch.rand(n, generator=generator, device=source)) / n).to(device)


# --- stage 1: the flow --------------------------------------------------------------------------


def flow_matching(
    model: FlowLM, tokens: Tensor, generator: torch.Generator | None, averaged: FlowLM | None = None
) -> Objective:
    """E over tau, noise and data of -log D_t(I_t)[clean token]: a classifier of noisy tokens.

    Shapes: tokens (B, L) int64; `averaged` is not needed here. Source: METHOD.md, "FLM (stage 1)"; arXiv 2602.16813.
    """
    tau = stratified(len(tokens), generator, tokens.device)
    data = one_hot(tokens, model.config.vocab_size)
    noise = gaussian_noise(data.shape, generator, tokens.device)
    x_t = interpolate(noise, data, model.schedule.t(tau))
    loss = F.cross_entropy(model.logits(x_t, tau).flatten(0, 1), tokens.flatten())
    return Objective(loss, {"cross_entropy": loss.detach()})


# --- stage 2: the flow map ----------------------------------------------------------------------


@dataclass(frozen=True)
class SemigroupOptions:
    """Constants of the semigroup distillation; the defaults are the authors' released recipe.

    Raises:
        ValueError: an option is out of its range; the message names it.
    """

    diagonal_fraction: float = 0.5  # share of the batch that learns D_t from the teacher at s = t
    boundary_every: int = 32  # one pair in so many, and at least one, is (0, 1), the one-step jump; 0 for none
    target: Literal["student", "ema"] = "student"  # whose jumps are composed into the target

    def __post_init__(self) -> None:
        if not 0 <= self.diagonal_fraction < 1:
            raise ValueError(f"diagonal_fraction is {self.diagonal_fraction}; it must lie in [0, 1)")
        if self.boundary_every < 0:
            raise ValueError(f"boundary_every is {self.boundary_every}; it must be 0 (never) or more")
        if self.target not in ("student", "ema"):
            raise ValueError(f"target is {self.target!r}; choose 'student' or 'ema'")


class SemigroupDistillation:
    """One long jump must land where two short ones do, and jumps of length zero must follow the teacher.

    Off the diagonal the target is g delta_{s,u}(I_s) + (1-g) delta_{u,t}(X_{s,u}(I_s)), with u the
    midpoint of s and t in tau and no gradient through it; on the diagonal it is the teacher's D_t.
    Both losses are KL(target || student).

    Args:
        teacher: the trained flow; not changed.
        options: the recipe's constants.

    Source: METHOD.md, "FMLM (stage 2)"; arXiv 2602.16813.
    """

    def __init__(self, teacher: FlowLM, options: SemigroupOptions | None = None):
        self.teacher = teacher.eval().requires_grad_(False)
        self.options = options or SemigroupOptions()

    def __call__(
        self, model: FlowMapLM, tokens: Tensor, generator: torch.Generator | None, averaged: FlowMapLM | None = None
    ) -> Objective:
        """The loss over a batch, its diagonal part first.

        Shapes: tokens (B, L) int64; `averaged` is the student with averaged weights.

        Raises:
            ValueError: options.target is "ema" but there is no average, or the batch is all diagonal.
        """
        if self.options.target == "ema" and averaged is None:
            raise ValueError("target 'ema' needs the averaged student")
        self.teacher.to(tokens.device)
        walker = averaged if self.options.target == "ema" and averaged is not None else model
        n_diagonal = round(len(tokens) * self.options.diagonal_fraction)
        n_jump = len(tokens) - n_diagonal
        if n_jump < 1:
            raise ValueError(
                f"diagonal_fraction {self.options.diagonal_fraction} leaves no jump in a batch of {len(tokens)}; "
                "take a smaller one or a larger batch"
            )
        tau_s, tau_t = self._times(n_diagonal, n_jump, generator, tokens.device)
        data = one_hot(tokens, model.config.vocab_size)
        x_s = interpolate(gaussian_noise(data.shape, generator, tokens.device), data, model.schedule.t(tau_s))

        with torch.no_grad():
            on_diagonal = self.teacher.logits(x_s[:n_diagonal], tau_s[:n_diagonal]).softmax(-1)
            jumps = _composed(walker, x_s[n_diagonal:], tau_s[n_diagonal:], tau_t[n_diagonal:])
            target = torch.cat([on_diagonal, jumps])  # (B, L, V) on the simplex
        log_student = model.logits(x_s, tau_s, tau_t).log_softmax(-1)
        divergence = F.kl_div(log_student, target, reduction="none").sum(-1).mean(-1)  # (B,) nats per token
        parts = {
            "diagonal_kl": divergence[:n_diagonal].detach().mean() if n_diagonal else divergence.new_zeros(()),
            "semigroup_kl": divergence[n_diagonal:].detach().mean(),
        }
        return Objective(divergence.mean(), parts)

    def _times(
        self, n_diagonal: int, n_jump: int, generator: torch.Generator | None, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Start and end of each jump in tau: (B,) each, s = t for the first n_diagonal."""
        diagonal = stratified(max(n_diagonal, 1), generator, device)[:n_diagonal]
        length = stratified(n_jump, generator, device)
        source = generator.device if generator is not None else device
        start = torch.rand(n_jump, generator=generator, device=source).to(device) * (1 - length)
        if self.options.boundary_every:
            boundary = torch.arange(n_jump, device=device) % self.options.boundary_every == 0
            start, length = torch.where(boundary, 0.0, start), torch.where(boundary, 1.0, length)
        return torch.cat([diagonal, start]), torch.cat([diagonal, (start + length).clamp_max(1)])


def _composed(walker: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
    """Two jumps through the midpoint in tau as one two-time denoiser: (B, L, V) on the simplex."""
    tau_u = (tau_s + tau_t) / 2
    s, u, t = (walker.schedule.t(tau) for tau in (tau_s, tau_u, tau_t))
    first = walker.logits(x_s, tau_s, tau_u).softmax(-1)
    x_u = flow_map_from_two_time_denoiser(first, x_s, s, u)
    second = walker.logits(x_u, tau_u, tau_t).softmax(-1)
    return compose_two_time_denoisers(first, second, s, u, t)
