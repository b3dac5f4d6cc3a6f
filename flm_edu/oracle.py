"""Perfect models of a finite language: what a network could at best learn, written down exactly.

When every text y_i and its probability p_i is known, the optimal denoiser is a sum over texts, and so
are the optimal models of masked, uniform and left-to-right generation. They separate what a network
failed to learn from what a sampler cannot do: a few-step discrete sampler draws every position on its
own from such a posterior, and fails even when the posterior is perfect.

Everything is computed in float64 and log space, in chunks of a bounded size. All models have the
`sample(n, steps, generator=, record=)` of the trained ones. Source: docs/EQUATIONS.md.
"""

from __future__ import annotations

import math
import warnings
from typing import ClassVar, Literal, cast, overload

import torch
from torch import Tensor

from flm_edu.discrete import Recorder, denoise_uniform, draw, unmask
from flm_edu.interpolant import (
    expand_time,
    flow_map_from_two_time_denoiser,
    interpolate,
    one_hot,
    two_time_denoiser_from_flow_map,
    velocity_from_denoiser,
)
from flm_edu.language import Language
from flm_edu.objectives import stratified
from flm_edu.sampling import Trajectory, check_sampling, gaussian_noise, integrate
from flm_edu.schedule import Schedule, ScheduleName, load_schedule

CHUNK = 64  # samples at once: a table of (texts, 64) float64 stays in or near the processor's cache


class _Posterior:
    """Sums over the texts of a language: the common part of all perfect models.

    The texts are a sparse matrix with a row for each text and a column for each (position, token):
    one product scores every text against the evidence, the other adds the weights of texts up into
    token marginals. Memory is bounded by a few tables of (N, CHUNK) float64, whatever the samples.
    """

    def __init__(self, language: Language):
        self.language = language
        self.log_p = language.probabilities.double().log()[:, None]  # (N, 1)
        texts, length, size = len(language), language.length, language.vocab_size
        columns = (language.tokens + torch.arange(length) * size).flatten()
        by_column = torch.argsort(columns, stable=True)
        counts = torch.bincount(columns, minlength=length * size)
        ones = torch.ones(texts * length, dtype=torch.float64)
        self.texts = _csr(torch.arange(0, texts * length + 1, length), columns, ones, (texts, length * size))
        self.texts_by_token = _csr(
            torch.cat([counts.new_zeros(1), counts.cumsum(0)]), by_column // length, ones, (length * size, texts)
        )

    def token_posterior(self, evidence: Tensor) -> Tensor:
        """Token marginals when texts weigh p_i exp(sum_l evidence[b, l, y_i^l]).

        Shapes: (B, L, V) float64 -> (B, L, V) float64 on the simplex; evidence may be -inf, and samples
        for which every text is impossible give 0 everywhere.
        """
        parts = []
        for chunk in torch.split(evidence, CHUNK):
            log_weight = self.texts @ chunk.flatten(1).T.contiguous() + self.log_p  # (N, b)
            impossible = log_weight.amax(0) == -torch.inf  # (b,)
            weight = torch.where(impossible, 0.0, log_weight.softmax(0))
            parts.append((self.texts_by_token @ weight).T.view(chunk.shape))
        return torch.cat(parts)


def _csr(starts: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch calls its sparse rows a beta feature
        return torch.sparse_csr_tensor(starts, columns, values, size, check_invariants=True)


# --- continuous: the flow and its flow map ------------------------------------------------------


class PerfectModel:
    """What all perfect models share: the texts and their posterior, and sampling as the trained ones do it.

    Args:
        language: the language.
    """

    kind: ClassVar[str]

    def __init__(self, language: Language):
        self.language = language
        self._posterior = _Posterior(language)

    @property
    def fixed_steps(self) -> int | None:
        """The steps of a sample where `steps` cannot choose them."""
        return None

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """What `sample` does, once its arguments are checked."""
        raise NotImplementedError

    @overload
    def sample(
        self, n: int, steps: int = 0, *, generator: torch.Generator | None = None, record: Literal[False] = False
    ) -> Tensor: ...
    @overload
    def sample(
        self, n: int, steps: int = 0, *, generator: torch.Generator | None = None, record: Literal[True]
    ) -> Trajectory: ...
    def sample(
        self, n: int, steps: int = 0, *, generator: torch.Generator | None = None, record: bool = False
    ) -> Tensor | Trajectory:
        """n texts, as by `LanguageModel.sample`: (n, L) int64, or a `Trajectory`. `steps` may be left out where fixed.

        Raises:
            ValueError: n or steps below 1.
        """
        check_sampling(n, self.fixed_steps or steps)
        return self.generate(n, steps, generator, record=record)

    def decode(self, tokens: Tensor) -> list[str]:
        """Texts of (B, L) tokens."""
        return self.language.decode(tokens)


class PerfectFlow(PerfectModel):
    """The exact flow of a finite language; usable wherever a trained `FlowLM` is.

    Args:
        language: the language.
        schedule: the clock that steps are spaced in, "decoding-error" or "uniform".
    """

    kind = "perfect-flow"

    def __init__(self, language: Language, schedule: ScheduleName = "decoding-error"):
        super().__init__(language)
        self.schedule: Schedule = load_schedule(schedule, language.vocab_size)

    def denoiser(self, x: Tensor, t: Tensor) -> Tensor:
        """D_t(x): all texts weighed by p_i exp((t/(1-t)^2) <x, onehot(y_i)>).

        At t = 1 the weight is all on the texts nearest to x. Shapes: x (B, L, V), t (B,) -> (B, L, V)
        float64 on the simplex. Source: docs/EQUATIONS.md.
        """
        t = t.double()
        # Beyond 1e12 nothing is left to weigh: one ulp of x decides. It keeps t = 1 finite.
        gain = (t / (1 - t).square()).clamp_max(1e12)
        return self._posterior.token_posterior(x.double() * gain[:, None, None])

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """b_t(x) = (D_t(x) - x) / (1 - t): (B, L, V), (B,) -> (B, L, V) float64."""
        return velocity_from_denoiser(self.denoiser(x, t), x.double(), t.double())

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """D_s(x), which Euler's method takes for the whole step."""
        return self.denoiser(x, s)

    def cross_entropy_floor(
        self, tau: Tensor | None = None, *, samples: int = 4096, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """The least cross-entropy any network can reach, with its standard error, in nats per token.

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
        """Entropy of the exact posterior at one draw of data and noise for each tau: (B,) nats per token."""
        data = one_hot(self.language.sample(len(tau), generator=generator), self.language.vocab_size, torch.float64)
        t = self.schedule.t(tau)
        posterior = self.denoiser(interpolate(gaussian_noise(data.shape, generator, data.device).double(), data, t), t)
        return torch.special.entr(posterior).sum(-1).mean(-1)

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """Euler's method from Gaussian noise."""
        shape = (n, self.language.length, self.language.vocab_size)
        noise = gaussian_noise(shape, generator, torch.device("cpu")).double()
        return integrate(self.step_denoiser, noise, self.schedule, steps, record=record)


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
    _DECIDED = 15.0  # t/(1-t)

    def __init__(
        self,
        language: Language,
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

    def solve(self, x: Tensor, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """X_{s,t}(x), and for each sample the estimated largest error of an entry, there and on the way.

        Shapes: x (B, L, V), s <= t (B,) -> (B, L, V) and (B,), float64.
        """
        x, s, t = x.double(), s.double(), t.double()
        longest = float((self._clock.tau(t) - self._clock.tau(s)).max())
        substeps = 2 * max(1, round(16 * longest))  # coarser grids can agree by chance
        solution, error = self._solve_on_grid(x, s, t, substeps)
        while 2 * substeps <= self.max_substeps and bool((error > self.tolerance).any()):
            substeps *= 2
            rough = (error > self.tolerance).nonzero()[:, 0]
            solution[rough], error[rough] = self._solve_on_grid(x[rough], s[rough], t[rough], substeps)
        return solution, error

    def _solve_on_grid(self, x: Tensor, s: Tensor, t: Tensor, substeps: int) -> tuple[Tensor, Tensor]:
        """Runge-Kutta in (c, y) up to t or to where all is decided, and a jump over the rest; and its error.

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
        """A step of the classical Runge-Kutta method for dy/dc = D, from c = begin to c = end (B, 1, 1)."""
        posterior = self._posterior.token_posterior
        middle, step = (begin + end) / 2, end - begin
        k1 = posterior(begin * y)
        k2 = posterior(middle * (y + step / 2 * k1))
        k3 = posterior(middle * (y + step / 2 * k2))
        k4 = posterior(end * (y + step * k3))
        return y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def flow_map(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """X_{s,t}(x): (B, L, V), s <= t (B,) -> (B, L, V) float64."""
        return self.solve(x, s, t)[0]

    def two_time_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """delta_{s,t}(x), with delta_{t,t} = D_t: (B, L, V), s <= t (B,) -> (B, L, V) float64."""
        s, t = s.double(), t.double()
        delta = two_time_denoiser_from_flow_map(self.flow_map(x, s, t), x.double(), s, t)
        return torch.where((s == t)[:, None, None], self.denoiser(x, s), delta)

    def step_denoiser(self, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """delta_{s,t}(x)."""
        return self.two_time_denoiser(x, s, t)


# --- discrete: masked, uniform, left to right ---------------------------------------------------


class _Discrete(PerfectModel):
    """What the discrete models share: what to do where no text is possible.

    A few-step sampler reaches states that no text agrees with. There the posterior is not defined, and
    the rule is that of a model that has nothing to go by: each undecided position is drawn from the
    language's own marginal at that position.
    """

    def __init__(self, language: Language):
        super().__init__(language)
        no_evidence = torch.zeros(1, language.length, language.vocab_size, dtype=torch.float64)
        self._marginal = self._posterior.token_posterior(no_evidence)[0]  # (L, V)

    def _defined(self, posterior: Tensor) -> Tensor:
        """Rows without any possible text get the marginals."""
        lost = posterior.sum((-2, -1)) == 0
        return torch.where(lost[:, None, None], self._marginal, posterior)


class PerfectMasked(_Discrete):
    """Masked diffusion with the exact posterior: the limit that MDLM is trained towards."""

    kind = "perfect-masked"

    def posterior(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Token probabilities given the known ones: (B, L) int64, (B, L) bool -> (B, L, V) float64.

        All zero for a sample that no text agrees with.
        """
        log_match = one_hot(tokens, self.language.vocab_size, torch.float64).log()  # 0 at the token, -inf elsewhere
        return self._posterior.token_posterior(torch.where(known[..., None], log_match, 0.0))

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """Ancestral sampling: each step unmasks an equal expected share, all its positions independently."""

        def posterior(tokens: Tensor, known: Tensor) -> Tensor:
            certain = one_hot(tokens, self.language.vocab_size, torch.float64)
            return torch.where(known[..., None], certain, self._defined(self.posterior(tokens, known)))

        return unmask(posterior, (n, self.language.length), steps, generator, record=record)


class PerfectUniform(_Discrete):
    """Uniform-state diffusion with the exact posterior: the limit that Duo is trained towards."""

    kind = "perfect-uniform"

    def posterior(self, tokens: Tensor, alpha: float) -> Tensor:
        """Clean-token probabilities given tokens kept with probability alpha, else replaced by any of V.

        Texts weigh prod_l (alpha [x^l = y^l] + (1-alpha)/V). Shapes: (B, L) int64 -> (B, L, V) float64.
        """
        size = self.language.vocab_size
        likelihood = alpha * one_hot(tokens, size, torch.float64) + (1 - alpha) / size  # of x^l given y^l
        return self._posterior.token_posterior(likelihood.log())

    def context(self, tokens: Tensor, alpha: float) -> Tensor:
        """What the other positions say of each position's clean token: the posterior without its own evidence.

        This, and not the posterior, is what minimises the likelihood bound of uniform-state diffusion.
        Shapes: (B, L) int64 -> (B, L, V) float64 on the simplex.
        """
        size = self.language.vocab_size
        own = alpha * one_hot(tokens, size, torch.float64) + (1 - alpha) / size
        weight = self._defined(self.posterior(tokens, alpha)) / own
        return weight / weight.sum(-1, keepdim=True)

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """Ancestral sampling from alpha = 0 to alpha = 1, equally spaced, positions independently."""
        shape = (n, self.language.length)
        return denoise_uniform(self.context, shape, self.language.vocab_size, steps, generator, record=record)


class PerfectAutoregressive(_Discrete):
    """Left to right with the exact conditionals: samples the language itself, in L steps whatever is asked."""

    kind = "perfect-ar"

    @property
    def fixed_steps(self) -> int:
        """L, whatever is asked."""
        return self.language.length

    def posterior(self, prefix: Tensor) -> Tensor:
        """Probabilities of the next token given (B, l) prefixes: (B, V) float64, zero for impossible prefixes."""
        known = torch.arange(self.language.length) < prefix.shape[1]
        tokens = torch.zeros(len(prefix), self.language.length, dtype=torch.long)
        tokens[:, : prefix.shape[1]] = prefix
        log_match = one_hot(tokens, self.language.vocab_size, torch.float64).log()
        posterior = self._posterior.token_posterior(torch.where(known[:, None], log_match, 0.0))
        return posterior[:, prefix.shape[1]]

    def generate(self, n: int, steps: int, generator: torch.Generator | None, *, record: bool) -> Tensor | Trajectory:
        """One position after the other; `steps` is not used."""
        length, size = self.language.length, self.language.vocab_size
        recorder = Recorder(length, record)
        tokens = torch.zeros(n, 0, dtype=torch.long)
        for position in range(length):
            following = self.posterior(tokens)
            if record:
                rest = self._marginal.expand(n, -1, -1).clone()
                rest[:, :position] = one_hot(tokens, size).double()
                rest[:, position] = following
                recorder.see(rest)
            tokens = torch.cat([tokens, draw(following[:, None], generator)], dim=1)
        return recorder.result(tokens)


# --- the factorization demonstration ------------------------------------------------------------


def factorized_joint(language: Language, steps: int) -> Tensor:
    """What perfect masked diffusion makes of a two-token language in a number of steps, exactly.

    Row i, column j is the probability of writing word i and then word j. One step gives the product
    of the marginals; with more steps both positions are still unmasked at once with probability
    1/steps, and only then is the agreement lost.

    Shapes: -> (V, V) float64, summing to 1.

    Raises:
        ValueError: the language has not two tokens, or steps is below 1.
    """
    if language.length != 2 or steps < 1:
        raise ValueError("the demonstration needs a language of two tokens and at least one step")
    joint = exact_joint(language)
    product = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return product / steps + joint * (1 - 1 / steps)


def exact_joint(language: Language) -> Tensor:
    """The language itself as a table: (V, V) float64.

    Raises:
        ValueError: the language has not two tokens.
    """
    if language.length != 2:
        raise ValueError("a joint table needs a language of two tokens")
    joint = torch.zeros(language.vocab_size, language.vocab_size, dtype=torch.float64)
    joint[language.tokens[:, 0], language.tokens[:, 1]] = language.probabilities.double()
    return joint


PERFECT: dict[str, type[PerfectModel]] = {
    "flow": PerfectFlow,
    "flow-map": PerfectFlowMap,
    "masked": PerfectMasked,
    "uniform": PerfectUniform,
    "ar": PerfectAutoregressive,
}


def load_perfect(name: str, language: Language) -> PerfectModel:
    """A perfect model by the name of the command line: "perfect:flow", ..., or "perfect:flow@uniform".

    Raises:
        ValueError: no such model; the message lists them.
    """
    kind, _, schedule = name.removeprefix("perfect:").partition("@")
    model = PERFECT.get(kind)
    if model is not None and not schedule:
        return model(language)
    if model is not None and issubclass(model, PerfectFlow):
        return model(language, cast(ScheduleName, schedule))  # which `load_schedule` checks
    raise ValueError(
        f"{name!r} is unknown; choose one of {', '.join('perfect:' + k for k in PERFECT)}, perfect:flow@uniform"
    )
