"""Stage 2 by a derivative, in logits: Lagrangian and Eulerian targets that never leave the simplex.

A jump is a softmax, delta = softmax(z), so its derivative is d delta = delta a with a = dz - <delta, dz>: each word's
share grows or shrinks by a factor. Put into the two equations of `differential`, both say D = delta q, with a ratio
q that the derivative tells. So where they subtract, this divides: delta = D / q, in logits log D - log q, normalized.

Source: docs/EQUATIONS.md; Discrete Flow Maps, arXiv 2604.09784. What is done where q is near 0 or infinite is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor

from flm_edu.interpolant import expand_time, jump_fraction
from flm_edu.objectives.differential import EulerianDistillation, LagrangianDistillation

#: The most that D weighs in the Lagrangian target, beside the student's own value.
SHARE = 0.5


class SimplexLagrangianDistillation(LagrangianDistillation):
    """The Lagrangian objective in logits. Args and Raises: as `LagrangianDistillation`; source: as this module."""

    part = "simplex_lagrangian_kl"

    def formula(self, denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return `simplex_lagrangian_target`."""
        return simplex_lagrangian_target(denoiser, value, slope, s, t)


class SimplexEulerianDistillation(EulerianDistillation):
    """The Eulerian objective in logits. Args and Raises: as `EulerianDistillation`; source: as this module."""

    part = "simplex_eulerian_kl"

    def formula(self, denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return `simplex_eulerian_target`."""
        return simplex_eulerian_target(denoiser, value, slope, s, t)


def simplex_lagrangian_target(denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return `divide` by q = 1 + ((1-t)(t-s)/(1-s)) a, of which D weighs `SHARE`.

    Shapes: denoiser D_t(X_{s,t}(x)), value delta_{s,t}(x) and slope d/dt delta (B, L, V), s, t (B,) -> (B, L, V).
    """
    ratio = 1 + expand_time((1 - t) * jump_fraction(s, t), value) * growth(value, slope)
    return divide(denoiser, value, SHARE * ratio, torch.full_like(s, SHARE))


def simplex_eulerian_target(denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return `divide` by q = 1 - (r/(1-r)) a, of which D weighs 1-r, with r = (t-s)/(1-s).

    q is infinite at t = 1, and (1-r) q = 1 - r - r a is not: `eulerian_target` has the same weight.

    Shapes: denoiser D_s(x), value delta_{s,t}(x), slope (1-s) d/ds delta + (D_s(x) - x) . grad delta, all
    (B, L, V), s, t (B,) -> (B, L, V).
    """
    r = jump_fraction(s, t)
    return divide(denoiser, value, 1 - expand_time(r, value) * (1 + growth(value, slope)), 1 - r)


def growth(value: Tensor, slope: Tensor) -> Tensor:
    """Return a = slope / delta = dz - <delta, dz>; 0 where a share is too small for a number to hold."""
    return slope / value.clamp_min(torch.finfo(value.dtype).tiny)


def divide(denoiser: Tensor, value: Tensor, ratio: Tensor, share: Tensor) -> Tensor:
    """Return (w D + (1-w) delta) / (w q + 1-w), normalized: D / q for w = 1, delta itself for D = delta q.

    A flow's q is never below 0, so a lower one counts as 0. Then what is divided by is 1-w or more, and no word
    gains more than (w/(1-w)) D + delta. Without the student's share a wrong derivative could put all on one word.

    Shapes: denoiser D, value delta and ratio w q (B, L, V), share w (B,) -> (B, L, V) on the simplex.
    """
    share = expand_time(share, value)
    target = torch.lerp(value, denoiser, share) / (ratio.clamp_min(0) + (1 - share))
    return target / target.sum(-1, keepdim=True)
