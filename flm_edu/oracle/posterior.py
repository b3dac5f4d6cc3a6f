"""Perfect models of a finite language: what a network could at best learn, written down exactly.

When every text y_i and its probability p_i is known, the optimal denoiser is a sum over texts, and so
are the optimal models of masked, uniform and left-to-right generation. They separate what a network
failed to learn from what a sampler cannot do: a few-step discrete sampler draws every position on its
own from such a posterior, and fails even when the posterior is perfect.

Everything is computed in float64 and log space, in chunks of a bounded size. All models are sampled as the trained
ones are. Source: docs/EQUATIONS.md.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from flm_edu.generator import TextGenerator
from flm_edu.language import Language

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
        """Return the token marginals when texts weigh p_i exp(sum_l evidence[b, l, y_i^l]).

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


class PerfectModel(TextGenerator):
    """What all perfect models share: the texts and their posterior.

    Args:
        language: the language.
    """

    def __init__(self, language: Language):
        self.language = language
        self._posterior = _Posterior(language)

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
