"""Exercises of notebook 01, words as corners of a simplex."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise
from flm_edu.interpolant import interpolate, one_hot
from flm_edu.language import Language


def _decode(states: Tensor) -> Tensor:
    return states.argmax(-1)


@exercise("01.decode", _decode)
def decode(answer: Answer) -> Iterator[str]:
    """states (B, L, V) -> tokens (B, L)."""
    tokens = torch.tensor([[2, 0], [1, 3], [3, 3]])
    corners = one_hot(tokens, 4)
    compare(
        answer(corners, shape=(3, 2)),
        tokens,
        {"this takes the smallest entry: a word is where the entry is largest": corners.argmin(-1)},
    )
    yield "a corner is read as its own word"
    noisy = corners - torch.tensor([3.0, 2.5, 2.0, 1.5]) * (1 - corners)
    compare(
        answer(noisy, shape=(3, 2)),
        tokens,
        {"-3 is a lower score than 1: do not take the absolute value": noisy.abs().argmax(-1)},
    )
    yield "negative entries count as low scores"
    close = torch.tensor(
        [[[0.1, 0.35, 0.45, 0.2], [0.2, 0.7, 1.9, 2.2]], [[1.6, 1.9, 0.2, 0.7], [-3.0, -0.6, -0.8, -2.0]]]
    )
    compare(
        answer(close, shape=(2, 2)),
        close.argmax(-1),
        {
            "rounding makes ties of entries that differ: compare the entries themselves": close.round().argmax(-1),
            "this asks which entries are above 0.5; take the largest one, whatever its size": (
                (close > 0.5).long().argmax(-1)
            ),
            "this takes the entry nearest to 1; take the largest one, whatever its size": (close - 1).abs().argmin(-1),
            "this takes the first positive entry; take the largest one": (close > 0).long().argmax(-1),
        },
    )
    yield "the largest entry wins, whatever its size"


@exercise("01.mix", interpolate)
def mix(answer: Answer) -> Iterator[str]:
    """noise (B, L, V), data (B, L, V), t (B,) -> (B, L, V)."""
    generator = torch.Generator().manual_seed(1)
    data = one_hot(torch.tensor([[0, 1], [2, 2], [1, 0]]), 3)
    noise = torch.randn(3, 2, 3, generator=generator)
    shape = (3, 2, 3)
    # One time for the whole batch first: what is mixed, before how it is broadcast.
    t = torch.full((3,), 0.25)
    share = 0.25
    compare(
        answer(noise, data, t, shape=shape),
        interpolate(noise, data, t),
        {
            "noise and data are exchanged: at t = 0 there must be noise, at t = 1 data": (
                share * noise + (1 - share) * data
            ),
            "the data has no weight: the two weights must add up to 1": (1 - share) * noise + data,
            "the noise has no weight: at t = 1 nothing of it may be left": noise + share * data,
            "the sign is wrong: the way from noise to data is data - noise": noise + share * (noise - data),
            "square roots keep the variance constant in other models; this interpolant is a straight line": (
                (1 - share) ** 0.5 * noise + share**0.5 * data
            ),
        },
    )
    yield "the weights are 1 - t for the noise and t for the data"
    t = torch.tensor([0.1, 0.5, 0.9])
    along_words = (1 - t) * noise + t * data
    compare(
        answer(noise, data, t, shape=shape),
        interpolate(noise, data, t),
        {
            "t lines up with the axis of the words, because a shape (B,) meets the last axis. Give it two more axes, "
            "t[:, None, None], so that each text has its own time": along_words,
            "every text has the mean of the times": interpolate(noise, data, t.mean().expand(3)),
            "every text has the time of the first one": interpolate(noise, data, t[:1].expand(3)),
        },
    )
    yield "every text of the batch has its own time"


def _average(tokens: Tensor, probabilities: Tensor, vocab_size: int) -> Tensor:
    return torch.einsum("n,nlv->lv", probabilities, one_hot(tokens, vocab_size, probabilities.dtype))


@exercise("01.average", _average)
def average(answer: Answer) -> Iterator[str]:
    """tokens (N, L), probabilities (N,), vocab_size -> (L, V)."""
    language = Language.from_sentences(["a b", "a c", "b b", "b a"], [0.5, 0.25, 0.15, 0.1])
    tokens, p = language.tokens, language.probabilities
    even = torch.full((4,), 1 / 4, dtype=torch.float64)
    size = 4  # one more than the texts use
    corners = one_hot(tokens, size, torch.float64)
    small = "use `vocab_size`: the largest word of the vocabulary need not occur in these texts"
    hints: dict[tuple[int, ...], str] = {
        (2, 3): small,
        (4, 4): "this averages over positions; average over texts, the first axis",
    }
    result = answer(tokens, even, size, shape=(2, 4), hints=hints)
    if bool((result.sum(-1) - 1).abs().max() > 1e-4) and bool((result - corners.sum(0)).abs().max() < 1e-4):
        raise Mistake("the rows add up to the number of texts, so this is a sum; the weights of an average add up to 1")
    compare(result, corners.mean(0), {})
    yield "equally likely texts are averaged"
    compare(
        answer(tokens, p, size, shape=(2, 4), hints=hints),
        (p[:, None, None] * corners).sum(0),
        {
            "the texts are not equally likely: give each its probability as weight": corners.mean(0),
            "the probabilities line up with the axis of the words; p[:, None, None] lines them up with the texts": (
                (p * corners).sum(0)
            ),
        },
    )
    yield "every text counts by its probability"
