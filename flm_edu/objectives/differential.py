"""Stage 2 by a derivative: the Lagrangian and the Eulerian objective of a flow map."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import expand_time, flow_map_from_two_time_denoiser, jump_fraction
from flm_edu.objectives.flow_map import FlowMapObjective, FlowMapOptions, Jump
from flm_edu.objectives.objective import StepContext


class DifferentialObjective(FlowMapObjective):
    """What the two share: a derivative of one jump. Args and Raises: as `FlowMapObjective`.

    Raises:
        ValueError: `target` is "teacher", or `jumps` is not 2.
    """

    def __init__(
        self,
        teacher: FlowLM | None,
        options: FlowMapOptions | None = None,
        init: FlowMapLM | None = None,
        *,
        keep: bool = False,
    ):
        super().__init__(teacher, options, init, keep=keep)
        if self.options.target == "teacher":
            raise ValueError("`target` 'teacher' is for jumps that are composed: use `method` semigroup")
        if self.options.jumps != 2:
            raise ValueError("`jumps` is for jumps that are composed: use `method` semigroup")

    def target(self, model: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor, context: StepContext) -> Tensor:
        """Return `differential_target` of the map whose jumps make the target."""
        jumper = self.jumper(model, context).bare()  # wrappers for many processes or compilation have no derivative
        with jumper.sampling():
            return self.differential_target(jumper, x_s, tau_s, tau_t)

    def differential_target(self, jumper: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return the target by a jump and its derivative: (B, L, V), (B,), (B,) -> (B, L, V) on the simplex."""
        raise NotImplementedError

    def formula(self, denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return the target from the denoiser, a jump, its derivative (all (B, L, V)) and its times (B,)."""
        raise NotImplementedError


class LagrangianDistillation(DifferentialObjective):
    """Where a jump lands, it must move as the flow does there: dX_{s,t}/dt = b_t(X_{s,t}).

    Needs one derivative of the student in its end time. Args and source: as `FlowMapObjective`.
    """

    part = "lagrangian_kl"

    def differential_target(self, jumper: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return the formula's target, with the derivative in the end time."""
        s, t = jumper.schedule.t(tau_s), jumper.schedule.t(tau_t)
        rate = jumper.schedule.dtau_dt(t)
        along = (torch.zeros_like(x_s), torch.zeros_like(tau_s), rate)
        value, slope = derivative(two_time_denoiser_of(jumper), (x_s, tau_s, tau_t), along)
        landing = flow_map_from_two_time_denoiser(value, x_s, s, t)
        return self.formula(self.denoiser(jumper, landing, tau_t), value, slope, s, t)

    def formula(self, denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return `lagrangian_target`, put back on the simplex."""
        return onto_simplex(lagrangian_target(denoiser, slope, s, t))


class EulerianDistillation(DifferentialObjective):
    """A jump must land in one place from wherever on the path it starts: d/ds X_{s,t}(x_s) = 0 along the flow.

    Needs one derivative of the student along the flow, in its start time and state together. Args and
    source: as `FlowMapObjective`.
    """

    part = "eulerian_kl"

    def differential_target(self, jumper: FlowMapLM, x_s: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return the formula's target, with the derivative along the flow."""
        s, t = jumper.schedule.t(tau_s), jumper.schedule.t(tau_t)
        denoiser = self.denoiser(jumper, x_s, tau_s)
        rate = (1 - s) * jumper.schedule.dtau_dt(s)
        along = (denoiser - x_s, rate, torch.zeros_like(tau_t))
        value, slope = derivative(two_time_denoiser_of(jumper), (x_s, tau_s, tau_t), along)
        return self.formula(denoiser, value, slope, s, t)

    def formula(self, denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return `eulerian_target`, put back on the simplex."""
        return onto_simplex(eulerian_target(denoiser, value, slope, s, t))


def lagrangian_target(denoiser: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return D_t(X_{s,t}(x)) - ((1-t)(t-s)/(1-s)) d/dt delta_{s,t}(x), which is delta_{s,t}(x) for the exact flow map.

    Shapes: denoiser (at the landing), slope (in mixing time t) (B, L, V), s, t (B,) -> (B, L, V); sums to 1,
    entries may be negative. Source: docs/EQUATIONS.md.
    """
    return denoiser - expand_time((1 - t) * jump_fraction(s, t), denoiser) * slope


def eulerian_target(denoiser: Tensor, value: Tensor, slope: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Return r delta + (1-r) T with T = D_s(x) + (r/(1-r)) slope, the paper's target, and r = (t-s)/(1-s).

    T itself is infinite at t = 1. Mixed with the student's own value by r it is finite everywhere, has the
    same fixed point, and 1-r is only a weight on the gradient: r delta + (1-r) D_s + r slope.

    Shapes: denoiser D_s(x), value delta_{s,t}(x), slope (1-s) d/ds delta + (D_s(x) - x) . grad delta, all
    (B, L, V), s, t (B,) -> (B, L, V); sums to 1, entries may be negative.
    """
    r = expand_time(jump_fraction(s, t), denoiser)
    return r * value + (1 - r) * denoiser + r * slope


def onto_simplex(target: Tensor) -> Tensor:
    """Cut negative entries to 0 and let the rest sum to 1; changes nothing at the fixed point."""
    positive = target.clamp_min(0)
    return positive / positive.sum(-1, keepdim=True)


def two_time_denoiser_of(jumper: FlowMapLM) -> Jump:
    """Return (x, tau_s, tau_t) -> delta of a flow map."""
    return lambda x, tau_s, tau_t: jumper.logits(x, tau_s, tau_t).softmax(-1)


def derivative(
    function: Callable[[Tensor, Tensor, Tensor], Tensor], at: tuple[Tensor, ...], along: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Return a function's value and its derivative in a direction, in one forward pass and float32 (forward mode).

    Fused attention has no forward mode, so only the written-out kernel is let in; dropout is left as it is.
    """
    with torch.autocast(at[0].device.type, enabled=False), sdpa_kernel(SDPBackend.MATH):
        result = torch.func.jvp(function, at, along)
    return result[0].detach(), result[1].detach()
