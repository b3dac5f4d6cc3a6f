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

from torch import Tensor

from flm_edu.generator import TextGenerator
from flm_edu.language import ExactLanguage


class PerfectModel(TextGenerator):
    """What all perfect models share: the language, which knows its posterior.

    Args:
        language: the language.
    """

    def __init__(self, language: ExactLanguage):
        self.language = language

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
