"""Perfect models of a finite language: what a network could at best learn, written down exactly.

When every text y_i and its probability p_i is known, the optimal denoiser is a sum over texts, and so
are the optimal models of masked, uniform and left-to-right generation. A language, listed or not, computes that sum:
`ExactLanguage.posterior`. They separate what a network
failed to learn from what a sampler cannot do: a few-step discrete sampler draws every position on its
own from such a posterior, and fails even when the posterior is perfect.

Everything is computed in float64 and log space, in chunks of a bounded size. All models are sampled as the trained
ones are. Source: docs/EQUATIONS.md.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from flm_edu.generator import Request, TextGenerator
from flm_edu.interpolant import one_hot
from flm_edu.language import ExactLanguage
from flm_edu.trajectory import Trajectory

P = TypeVar("P", bound="PerfectModel")


class PerfectModel(TextGenerator):
    """What all perfect models share: the language, which knows its posterior.

    Args:
        language: the language.
    """

    _given: Tensor | None = None  # (L, V) or (n, L, V) float64: 0 for what may be, -inf for what may not

    def __init__(self, language: ExactLanguage):
        self.language = language

    def weigh(self, evidence: Tensor) -> Tensor:
        """Return the language's posterior by this evidence and what is given: (B, L, V) -> (B, L, V) float64."""
        return self.language.posterior(evidence if self._given is None else evidence + self._given)

    def knowing(self: P, given: Tensor) -> P:
        """Return the perfect model of the texts that have these tokens, (L,) or (n, L) int64 with -1 where free.

        Raises:
            ValueError: no text of the language has them.
        """
        twin = copy.copy(self)
        fixed = one_hot(given.clamp_min(0), self.vocab_size, torch.float64).log()
        twin._given = torch.where((given >= 0)[..., None], fixed, 0.0)
        if bool((twin.weigh(torch.zeros(1, 1, 1, dtype=torch.float64)).sum((-2, -1)) == 0).any()):
            raise ValueError(f"`given`: no text of {self.language.name} has these words in these places")
        return twin

    def answer(self, request: Request) -> Tensor | Trajectory:
        """Return what `generate` does, by the texts that have what is given."""
        if request.given is None:
            return self.generate(request)
        alike = bool((request.given == request.given[0]).all())
        known = self.knowing(request.given[0] if alike else request.given)
        return known.generate(replace(request, given=None))

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.language.vocab_size

    @property
    def length(self) -> int:
        """L."""
        return self.language.length

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the texts of (B, L) tokens."""
        return self.language.decode(tokens)

    def spell(self, token: int) -> str:
        """Return one word of the language."""
        return self.language.words[token]
