"""Perfect models of a finite language: what a network could at best learn, written down exactly.

When every text y_i and its probability p_i is known, the optimal denoiser is a sum over texts, and so
are the optimal models of masked, uniform and left-to-right generation. They separate what a network
failed to learn from what a sampler cannot do: a few-step discrete sampler draws every position on its
own from such a posterior, and fails even when the posterior is perfect.

Everything is computed in float64 and log space, in chunks of a bounded size. All models have the
`sample(n, steps, generator=, record=)` of the trained ones. Source: docs/EQUATIONS.md.
"""

from __future__ import annotations

import warnings
from typing import ClassVar, Literal, overload

import torch
from torch import Tensor

from flm_edu.language import Language
from flm_edu.sampling import Trajectory, check_sampling

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
