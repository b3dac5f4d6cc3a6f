"""The two differential objectives in logarithms, so that their targets never leave the simplex (Discrete Flow Maps).

With delta = softmax(z), a change of delta is delta times a change of log delta. Put into the Lagrangian and the Eulerian
equation, delta factors out, and what is left is a quotient of positive numbers wherever the student is near enough. For
a word that is ruled out between s and t both numbers vanish; there the quotient says little, and is cut (`LEAST`).
"""

from __future__ import annotations

from torch import Tensor

from flm_edu.flow import FlowMapLM
from flm_edu.interpolant import expand_time, flow_map_from_two_time_denoiser, jump_fraction
from flm_edu.objectives.differential import EulerianDistillation, LagrangianDistillation, derivative
from flm_edu.objectives.flow_map import Jump

LEAST = 0.01  # of the factor that divides: D / delta of the exact map, tiny for words that are ruled out on the way


class SimplexLagrangian(LagrangianDistillation):
    """`LagrangianDistillation` whose target is on the simplex. Args and source: as there; arXiv 2604.09784."""

    part = "simplex_lagrangian_kl"

    def differential_target(self, jumper: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return `simplex_lagrangian_target`."""
        s, t = jumper.schedule.t(tau_s), jumper.schedule.t(tau_t)
        along = (tau_s.new_zeros(x_s.shape), tau_s.new_zeros(tau_s.shape), jumper.schedule.dtau_dt(t))
        log_value, log_slope = derivative(log_two_time_denoiser_of(jumper), (x_s, tau_s, tau_t), along)
        landing = flow_map_from_two_time_denoiser(log_value.exp(), x_s, s, t)
        return simplex_lagrangian_target(self.denoiser(jumper, landing, tau_t), log_slope, s, t)


class SimplexEulerian(EulerianDistillation):
    """`EulerianDistillation` whose target is on the simplex. Args and source: as there; arXiv 2604.09784."""

    part = "simplex_eulerian_kl"

    def differential_target(self, jumper: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return `simplex_eulerian_target`."""
        s, t = jumper.schedule.t(tau_s), jumper.schedule.t(tau_t)
        denoiser = self.denoiser(jumper, x_s, tau_s)
        along = (denoiser - x_s, (1 - s) * jumper.schedule.dtau_dt(s), tau_t.new_zeros(tau_t.shape))
        log_value, log_slope = derivative(log_two_time_denoiser_of(jumper), (x_s, tau_s, tau_t), along)
        return simplex_eulerian_target(denoiser, log_value.exp(), log_slope, s, t)


def simplex_lagrangian_target(denoiser: Tensor, log_slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return softmax(log D_t(X_{s,t}(x)) - log(1 + C d/dt log delta)), with C = (1-t)(t-s)/(1-s).

    It is delta_{s,t}(x) for the exact flow map. Factors below `LEAST` are raised to it.

    Shapes: denoiser (at the landing), log_slope (in mixing time t) (B, L, V), s, t (B,) -> (B, L, V) on the simplex.
    Source: docs/EQUATIONS.md; arXiv 2604.09784.
    """
    factor = 1 + expand_time((1 - t) * jump_fraction(s, t), denoiser) * log_slope
    return _normalized(denoiser / factor.clamp_min(LEAST))


def simplex_eulerian_target(denoiser: Tensor, value: Tensor, log_slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return softmax(log(r delta + (1-r) D_s(x)) - log(1 - r d log delta)), with r = (t-s)/(1-s).

    The published target is softmax(log D_s - log(1 - (r/(1-r)) d log delta)), which is infinite at t = 1. This one has
    the same fixed point and is finite everywhere. Factors below `LEAST` are raised to it.

    Shapes: denoiser D_s(x), value delta_{s,t}(x), log_slope (1-s) d/ds log delta + (D_s(x) - x) . grad log delta, all
    (B, L, V), s, t (B,) -> (B, L, V) on the simplex. Source: docs/EQUATIONS.md; arXiv 2604.09784.
    """
    r = expand_time(jump_fraction(s, t), denoiser)
    return _normalized((r * value + (1 - r) * denoiser) / (1 - r * log_slope).clamp_min(LEAST))


def log_two_time_denoiser_of(jumper: FlowMapLM) -> Jump:
    """Return (x, tau_s, tau_t) -> log delta of a flow map."""
    return lambda x, tau_s, tau_t: jumper.logits(x, tau_s, tau_t).log_softmax(-1)


def _normalized(positive: Tensor) -> Tensor:
    return positive / positive.sum(-1, keepdim=True)
