"""The clock of training and sampling: tau, the time in which token decisions are spread evenly.

A schedule maps mixing time t (how the state is built) to reparameterized time tau (what is drawn
uniformly in training, what steps are spaced in, what the network is conditioned on) and back.
"""

from __future__ import annotations

import math
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

ScheduleName = Literal["decoding-error", "uniform"]


class Schedule(Protocol):
    """An increasing map of [0, 1] onto itself and its inverse, for tensors of any shape."""

    def tau(self, t: Tensor) -> Tensor:
        """Return the reparameterized time of mixing time t."""

    def t(self, tau: Tensor) -> Tensor:
        """Return the mixing time of reparameterized time tau."""

    def dtau_dt(self, t: Tensor) -> Tensor:
        """Return how fast tau runs at mixing time t."""


class UniformSchedule:
    """No reparameterization: tau = t. What most flow models use, and what to compare with."""

    def tau(self, t: Tensor) -> Tensor:
        """Return tau = t, clamped to [0, 1]."""
        return t.clamp(0, 1)

    def t(self, tau: Tensor) -> Tensor:
        """Return t = tau, clamped to [0, 1]."""
        return tau.clamp(0, 1)

    def dtau_dt(self, t: Tensor) -> Tensor:
        """Return 1 everywhere."""
        return torch.ones_like(t)


class DecodingErrorSchedule:
    """tau(t) = 1 - (V/(V-1)) P_e(t), with P_e the chance that argmax of a noisy token is wrong.

    A row of the interpolant is t e_k + (1-t) z with z ~ N(0, I_V). Its largest entry is the k-th
    with probability E[Phi(z + t/(1-t))^(V-1)], z ~ N(0, 1): a one-dimensional integral, computed
    here by Gauss-Hermite quadrature, in log space and float64. The weights are positive, so the
    clock is monotone whatever the number of nodes.

    Args:
        vocab_size: V, at least 2. The larger it is, the narrower the range of t where decisions fall.
        nodes: of the quadrature, 2 to 180. The published models were trained with the clock of 100
            nodes, which is off the integral by less than 1e-5 at V = 1,000 and 1e-4 at V = 50,257
            (tests/test_schedule.py measures it); any fixed number gives a valid clock.

    Raises:
        ValueError: vocab_size is below 2, where there is nothing to decide, or nodes is out of range.

    Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """

    _TABLE = 8192  # entries of the inverse table, equally spaced in t

    def __init__(self, vocab_size: int, nodes: int = 100):
        if vocab_size < 2:
            raise ValueError(f"vocab_size is {vocab_size}; a time reparameterization needs at least 2 tokens")
        if not 2 <= nodes <= 180:
            raise ValueError(f"nodes is {nodes}; the quadrature takes 2 to 180")
        self.vocab_size = vocab_size
        z, weight = map(torch.from_numpy, np.polynomial.hermite_e.hermegauss(nodes))
        t = torch.linspace(0, 1, self._TABLE, dtype=torch.float64)
        self._tables: dict[torch.device, tuple[Tensor, ...]] = {torch.device("cpu"): (z, weight / weight.sum())}
        error = self._raw_error(t)
        # The rule's own value at t = 0, which is 1 - 1/V up to 1e-7, makes tau(0) exactly 0.
        self._error_at_0 = float(error[0])
        tau = (1 - error / error[0]).cummax(0).values
        if not (tau[0] == 0 and tau[-1] == 1 and bool((tau.diff() >= 0).all())):
            raise AssertionError(f"the decoding-error schedule of V={vocab_size} is not a clock")
        self._tables[torch.device("cpu")] += (t, tau)

    def decoding_error(self, t: Tensor) -> Tensor:
        """Return P_e(t), the probability that argmax of a noisy row is not its clean token; 1 - 1/V at t = 0.

        Shapes: any -> the same, in the dtype of t (computed in float64).
        """
        error = self._raw_error(t) * ((1 - 1 / self.vocab_size) / self._error_at_0)
        return error.to(t.dtype)

    def tau(self, t: Tensor) -> Tensor:
        """Return tau(t) = 1 - (V/(V-1)) P_e(t), from 0 at t = 0 to 1 at t = 1; times outside [0, 1] are clamped.

        Shapes: any -> the same, in the dtype of t (computed in float64).
        """
        return (1 - self._raw_error(t) / self._error_at_0).clamp(0, 1).to(t.dtype)

    def t(self, tau: Tensor) -> Tensor:
        """Return the mixing time of tau: linear interpolation in a table of the forward map.

        The ends are exact: 0 gives 0 and 1 gives 1. Where tau is otherwise flat to machine precision (t
        near 1, and near 0 for large V) the result is some t of the flat stretch, finite and monotone.

        Shapes: any -> the same, in the dtype of tau (computed in float64).
        """
        _, _, t_table, tau_table = self._on(tau.device)
        wanted = tau.to(torch.float64).clamp(0, 1).contiguous()
        right = torch.searchsorted(tau_table, wanted).clamp(1, self._TABLE - 1)
        low, high = tau_table[right - 1], tau_table[right]
        share = torch.where(high > low, (wanted - low) / (high - low).clamp_min(1e-300), 0.0)
        t = t_table[right - 1] + share.clamp(0, 1) / (self._TABLE - 1)
        # tau reaches 1 in float64 long before t does; a jump to tau = 1 must still be one to t = 1.
        return torch.where(wanted >= 1, 1.0, torch.where(wanted <= 0, 0.0, t)).to(tau.dtype)

    def dtau_dt(self, t: Tensor) -> Tensor:
        """Return d tau / d t, the density over t of times drawn uniformly in tau.

        Shapes: any -> the same, in the dtype of t (computed in float64); 0 at t = 1.
        """
        z, weight, _, _ = self._on(t.device)
        time = t.to(torch.float64).clamp(0, 1)[..., None]
        argument = z + time / (1 - time)
        log_power = (self.vocab_size - 2) * torch.special.log_ndtr(argument)
        log_density = -argument.square() / 2 - 0.5 * math.log(2 * math.pi)
        slope = ((self.vocab_size - 1) * weight * (log_power + log_density).exp()).sum(-1)
        slope = slope / (1 - time[..., 0]).square() / self._error_at_0
        return torch.where(time[..., 0] < 1, slope, 0.0).to(t.dtype)

    def _raw_error(self, t: Tensor) -> Tensor:
        """Return E[1 - Phi(z + t/(1-t))^(V-1)] in float64; t/(1-t) is infinite at t = 1, where the error is 0."""
        z, weight = self._on(t.device)[:2]
        time = t.to(torch.float64).clamp(0, 1)[..., None]
        log_correct = (self.vocab_size - 1) * torch.special.log_ndtr(z + time / (1 - time))  # (..., nodes)
        return -(weight * torch.expm1(log_correct)).sum(-1)

    def _on(self, device: torch.device) -> tuple[Tensor, ...]:
        """Return nodes, weights and tables on a device; they are copied there once."""
        if device not in self._tables:
            self._tables[device] = tuple(table.to(device) for table in self._tables[torch.device("cpu")])
        return self._tables[device]


def load_schedule(name: str, vocab_size: int) -> Schedule:
    """Return a schedule by the name that model directories store: "decoding-error" or "uniform".

    Raises:
        ValueError: the name is neither.
    """
    if name == "decoding-error":
        return DecodingErrorSchedule(vocab_size)
    if name == "uniform":
        return UniformSchedule()
    raise ValueError(f"schedule {name!r} is unknown; choose 'decoding-error' or 'uniform'")
