"""Finite languages: every text and its probability is known, so every claim about a model can be checked.

A `Language` is a table of N token sequences of length L with probabilities. It is read from a grammar
(data/languages/README.md describes the format) or made from a list of sentences. `flm_edu.automaton` has the languages
that are too large to list; both answer the same questions (`ExactLanguage`).
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from flm_edu.vocabulary import END_TOKEN, word_tokenizer

MOST_TRAINING_TEXTS = 1_000_000  # of a finite training set
CHUNK = 64  # samples at once: a table of (texts, 64) float64 stays in or near the processor's cache


class ExactLanguage:
    """A finite language of which everything can be computed, however many texts it has.

    A subclass has `name`, `words` and `origin`, and gives what raises `NotImplementedError` here.
    """

    name: str
    words: tuple[str, ...]
    origin: Mapping[str, Any]

    def check_words(self) -> None:
        """Raise ValueError where there are fewer than two words."""
        if len(self.words) < 2:
            raise ValueError(f"language {self.name!r} has {len(self.words)} word(s); it needs at least 2")

    @property
    def texts(self) -> int:
        """N, the number of texts."""
        raise NotImplementedError

    @property
    def vocab_size(self) -> int:
        """V."""
        return len(self.words)

    @property
    def length(self) -> int:
        """L."""
        raise NotImplementedError

    @cached_property
    def entropy(self) -> float:
        """Of a whole text, in nats; divide by `length` for nats per token."""
        raise NotImplementedError

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """One token a word."""
        return word_tokenizer(self.words)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the words, texts and probabilities, for provenance."""
        raise NotImplementedError

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw n texts from the language itself: (n, L) int64 on the CPU."""
        raise NotImplementedError

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the texts of (B, L) tokens, `<end>` left out."""
        return [" ".join(self.words[i] for i in row if self.words[i] != END_TOKEN) for row in tokens.tolist()]

    def negative_log_likelihood(self, tokens: Tensor) -> Tensor:
        """Return -log p of each sample in nats per text: (B, L) -> (B,) float64, infinite outside the language."""
        raise NotImplementedError

    def contains(self, tokens: Tensor) -> Tensor:
        """Tell which samples are texts of the language: (B, L) -> (B,) bool."""
        return self.negative_log_likelihood(tokens).isfinite()

    def validity(self, tokens: Tensor) -> float:
        """Return the share of (B, L) samples that are texts of the language, in [0, 1]."""
        return float(self.contains(tokens).double().mean())

    def posterior(self, evidence: Tensor) -> Tensor:
        """Return the token marginals when texts weigh p(y) exp(sum_l evidence[b, l, y_l]).

        Shapes: (B, L, V) float64 -> (B, L, V) float64 on the simplex; evidence may be -inf, and samples
        for which every text is impossible give 0 everywhere.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Language(ExactLanguage):
    """A finite language, listed.

    Attributes:
        name: what it is called in tables and provenance.
        words: the vocabulary; the token i is written words[i].
        tokens: (N, L) int64, each row a different text.
        probabilities: (N,) float64, positive, summing to 1.
        origin: how to load it again, kept with every model trained on it; {} for one made in Python.

    Raises:
        ValueError: fewer than two words, repeated texts, or probabilities that are not a distribution.
    """

    name: str
    words: tuple[str, ...]
    tokens: Tensor
    probabilities: Tensor
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check_words()
        if self.probabilities.shape != self.tokens.shape[:1]:
            raise ValueError(f"language {self.name!r}: one probability for each text is needed")
        if not bool((self.probabilities > 0).all()) or abs(float(self.probabilities.sum()) - 1) > 1e-9:
            raise ValueError(f"language {self.name!r}: probabilities must be positive and sum to 1")
        if len(self._index) != len(self.tokens):
            raise ValueError(f"language {self.name!r} lists the same text twice")

    @classmethod
    def from_sentences(
        cls, sentences: Sequence[str], probabilities: Sequence[float] | None = None, name: str = "sentences given"
    ) -> Language:
        """Make a language from texts written out, words separated by spaces; equally likely unless told.

        Repeated texts become one with the sum of their probabilities; shorter texts are filled up
        with `<end>`.

        Raises:
            ValueError: no sentence, an empty one, or weights that are negative, not finite or of another number.
        """
        weights = [1.0] * len(sentences) if probabilities is None else [float(p) for p in probabilities]
        if len(weights) != len(sentences):
            raise ValueError(f"{len(sentences)} sentences but {len(weights)} probabilities")
        if not sentences or any(not sentence.split() for sentence in sentences):
            raise ValueError("a language needs at least one sentence, and no empty one")
        if not all(weight >= 0 for weight in weights) or not 0 < sum(weights) < math.inf:
            raise ValueError("probabilities must be finite, not negative, and not all zero")
        merged: Counter[tuple[str, ...]] = Counter()
        for sentence, weight in zip(sentences, weights, strict=True):
            merged[tuple(sentence.split())] += weight  # type: ignore[assignment]  # Counter of floats
        rows = [row for row, weight in merged.items() if weight > 0]
        length = max(map(len, rows))
        rows_full = [row + (END_TOKEN,) * (length - len(row)) for row in rows]
        words = tuple(dict.fromkeys(word for row in rows_full for word in row))
        index = {word: i for i, word in enumerate(words)}
        mass = torch.tensor([float(merged[row]) for row in rows], dtype=torch.float64)
        tokens = torch.tensor([[index[word] for word in row] for row in rows_full])
        return cls(name, words, tokens, mass / mass.sum())

    def tilted(self, reward: Callable[[str], float]) -> Language:
        """Return the language whose texts weigh p(y) exp(reward(y)): what guidance by the reward should write.

        Texts of reward minus infinity are left out of it; the words stay the same.

        Raises:
            ValueError: a reward is infinite or no number, or no text is left.
        """
        rewards = torch.tensor([float(reward(text)) for text in self.decode(self.tokens)], dtype=torch.float64)
        log_p = self.probabilities.log() + rewards
        if not bool((log_p < math.inf).all()) or not bool((log_p > -math.inf).any()):
            raise ValueError("`reward` must give numbers below infinity, and not minus infinity for every text")
        p = log_p.softmax(0)
        return Language(f"{self.name}, tilted", self.words, self.tokens[p > 0], p[p > 0])

    # --- sizes ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        """N, the number of texts."""
        return len(self.tokens)

    @property
    def texts(self) -> int:
        """N, the number of texts."""
        return len(self)

    @property
    def length(self) -> int:
        """L."""
        return self.tokens.shape[1]

    @cached_property
    def entropy(self) -> float:
        """Of a whole text, in nats; divide by `length` for nats per token."""
        return float(-(self.probabilities * self.probabilities.log()).sum())

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the words, texts and probabilities, for provenance."""
        content = repr((self.words, self.tokens.tolist(), self.probabilities.tolist()))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    # --- texts ---------------------------------------------------------------------------------

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw n texts from the language itself: (n, L) int64 on the CPU."""
        device = torch.device("cpu") if generator is None else generator.device
        drawn = torch.multinomial(self.probabilities.to(device), n, replacement=True, generator=generator)
        return self.tokens[drawn.cpu()]

    @cached_property
    def _index(self) -> dict[tuple[int, ...], int]:
        return {tuple(row): i for i, row in enumerate(self.tokens.tolist())}

    def index(self, tokens: Tensor) -> Tensor:
        """Return which text of the language each row is: (B, L) -> (B,) int64, -1 for none of them."""
        return torch.tensor([self._index.get(tuple(row), -1) for row in tokens.tolist()], dtype=torch.long)

    # --- how far samples are from it -----------------------------------------------------------

    def negative_log_likelihood(self, tokens: Tensor) -> Tensor:
        """Return -log p of each sample in nats per text: (B, L) -> (B,) float64, infinite outside the language."""
        index = self.index(tokens)
        return torch.where(index >= 0, -self.probabilities[index.clamp_min(0)].log(), torch.inf)

    def total_variation(self, tokens: Tensor) -> float:
        """Return half the L1 distance between the samples' frequencies and the language, in [0, 1].

        Even exact samples have some; `expected_total_variation` says how much.
        """
        index = self.index(tokens)
        frequency = torch.bincount(index[index >= 0], minlength=len(self)).double() / len(tokens)
        outside = float((index < 0).double().mean())
        return 0.5 * (float((frequency - self.probabilities).abs().sum()) + outside)

    def expected_total_variation(self, n: int) -> float:
        """Return the mean `total_variation` of n exact samples: the noise floor of the measure.

        Half the sum of the mean absolute deviations of binomials (de Moivre's closed form).
        """
        p = self.probabilities
        k = (n * p).floor() + 1  # (N,)
        inside = k <= n  # k = n + 1 only for p = 1, which does not deviate
        log_choose = (
            torch.lgamma(torch.tensor(n + 1.0, dtype=torch.float64))
            - torch.lgamma(k + 1)
            - torch.lgamma((n - k).clamp_min(0) + 1)
        )
        log_mean = torch.log(2 * k) + log_choose + k * p.log() + (n - k + 1) * torch.log1p(-p)
        return float(torch.where(inside, log_mean.exp(), 0.0).sum()) / (2 * n)

    # --- what the oracle asks for --------------------------------------------------------------

    def posterior(self, evidence: Tensor) -> Tensor:
        """Return the token marginals when texts weigh p_i exp(sum_l evidence[b, l, y_i^l]).

        The texts are a sparse matrix with a row for each text and a column for each (position, token): one product
        scores every text against the evidence, the other adds the weights of texts up into token marginals. Memory is
        bounded by a few tables of (N, CHUNK) float64, whatever the samples.

        Shapes: (B, L, V) float64 -> (B, L, V) float64 on the simplex; evidence may be -inf, and samples
        for which every text is impossible give 0 everywhere.
        """
        texts, texts_by_token = self._sparse
        log_p = self.probabilities.double().log()[:, None]  # (N, 1)
        parts = []
        for chunk in torch.split(evidence, CHUNK):
            log_weight = texts @ chunk.flatten(1).T.contiguous() + log_p  # (N, b)
            impossible = log_weight.amax(0) == -torch.inf  # (b,)
            weight = torch.where(impossible, 0.0, log_weight.softmax(0))
            parts.append((texts_by_token @ weight).T.view(chunk.shape))
        return torch.cat(parts)

    @cached_property
    def _sparse(self) -> tuple[Tensor, Tensor]:
        """Texts by (position, token), and the other way round: (N, L V) and (L V, N)."""
        texts, length, size = len(self), self.length, self.vocab_size
        columns = (self.tokens + torch.arange(length) * size).flatten()
        by_column = torch.argsort(columns, stable=True)
        starts = torch.bincount(columns, minlength=length * size).cumsum(0)
        ones = torch.ones(texts * length, dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch calls its sparse rows a beta feature
            return (
                torch.sparse_csr_tensor(
                    torch.arange(0, texts * length + 1, length), columns, ones, (texts, length * size)
                ),
                torch.sparse_csr_tensor(
                    torch.cat([starts.new_zeros(1), starts]), by_column // length, ones, (length * size, texts)
                ),
            )


@dataclass(frozen=True, eq=False)
class TrainingTexts(Language):
    """Texts drawn from a language, which are all that a training sees.

    As a language of its own it is what a model that learned them by heart would write; `whole` is what one that
    learned the rules would.

    Attributes:
        whole: the language that they were drawn from; it has the same words.
    """

    whole: ExactLanguage = field(kw_only=True)


def draw_training_texts(whole: ExactLanguage, n: int, seed: int = 0) -> TrainingTexts:
    """Draw n texts from a language, with replacement; a text is as likely as it is frequent among them.

    Raises:
        ValueError: n is no number from 1 to `MOST_TRAINING_TEXTS`.
    """
    if not isinstance(n, int) or not 1 <= n <= MOST_TRAINING_TEXTS:
        raise ValueError(f"`training_texts` is {n}; it must be a whole number from 1 to {MOST_TRAINING_TEXTS:,}")
    drawn = whole.sample(n, generator=torch.Generator().manual_seed(seed))
    texts, counts = torch.unique(drawn, dim=0, return_counts=True)
    origin = {**whole.origin, "training_texts": n, "data_seed": seed}
    name = f"{whole.name}, {n} texts"
    return TrainingTexts(name, whole.words, texts, counts.double() / n, origin, whole=whole)
