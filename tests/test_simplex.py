"""Lagrangian and Eulerian targets in logits: right for the exact flow map, on the simplex for any map, and learned from."""

import pytest
import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import interpolate, jump_fraction, one_hot
from flm_edu.language import Language
from flm_edu.objectives import (
    FlowMapObjective,
    SimplexEulerianDistillation,
    SimplexLagrangianDistillation,
    StepContext,
)
from flm_edu.objectives.differential import derivative
from flm_edu.objectives.simplex import SHARE, simplex_eulerian_target, simplex_lagrangian_target
from flm_edu.oracle import PerfectFlowMap
from flm_edu.schedule import ScheduleName
from flm_edu.training import TrainConfig, Trainer
from tests.conftest import tiny_flow

KINDS = [SimplexLagrangianDistillation, SimplexEulerianDistillation]
CLOCKS: list[ScheduleName] = ["decoding-error", "uniform"]


class Differentiable(PerfectFlowMap):
    """The exact flow map on a grid that is always the same, through which derivatives go."""

    def __init__(self, language: Language, schedule: ScheduleName):
        super().__init__(language, schedule, tolerance=1e-300, max_substeps=32)
        self.texts = one_hot(language.tokens, language.vocab_size, torch.float64).flatten(1)
        self.log_p = language.probabilities.double().log()

    def weigh(self, evidence: Tensor) -> Tensor:
        """Bayes over the list, dense: the library's is sparse, which has no forward mode."""
        return ((evidence.flatten(1) @ self.texts.T + self.log_p).softmax(-1) @ self.texts).view_as(evidence)


class ExactMap(FlowMapLM):
    """A network that knows the exact flow map: its logits are log delta, float64, at the clock values it is told."""

    def __init__(self, language: Language, schedule: ScheduleName):
        super().__init__(tiny_flow(language).config, language.tokenizer, schedule)
        self.perfect = Differentiable(language, schedule)

    def time(self, tau: Tensor) -> Tensor:
        """The clock's inverse is read from a table; one step of Newton's method gives it its derivative."""
        t = self.schedule.t(tau).detach()
        rate = self.schedule.dtau_dt(t)
        return torch.where(rate > 1e-6, t + (tau - self.schedule.tau(t)) / rate.clamp_min(1e-6), t)

    def logits(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
        """Return log delta_{s,t}(x)."""
        return self.perfect.two_time_denoiser(x, self.time(tau_s), self.time(tau_t)).clamp_min(1e-300).log()


class ExactFlow(FlowLM):
    """The exact flow as a teacher."""

    def __init__(self, language: Language, schedule: ScheduleName = "decoding-error"):
        super().__init__(tiny_flow(language).config, language.tokenizer, schedule)
        self.perfect = Differentiable(language, schedule)

    def logits(self, x: Tensor, tau: Tensor) -> Tensor:
        """Return log D_t(x) in the dtype of x."""
        return self.perfect.denoiser(x, self.schedule.t(tau)).clamp_min(1e-300).log().clamp_min(-80).to(x.dtype)


def jumps(network: ExactMap, language: Language) -> tuple[Tensor, ...]:
    """Random jumps and some at the ends, from states on the flow's way: x, s, t, tau_s, tau_t, float64."""
    generator = torch.Generator().manual_seed(1)
    random = torch.rand(6, 2, generator=generator, dtype=torch.float64).sort(1).values
    ends = [(0.0, 0.3), (0.0, 0.7), (0.0, 1.0), (0.3, 1.0), (0.3, 0.999), (0.2, 0.2001), (0.001, 0.4), (0.5, 0.5)]
    tau_s, tau_t = torch.cat([random, torch.tensor(ends, dtype=torch.float64)]).T
    s, t = network.schedule.t(tau_s), network.schedule.t(tau_t)
    data = one_hot(language.sample(len(s), generator=generator), language.vocab_size, torch.float64)
    return interpolate(gaussian_noise(data.shape, generator, data.device).double(), data, s), s, t, tau_s, tau_t


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("taught", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_targets_of_the_exact_flow_map_are_itself(
    language: Language, kind: type[FlowMapObjective], taught: bool, clock: ScheduleName
) -> None:
    """By the means of training: forward mode, a network that is told tau, and D of a teacher or of the diagonal."""
    network = ExactMap(language, clock)
    x, _, _, tau_s, tau_t = jumps(network, language)
    with torch.no_grad():
        target = kind(ExactFlow(language, clock) if taught else None).target(network, x, tau_s, tau_t, StepContext())
        delta = network.logits(x, tau_s, tau_t).exp()
        denoiser = network.logits(x, tau_s, tau_s).exp()
    assert float((target - delta).abs().max()) < 1e-6
    assert float((denoiser - delta).abs().amax((1, 2))[:6].max()) > 0.05  # the derivative matters


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_published_formulas_hold_in_logits(language: Language, clock: ScheduleName) -> None:
    """softmax(log D - log q), with C and k and derivatives of logits as written, for jumps that end early.

    Later ones need a finer grid: where D has all but ruled a word out, dividing by q enlarges the grid's error.
    """
    network = ExactMap(language, clock)
    every = jumps(network, language)
    x, s, t, tau_s, tau_t = (value[every[2] < 0.5] for value in every)
    assert len(x) >= 5
    none, rate = torch.zeros_like(tau_s), network.schedule.dtau_dt
    with torch.no_grad():
        z, ahead = derivative(network.logits, (x, tau_s, tau_t), (torch.zeros_like(x), none, rate(t)))
        delta, velocity = z.softmax(-1), network.perfect.velocity(x, s)
        _, along = derivative(network.logits, (x, tau_s, tau_t), (velocity, rate(s), none))
        ahead, along = (dz - (delta * dz).sum(-1, keepdim=True) for dz in (ahead, along))
        landing = network.perfect.denoiser(network.perfect.flow_map(x, s, t), t)
    c, k = (1 - t) * (t - s) / (1 - s), (1 - s) * (t - s) / (1 - t)
    above_0 = 1e-12  # words that cannot stand there have shares of rounding errors
    lagrangian = (landing.log() - (1 + c[:, None, None] * ahead).clamp_min(above_0).log()).softmax(-1)
    start = network.perfect.denoiser(x, s)
    eulerian = (start.log() - (1 - k[:, None, None] * along).clamp_min(above_0).log()).softmax(-1)
    assert float((lagrangian - delta).abs().max()) < 1e-6
    assert float((eulerian - delta).abs().max()) < 1e-6


def any_map(slope: float = 1.0) -> tuple[Tensor, ...]:
    """Denoiser, value and slope of a map that solves no equation, and its times, the ends among them."""
    generator = torch.Generator().manual_seed(0)
    denoiser, value, change = torch.randn(3, 5, 3, 4, generator=generator)
    value = value.softmax(-1)
    change = change - (value * change).sum(-1, keepdim=True)
    s, t = torch.tensor([[0.0, 1.0], [0.0, 0.6], [0.4, 0.4], [0.3, 0.9], [1.0, 1.0]]).T
    return denoiser.softmax(-1), value, slope * value * change, s, t


def test_near_the_solution_they_are_todays_targets() -> None:
    """To first order dividing by 1 + a is taking a away: the share of the way to D of what differs."""
    denoiser, value, slope, s, t = any_map(0.0)
    near = value + 1e-3 * (denoiser - value)
    w, r = SHARE, jump_fraction(s, t)[:, None, None]
    lagrangian = simplex_lagrangian_target(near, value, slope, s, t)
    eulerian = simplex_eulerian_target(near, value, slope, s, t)
    assert torch.allclose(lagrangian, value + w * (near - value), atol=1e-6)
    assert torch.allclose(eulerian, value + (1 - r) * (near - value), atol=1e-6)


@pytest.mark.parametrize("slope", [0.1, 1.0, 1e3, 1e30])
def test_no_derivative_leads_off_the_simplex(slope: float) -> None:
    """At t = 1 and s = t too, where k is infinite or the jump is none, and where a share is 0 in float32."""
    denoiser, value, change, s, t = any_map(slope)
    value, change, denoiser = value.clone(), change.clone(), denoiser.clone()
    value[:, :, 0], change[:, :, 0] = 0.0, 0.0
    denoiser[:, 0, 1] = 0.0
    for rule in (simplex_lagrangian_target, simplex_eulerian_target):
        target = rule(denoiser, value, change, s, t)
        assert bool((target >= 0).all())
        assert torch.allclose(target.sum(-1), torch.ones(5, 3), atol=1e-6)


def test_a_ratio_below_zero_counts_as_zero() -> None:
    """No jump of a flow has one. The argument of the logarithm is then the share of the student's own value."""
    denoiser, value = any_map()[:2]
    s, t = torch.full((5,), 0.2), torch.full((5,), 0.7)
    for factor, rule, share in (
        (0.3 * 0.625, simplex_lagrangian_target, SHARE),  # C = (1 - t) r with r = 0.625
        (-0.625 / 0.375, simplex_eulerian_target, 0.375),  # -r / (1 - r)
    ):
        at_zero, below = (
            rule(denoiser, value, torch.tensor([change / factor, 0.0, 0.0, 0.0]) * value, s, t)
            for change in (-1.0, -7.0)
        )
        expected = (share * denoiser + (1 - share) * value) / torch.tensor([1 - share, 1.0, 1.0, 1.0])
        assert torch.allclose(at_zero, expected / expected.sum(-1, keepdim=True), atol=1e-6)
        assert torch.allclose(below, at_zero, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_map_learns_by_it(language: Language, kind: type[FlowMapObjective]) -> None:
    """Taught by the exact flow: far nearer to the exact map from noise to text than the denoiser is, and valid."""
    teacher = ExactFlow(language)
    torch.manual_seed(0)
    student = FlowMapLM(tiny_flow(language, width=32, absolute_positions=True).config, language.tokenizer)
    config = TrainConfig(steps=200, batch=32, warmup=10, ema=0.95)
    Trainer(student, language, kind(teacher), config, device="cpu").run()
    noise = student.draw_noise(500, torch.Generator().manual_seed(0))
    zero, one = torch.zeros(500), torch.ones(500)
    perfect = PerfectFlowMap(language)
    with torch.no_grad():
        exact, learned = perfect.two_time_denoiser(noise, zero, one), student.two_time_denoiser(noise, zero, one)
    assert float((learned - exact).abs().mean()) < 0.5 * float((perfect.denoiser(noise, zero) - exact).abs().mean())
    assert language.validity(student.sample(500, 1, generator=torch.Generator().manual_seed(1))) > 0.8
