"""Perfect discrete models of a finite language: masked, uniform and left to right."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu.discrete import denoise_uniform, unmask
from flm_edu.draws import categorical, random_tokens
from flm_edu.generator import Request
from flm_edu.interpolant import (
    one_hot,
)
from flm_edu.language import Language
from flm_edu.oracle.posterior import PerfectModel
from flm_edu.sampling import Recorder, Trajectory


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
    SAMPLERS: ClassVar[tuple[str, ...]] = ("ancestral", "confidence")

    def posterior(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Token probabilities given the known ones: (B, L) int64, (B, L) bool -> (B, L, V) float64.

        All zero for a sample that no text agrees with.
        """
        log_match = one_hot(tokens, self.language.vocab_size, torch.float64).log()  # 0 at the token, -inf elsewhere
        return self._posterior.token_posterior(torch.where(known[..., None], log_match, 0.0))

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Write by `unmask`: "ancestral", or the most confident predictions first."""

        def posterior(tokens: Tensor, known: Tensor) -> Tensor:
            certain = one_hot(tokens, self.language.vocab_size, torch.float64)
            return torch.where(known[..., None], certain, self._defined(self.posterior(tokens, known)))

        return unmask(
            posterior,
            (request.n, self.length),
            request.steps,
            request.generator,
            order="confidence" if request.sampler == "confidence" else "random",
            record=request.record,
            keep_states=request.keep_states,
        )


class PerfectUniform(_Discrete):
    """Uniform-state diffusion with the exact posterior: the limit that Duo is trained towards."""

    kind = "perfect-uniform"
    SAMPLERS: ClassVar[tuple[str, ...]] = ("ancestral", "greedy-tail")

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

    def draw_noise(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw random tokens: (n, L) int64."""
        return random_tokens((n, self.length), self.vocab_size, generator, self.device)

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Write by `denoise_uniform`: "ancestral", or with the last step greedy."""
        return denoise_uniform(
            self.context,
            request.start,
            self.vocab_size,
            request.steps,
            request.generator,
            greedy_tail=request.sampler == "greedy-tail",
            record=request.record,
            keep_states=request.keep_states,
        )


class PerfectAutoregressive(_Discrete):
    """Left to right with the exact conditionals: samples the language itself, in L steps whatever is asked."""

    kind = "perfect-ar"

    @property
    def fixed_steps(self) -> int:
        """L: one evaluation a token."""
        return self.language.length

    def posterior(self, prefix: Tensor) -> Tensor:
        """Probabilities of the next token given (B, l) prefixes: (B, V) float64, zero for impossible prefixes."""
        known = torch.arange(self.language.length) < prefix.shape[1]
        tokens = torch.zeros(len(prefix), self.language.length, dtype=torch.long)
        tokens[:, : prefix.shape[1]] = prefix
        log_match = one_hot(tokens, self.language.vocab_size, torch.float64).log()
        posterior = self._posterior.token_posterior(torch.where(known[:, None], log_match, 0.0))
        return posterior[:, prefix.shape[1]]

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Write one position after the other; `steps` is not used."""
        n, length, size = request.n, self.length, self.vocab_size
        recorder = Recorder(request.record, request.keep_states)
        tokens = torch.zeros(n, 0, dtype=torch.long)
        for position in range(length):
            following = self.posterior(tokens)
            if request.record:
                written = F.pad(one_hot(tokens, size, torch.float64), (0, 0, 0, length - position))
                rest = torch.where(torch.arange(length)[:, None] < position, written, self._marginal)
                rest[:, position] = following
                recorder.see(rest, written)
            tokens = torch.cat([tokens, categorical(following[:, None], request.generator)], dim=1)
        recorder.decided(tokens, lambda: one_hot(tokens, size))
        return recorder.result(tokens, torch.linspace(0, 1, length + 1))


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
