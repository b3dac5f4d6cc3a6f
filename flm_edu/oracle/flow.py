"""The exact flow of a finite language and its exact flow map."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise, stratified
from flm_edu.interpolant import (
    batch_time,
    expand_time,
    flow_map_from_two_time_denoiser,
    interpolate,
    one_hot,
    two_time_denoiser_from_flow_map,
    velocity_from_denoiser,
)
from flm_edu.language import ExactLanguage
from flm_edu.oracle.posterior import PerfectModel
from flm_edu.sampling import FlowGenerator
from flm_edu.schedule import ScheduleName, load_schedule


class PerfectFlow(FlowGenerator, PerfectModel):
    """The exact flow of a finite language; usable wherever a trained `FlowLM` is.

    Args:
        language: the language.
        schedule: the clock that steps are spaced in, "decoding-error" or "uniform".
    """

    kind = "perfect-flow"

    def __init__(self, language: ExactLanguage, schedule: ScheduleName = "decoding-error"):
        super().__init__(language)
        self.schedule = load_schedule(schedule, language.vocab_size)

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """Return D_t(x): all texts weighed by p_i exp((t/(1-t)^2) <x, onehot(y_i)>).

        At t = 1 the weight is all on the texts nearest to x. Shapes: x (B, L, V), t (B,) -> (B, L, V)
        float64 on the simplex. Source: docs/EQUATIONS.md.
        """
        t = t.double()
        # Beyond 1e12 nothing is left to weigh: one ulp of x decides. It keeps t = 1 finite.
        gain = (t / (1 - t).square()).clamp_max(1e12)
        return self.weigh(x.double() * expand_time(gain, x.double()))

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """Return b_t(x) = (D_t(x) - x) / (1 - t): (B, L, V), (B,) -> (B, L, V) float64."""
        return velocity_from_denoiser(self.denoiser(x, t), x.double(), t.double())

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return D_s(x), which Euler's method takes for the whole step."""
        return self.denoiser(x, s)

    def cross_entropy_floor(
        self, tau: Tensor | None = None, *, samples: int = 4096, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the least cross-entropy any network can reach, with its standard error, in nats per token.

        For tau (T,): the floor at each, (T,), from `samples` draws each. Without: the mean over the
        clock that training minimises, 0-d, from stratified times.

        Exact up to the Monte Carlo over data and noise, of which the standard error speaks: the entropy
        of the exact posterior is averaged, not the log-probability of a drawn token, which has the same
        mean and more noise.
        """
        if tau is None:
            entropy = self._entropies(stratified(samples, generator, torch.device("cpu")).double(), generator)
            return entropy.mean(), entropy.std() / math.sqrt(samples)
        each = [self._entropies(value.double().expand(samples), generator) for value in tau]
        return torch.stack([e.mean() for e in each]), torch.stack([e.std() / math.sqrt(samples) for e in each])

    def _entropies(self, tau: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the entropy of the exact posterior at one draw of data and noise for each tau: (B,) nats per token."""
        data = one_hot(self.language.sample(len(tau), generator=generator), self.language.vocab_size, torch.float64)
        t = self.schedule.t(tau)
        posterior = self.denoiser(interpolate(gaussian_noise(data.shape, generator, data.device).double(), data, t), t)
        return torch.special.entr(posterior).sum(-1).mean(-1)

    def draw_noise(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw x_0 ~ N(0, I), the noise that a trained flow draws: (n, L, V) float64."""
        return super().draw_noise(n, generator).double()


class PerfectFlowMap(PerfectFlow):
    """The exact flow map, by solving the exact flow's ODE.

    In the variables y = x / (1-t) and c = t / (1-t) the flow is dy/dc = D, with D the softmax of
    log p_i + c <y, onehot(y_i)>: the singularity at t = 1 is gone. The classical fourth-order
    Runge-Kutta method solves it on steps equally spaced in the decoding-error clock; half as many steps
    give the error estimate, and each sample's grid is doubled until it meets the tolerance. Beyond c = 15 all is
    decided (the decoding error is below 1e-18 for V up to a million) and one jump is exact.

    Args:
        language: the language.
        schedule: the clock of `sample`.
        tolerance: largest estimated error of an entry of the state, anywhere on its way (a cautious estimate).
        max_substeps: grid at which refinement stops. Two texts' cells meet somewhere, and for a sample
            near such a boundary no grid is fine enough; `solve` reports its error.

    Raises:
        ValueError: an argument is out of its range.
    """

    kind = "perfect-flow-map"
    SAMPLERS = PerfectFlow.MAP_SAMPLERS
    _DECIDED = 15.0  # t/(1-t)

    def __init__(
        self,
        language: ExactLanguage,
        schedule: ScheduleName = "decoding-error",
        *,
        tolerance: float = 1e-3,
        max_substeps: int = 128,
    ):
        super().__init__(language, schedule)
        if tolerance <= 0 or max_substeps < 8:
            raise ValueError("tolerance must be above 0 and max_substeps at least 8")
        self.tolerance, self.max_substeps = tolerance, max_substeps
        self._clock = load_schedule("decoding-error", language.vocab_size)

    def knowing(self, given: Tensor) -> PerfectFlowMap:
        """Return the flow map of the texts that have these tokens, (L,).

        Raises:
            ValueError: no text has them, or each sample has others: steps are refined for some of the samples only.
        """
        if given.ndim == 2:
            raise ValueError("`given` differs between the samples; the perfect flow map takes the same for all: (L,)")
        return super().knowing(given)

    def solve(self, x: Tensor, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return X_{s,t}(x), and for each sample the estimated largest error of an entry, there and on the way.

        Shapes: x (B, L, V), s <= t (B,) -> (B, L, V) and (B,), float64.
        """
        x, s, t = x.double(), batch_time(s, x).double(), batch_time(t, x).double()
        longest = float((self._clock.tau(t) - self._clock.tau(s)).max())
        substeps = 2 * max(1, round(16 * longest))  # coarser grids can agree by chance
        solution, error = self._solve_on_grid(x, s, t, substeps)
        while 2 * substeps <= self.max_substeps and bool((error > self.tolerance).any()):
            substeps *= 2
            rough = (error > self.tolerance).nonzero()[:, 0]
            solution[rough], error[rough] = self._solve_on_grid(x[rough], s[rough], t[rough], substeps)
        return solution, error

    def _solve_on_grid(self, x: Tensor, s: Tensor, t: Tensor, substeps: int) -> tuple[Tensor, Tensor]:
        """Solve by Runge-Kutta in (c, y) up to t or to where all is decided, jump over the rest, and estimate the error.

        Beside it goes a solution in half as many steps. Their largest distance anywhere on the way bounds the
        error wherever halving the steps halves it at least (at fourth order it is 15 times too cautious). At
        the end alone it would not: the flow pulls all that is in a text's cell into one corner, so two
        solutions that crossed into the wrong cell early agree there to the last digit.
        """
        last = self._DECIDED / (1 + self._DECIDED)
        stop = torch.maximum(s, t.clamp_max(last))
        tau_s, tau_stop = self._clock.tau(s), self._clock.tau(stop)
        share = torch.linspace(0, 1, substeps + 1, dtype=torch.float64)[:, None]
        time = self._clock.t(tau_s + (tau_stop - tau_s) * share)  # (substeps + 1, B)
        time = torch.maximum(torch.minimum(time, stop), s)
        time[0], time[-1] = s, stop
        moving = (s < 1)[:, None, None]
        c = (time / (1 - time)).clamp_max(1e12)[..., None, None]  # finite at s = 1, where nothing moves
        fine = coarse = x / torch.where(moving, 1 - expand_time(s, x), 1.0)
        error = torch.zeros(len(x), dtype=torch.float64)
        for k in range(0, substeps, 2):
            fine = self._step(self._step(fine, c[k], c[k + 1]), c[k + 1], c[k + 2])
            coarse = self._step(coarse, c[k], c[k + 2])
            error = torch.maximum(error, (1 - time[k + 2]) * (fine - coarse).abs().amax((-2, -1)))
        ends = []
        for y in (fine, coarse):
            x_stop = torch.where(moving, (1 - expand_time(stop, x)) * y, x)
            ends.append(flow_map_from_two_time_denoiser(self.denoiser(x_stop, stop), x_stop, stop, t))
        return ends[0], torch.maximum(error, (ends[0] - ends[1]).abs().amax((-2, -1)))

    def _step(self, y: Tensor, begin: Tensor, end: Tensor) -> Tensor:
        """Take a step of the classical Runge-Kutta method for dy/dc = D, from c = begin to c = end (B, 1, 1)."""
        posterior = self.weigh
        middle, step = (begin + end) / 2, end - begin
        k1 = posterior(begin * y)
        k2 = posterior(middle * (y + step / 2 * k1))
        k3 = posterior(middle * (y + step / 2 * k2))
        k4 = posterior(end * (y + step * k3))
        return y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def flow_map(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return X_{s,t}(x): (B, L, V), s <= t (B,) -> (B, L, V) float64."""
        return self.solve(x, s, t)[0]

    def two_time_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return delta_{s,t}(x), with delta_{t,t} = D_t: (B, L, V), s <= t (B,) -> (B, L, V) float64."""
        s, t = batch_time(s, x).double(), batch_time(t, x).double()
        delta = two_time_denoiser_from_flow_map(self.flow_map(x, s, t), x.double(), s, t)
        return torch.where((s == t)[:, None, None], self.denoiser(x, s), delta)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Return delta_{s,t}(x)."""
        return self.two_time_denoiser(x, s, t)
