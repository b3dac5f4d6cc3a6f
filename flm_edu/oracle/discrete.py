"""Perfect discrete models of a finite language: masked, uniform and left to right."""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu.discrete import MaskedGenerator, UniformGenerator
from flm_edu.draws import categorical
from flm_edu.generator import Request
from flm_edu.interpolant import (
    one_hot,
)
from flm_edu.language import ExactLanguage
from flm_edu.oracle.posterior import PerfectModel
from flm_edu.trajectory import Recorder, Trajectory

D = TypeVar("D", bound="_Discrete")


class _Discrete(PerfectModel):
    """What the discrete models share: what to do where no text is possible.

    A few-step sampler reaches states that no text agrees with. There the posterior is not defined, and
    the rule is that of a model that has nothing to go by: each undecided position is drawn from the
    language's own marginal at that position.
    """

    def __init__(self, language: ExactLanguage):
        super().__init__(language)
        self._marginal = self._without_evidence()  # (L, V), or (n, L, V) where different words are given

    def knowing(self: D, given: Tensor) -> D:
        """Return the model of the texts that have these tokens; so has its own marginal."""
        twin = super().knowing(given)
        twin._marginal = twin._without_evidence()
        return twin

    def _without_evidence(self) -> Tensor:
        posterior = self.weigh(torch.zeros(1, self.length, self.vocab_size, dtype=torch.float64))
        return posterior[0] if len(posterior) == 1 else posterior

    def _defined(self, posterior: Tensor) -> Tensor:
        """Give the marginals to rows without any possible text."""
        lost = posterior.sum((-2, -1)) == 0
        return torch.where(lost[:, None, None], self._marginal, posterior)


class PerfectMasked(MaskedGenerator, _Discrete):
    """Masked diffusion with the exact posterior: the limit that MDLM is trained towards."""

    kind = "perfect-masked"

    def posterior(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Return token probabilities given the known ones: (B, L) int64, (B, L) bool -> (B, L, V) float64.

        All zero for a sample that no text agrees with.
        """
        log_match = one_hot(tokens, self.language.vocab_size, torch.float64).log()  # 0 at the token, -inf elsewhere
        return self.weigh(torch.where(known[..., None], log_match, 0.0))

    def completion(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Return the posterior, certain where known, and the marginals where no text is possible."""
        certain = one_hot(tokens, self.vocab_size, torch.float64)
        return torch.where(known[..., None], certain, self._defined(self.posterior(tokens, known)))


class PerfectUniform(UniformGenerator, _Discrete):
    """Uniform-state diffusion with the exact posterior: the limit that Duo is trained towards."""

    kind = "perfect-uniform"

    def posterior(self, tokens: Tensor, alpha: float) -> Tensor:
        """Return clean-token probabilities given tokens kept with probability alpha, else replaced by any of V.

        Texts weigh prod_l (alpha [x^l = y^l] + (1-alpha)/V). Shapes: (B, L) int64 -> (B, L, V) float64.
        """
        size = self.language.vocab_size
        likelihood = alpha * one_hot(tokens, size, torch.float64) + (1 - alpha) / size  # of x^l given y^l
        return self.weigh(likelihood.log())

    def context(self, tokens: Tensor, alpha: float) -> Tensor:
        """Return what the other positions say of each position's clean token: the posterior without its own evidence.

        This, and not the posterior, is what minimises the likelihood bound of uniform-state diffusion.
        Shapes: (B, L) int64 -> (B, L, V) float64 on the simplex.
        """
        size = self.language.vocab_size
        own = alpha * one_hot(tokens, size, torch.float64) + (1 - alpha) / size
        weight = self._defined(self.posterior(tokens, alpha)) / own
        return weight / weight.sum(-1, keepdim=True)


class PerfectAutoregressive(_Discrete):
    """Left to right with the exact conditionals: samples the language itself, in L steps whatever is asked."""

    kind = "perfect-ar"

    @property
    def fixed_steps(self) -> int:
        """L: one evaluation a token."""
        return self.language.length

    def posterior(self, prefix: Tensor) -> Tensor:
        """Return probabilities of the next token given (B, l) prefixes: (B, V) float64, zero for impossible prefixes."""
        known = torch.arange(self.language.length) < prefix.shape[1]
        tokens = torch.zeros(len(prefix), self.language.length, dtype=torch.long)
        tokens[:, : prefix.shape[1]] = prefix
        log_match = one_hot(tokens, self.language.vocab_size, torch.float64).log()
        posterior = self.weigh(torch.where(known[:, None], log_match, 0.0))
        return posterior[:, prefix.shape[1]]

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Write one position after the other; `steps` is not used."""
        n, length, size = request.n, self.length, self.vocab_size
        recorder = Recorder(request.record, request.keep_states)
        tokens = torch.zeros(n, 0, dtype=torch.long)
        for position in range(length):
            following = request.sharpen(self.posterior(tokens))
            if request.record:
                written = F.pad(one_hot(tokens, size, torch.float64), (0, 0, 0, length - position))
                rest = torch.where(torch.arange(length)[:, None] < position, written, self._marginal)
                rest[:, position] = following
                recorder.see(rest, written)
            tokens = torch.cat([tokens, categorical(following[:, None], request.generator)], dim=1)
        recorder.decided(tokens, lambda: one_hot(tokens, size))
        return recorder.result(tokens, torch.linspace(0, 1, length + 1))
