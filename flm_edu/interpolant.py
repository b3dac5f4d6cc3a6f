"""The linear interpolant and the closed forms that tie denoiser, velocity and flow map together.

Pure tensor algebra: nothing here knows of networks, schedules or text. States have shape
(B, L, V); times have shape (B,) (or are 0-d) and lie in [0, 1], 0 being noise and 1 being data.

Where a formula is a quotient that becomes 0/0 at an end point (t = 1, s = t, u = s), the
function returns the limit along the flow, so that no caller needs to step around it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def expand_time(t: Tensor, like: Tensor) -> Tensor:
    """Append axes of length one to a time so that it broadcasts against a state.

    Shapes: t (B,) or (), like (B, ...) -> (B, 1, ...) in the dtype of `like`.
    """
    return t.to(like.dtype).reshape(t.shape + (1,) * (like.ndim - t.ndim)) if t.ndim else t.to(like.dtype)


def batch_time(t: Tensor, like: Tensor) -> Tensor:
    """Repeat a time that all states share: (B,), (1,) or () -> (B,), for states `like` (B, ...)."""
    return t.reshape(-1).expand(len(like))


def _ratio(numerator: Tensor, denominator: Tensor, where_zero: float) -> Tensor:
    """Return numerator / denominator, and `where_zero` where the denominator is 0; gradients stay finite."""
    zero = denominator == 0
    quotient = numerator / torch.where(zero, torch.ones_like(denominator), denominator)
    return torch.where(zero, torch.full_like(quotient, where_zero), quotient)


def one_hot(tokens: Tensor, vocab_size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return tokens as corners of the probability simplex.

    Shapes: tokens (B, L) int64 -> (B, L, V).
    """
    return F.one_hot(tokens, vocab_size).to(dtype)


def interpolate(noise: Tensor, data: Tensor, t: Tensor) -> Tensor:
    """Return I_t = (1 - t) x_0 + t x_1, the noisy mixture that the network sees.

    Shapes: noise, data (B, L, V), t (B,) -> (B, L, V). Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """
    t = expand_time(t, data)
    return (1 - t) * noise + t * data


def interpolate_tokens(noise: Tensor, tokens: Tensor, t: Tensor) -> Tensor:
    """Return `interpolate` of one-hot rows, written over the noise: one table of V entries a token, not five.

    Shapes: noise (B, L, V), tokens (B, L) int64, t (B,) -> (B, L, V), the same memory.
    """
    t = expand_time(t, noise)
    return noise.mul_(1 - t).scatter_add_(-1, tokens[..., None], t.expand(*tokens.shape, 1))


# --- one time: denoiser and velocity ------------------------------------------------------------


def velocity_from_denoiser(denoiser: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    """Return b_t(x) = (D_t(x) - x) / (1 - t), the velocity of the probability flow.

    At t = 1 a state on the flow equals its denoiser and the quotient is 0/0; the result is 0 there.

    Shapes: denoiser, x_t (B, L, V), t (B,) -> (B, L, V). Source: docs/EQUATIONS.md.
    """
    return _ratio(denoiser - x_t, 1 - expand_time(t, x_t), where_zero=0.0)


def denoiser_from_velocity(velocity: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    """Return D_t(x) = x + (1 - t) b_t(x), the inverse of `velocity_from_denoiser`.

    Shapes: velocity, x_t (B, L, V), t (B,) -> (B, L, V). Source: docs/EQUATIONS.md.
    """
    return x_t + (1 - expand_time(t, x_t)) * velocity


# --- two times: flow map, two-time denoiser, average velocity -----------------------------------


def jump_fraction(s: Tensor, t: Tensor) -> Tensor:
    """Return (t - s) / (1 - s): how much of the way from time s to the data a jump to time t covers.

    It is 0 where s = t, the end point s = t = 1 included, and 1 where t = 1 > s.

    Shapes: s, t broadcastable -> their common shape.
    """
    return _ratio(t - s, 1 - s, where_zero=0.0)


def flow_map_from_two_time_denoiser(two_time_denoiser: Tensor, x_s: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return X_{s,t}(x) = ((1-t)/(1-s)) x + ((t-s)/(1-s)) delta_{s,t}(x).

    With D_s(x) in place of delta this is one Euler step on the velocity: an Euler step is a jump
    that takes the denoiser at its start for the average over the whole interval.

    Shapes: two_time_denoiser, x_s (B, L, V), s, t (B,) -> (B, L, V). Source: docs/EQUATIONS.md.
    """
    fraction = expand_time(jump_fraction(s, t), x_s)
    return (1 - fraction) * x_s + fraction * two_time_denoiser


def two_time_denoiser_from_flow_map(flow_map: Tensor, x_s: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return delta_{s,t}(x) = x + (1 - s) v_{s,t}(x) with v the average velocity; inverse of the function above.

    Where s = t the flow map is the identity and holds no denoiser: the result is x there.

    Shapes: flow_map, x_s (B, L, V), s, t (B,) -> (B, L, V). Source: docs/EQUATIONS.md.
    """
    return denoiser_from_velocity(average_velocity_from_flow_map(flow_map, x_s, s, t), x_s, s)


def average_velocity_from_flow_map(flow_map: Tensor, x_s: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return v_{s,t}(x) = (X_{s,t}(x) - x) / (t - s), the average velocity over [s, t]; 0 where s = t.

    Shapes: flow_map, x_s (B, L, V), s, t (B,) -> (B, L, V). Source: docs/EQUATIONS.md.
    """
    return _ratio(flow_map - x_s, expand_time(t - s, x_s), where_zero=0.0)


# --- composition --------------------------------------------------------------------------------


def semigroup_weight(s: Tensor, u: Tensor, t: Tensor) -> Tensor:
    """Return g = (1-t)(u-s) / ((1-u)(t-s)), the share of [s, u] in the two-time denoiser over [s, t].

    As a function of u it rises from 0 at u = s to 1 at u = t: it is the cumulative of `path_weight`.
    Where s = t every share gives the same composition; the result is 1 there.

    Shapes: s <= u <= t broadcastable -> their common shape, in [0, 1]. Source: docs/EQUATIONS.md.
    """
    weight = _ratio(1 - t, 1 - u, where_zero=1.0) * _ratio(u - s, t - s, where_zero=1.0)
    # In exact arithmetic u = t gives 1; rounding must not push it, or anything below, past the ends.
    return torch.where(u == t, torch.ones_like(weight), weight).clamp(0.0, 1.0)


def compose_two_time_denoisers(first: Tensor, second: Tensor, s: Tensor, u: Tensor, t: Tensor) -> Tensor:
    """Return delta_{s,t} = g delta_{s,u} + (1-g) delta_{u,t}: the semigroup property on the simplex.

    `first` is delta_{s,u}(x), `second` is delta_{u,t}(X_{s,u}(x)). A convex combination, so two
    points of the simplex give a point of the simplex.

    Shapes: first, second (B, L, V), s, u, t (B,) -> (B, L, V). Source: docs/EQUATIONS.md.
    """
    weight = expand_time(semigroup_weight(s, u, t), first)
    return weight * first + (1 - weight) * second


def path_weight(s: Tensor, u: Tensor, t: Tensor) -> Tensor:
    """Return (1-s)(1-t) / ((t-s)(1-u)^2), the density over u with which delta_{s,t} averages the denoisers D_u.

    It integrates to 1 over u in [s, t]. For t = 1 all of its mass sits at u = 1 (the two-time
    denoiser is then the end of the path itself), where the density is infinite.

    Shapes: s < t, u in [s, t], broadcastable -> their common shape. Source: docs/EQUATIONS.md.
    """
    return _ratio((1 - s) * (1 - t), (t - s) * (1 - u) ** 2, where_zero=torch.inf)


def bridge(x: Tensor, data: Tensor, noise: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Draw x_t given x_s and the clean text: the mixture's own law, with the noise between s and t drawn anew.

    x_t ~ N(a x_s + b x_1, v I) with a = s(1-t)^2 / (t(1-s)^2), b = (t-s)(s+t-2st) / (t(1-s)^2) and
    v = (1-t)^2 b / t. Then x_t given x_1 alone is the interpolant: a s + b = t, and the variances add to (1-t)^2.

    Shapes: x, data, noise (B, L, V), s <= t (B,) -> (B, L, V). Source: marginal-conditioned bridge, arXiv 2605.13681.
    """
    s, t = expand_time(s, x), expand_time(t, x)
    left = t * (1 - s).square()
    moves = (left > 0) & (s < t)  # where it does not, x stays
    left = torch.where(moves, left, 1.0)
    a = torch.where(moves, s * (1 - t).square() / left, 1.0)
    b = torch.where(moves, (t - s) * (s + t - 2 * s * t) / left, 0.0)
    return a * x + b * data + (1 - t) * (b / torch.where(moves, t, 1.0)).sqrt() * noise
