"""Measures of samples that need no judge: how varied they are and how much of them is known from the data.

What needs the exact language (validity, likelihood, total variation) is on `Language`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def token_entropy(tokens: Tensor) -> float:
    """Return the mean over samples of the entropy of the sample's own token counts, in nats.

    The field's guard against degenerate text: repeating a few words lowers it.

    Shapes: tokens (B, L).
    """
    entropies = []
    for row in tokens:
        p = torch.unique(row, return_counts=True)[1].double() / len(row)
        entropies.append(-(p * p.log()).sum())
    return float(torch.stack(entropies).mean())


def distinct_n(tokens: Tensor, n: int) -> float:
    """Return different n-grams over all n-grams of the samples, in (0, 1]; comparable at one sample size only.

    Shapes: tokens (B, L) with L >= n.

    Raises:
        ValueError: samples shorter than n.
    """
    if tokens.shape[1] < n:
        raise ValueError(f"distinct-{n} needs samples of at least {n} tokens, these have {tokens.shape[1]}")
    grams = tokens.unfold(1, n, 1).reshape(-1, n)
    return len(torch.unique(grams, dim=0)) / len(grams)


def word_ngrams(texts: Iterable[str], n: int) -> Counter[tuple[str, ...]]:
    """Count the n-grams of words (split at spaces, lower case)."""
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = text.lower().split()
        counts.update(zip(*(words[i:] for i in range(n)), strict=False))
    return counts


def known_ngrams(texts: Sequence[str], known: Counter[tuple[str, ...]], n: int) -> float:
    """Return the share of the texts' word n-grams that the corpus holds too, in [0, 1]; 0 for no n-gram at all.

    For n = 1 it says how many words are real, for n = 2 how many neighbours have been seen together.
    """
    grams = word_ngrams(texts, n)
    total = sum(grams.values())
    return sum(count for gram, count in grams.items() if gram in known) / total if total else 0.0
