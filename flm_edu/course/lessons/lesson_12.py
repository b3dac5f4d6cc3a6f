"""Exercises of notebook 12, steering."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise
from flm_edu.interpolant import interpolate, one_hot


def _hold(x: Tensor, t: Tensor, noise: Tensor, given: Tensor) -> Tensor:
    words = one_hot(given.clamp_min(0), x.shape[-1], x.dtype).expand_as(noise)
    return torch.where((given >= 0)[..., None], interpolate(noise, words, t), x)


@exercise("12.hold", _hold)
def hold(answer: Answer) -> Iterator[str]:
    """States (B, L, V) at times t (B,), the noise they began with, given tokens (L,), -1 where free -> states (B, L, V)."""
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 2, 3, 4, generator=generator, dtype=torch.float64)
    t, given = torch.tensor([0.25, 0.75], dtype=torch.float64), torch.tensor([2, -1, 0])
    words = one_hot(given.clamp_min(0), 4, torch.float64).expand(2, -1, -1)
    known = (given >= 0)[:, None]
    wanted = _hold(x, t, noise, given)
    result = answer(x, t, noise, given, shape=(2, 3, 4))
    if torch.equal(result[:, 1], wanted[:, 1]) and not torch.allclose(result, wanted):
        compare(
            result,
            wanted,
            {
                "a given word is put in as clean as at the end; at time t it is mixed with its noise": torch.where(known, words, x),
                "the shares of word and noise are exchanged: at t = 1 there is only the word": torch.where(
                    known, interpolate(noise, words, 1 - t), x
                ),
                "the word is mixed with the state; it is mixed with the noise that its place began with": torch.where(
                    known, interpolate(x, words, t), x
                ),
                "the word must be mixed with its noise: (1 - t) noise is missing": torch.where(known, t[:, None, None] * words, x),
                "nothing was held: given words stay free": x,
            },
        )  # fmt: skip
    compare(
        result,
        wanted,
        {
            "free places were changed too; only those with `given >= 0` are held": interpolate(noise, words, t),
            "this holds the free places and leaves the given ones": torch.where(known, x, interpolate(noise, words, t)),
        },
    )
    yield "given words are where their own noise and they would be at time t, and free ones stay"
    end = answer(x, torch.ones(2, dtype=torch.float64), noise, given, shape=(2, 3, 4))
    compare(end[:, [0, 2]], words[:, [0, 2]], {})
    yield "and at the end they stand there clean"


def _sharpen(p: Tensor, temperature: float) -> Tensor:
    return (p.double().log() / temperature).softmax(-1)


@exercise("12.sharpen", _sharpen)
def sharpen(answer: Answer) -> Iterator[str]:
    """Probabilities (..., V) and a temperature above 0 -> those of a draw at that temperature (..., V)."""
    p = torch.tensor([[0.5, 0.3, 0.2], [0.7, 0.1, 0.2]], dtype=torch.float64)
    result = answer(p, 0.5, shape=(2, 3))
    compare(
        result,
        _sharpen(p, 0.5),
        {
            "the powers must be divided by their sum, so that they are probabilities again": p**2,
            "the exponent is one over the temperature; colder is sharper": _sharpen(p, 2.0),
            "softmax takes logarithms: of the probabilities themselves it gives another distribution": (p / 0.5).softmax(-1),
            "each row has its own sum; divide along the last dimension": p**2 / (p**2).sum(),
        },
    )  # fmt: skip
    yield "below 1, likely words become likelier"
    compare(answer(p, 1.0, shape=(2, 3)), p, {})
    if float(answer(p, 0.1, shape=(2, 3))[0, 0]) < 0.99:
        raise Mistake("at temperature 0.1 the likeliest word must have nearly everything")
    yield "at 1 nothing changes, and towards 0 the likeliest word has all"


def _surprise(error: Tensor, density: Tensor) -> Tensor:
    return (error / density).mean() / 2


@exercise("12.surprise", _surprise)
def surprise(answer: Answer) -> Iterator[str]:
    """Squared errors (n,) at drawn signal-to-noise ratios, and the density of each draw (n,) -> -log p, nats."""
    error = torch.tensor([2.0, 1.0, 0.25, 0.5], dtype=torch.float64)
    density = torch.tensor([0.5, 0.25, 0.05, 0.1], dtype=torch.float64)
    compare(
        answer(error, density, shape=()),
        _surprise(error, density),
        {
            "the half in front of the integral is missing": (error / density).mean(),
            "draws come where the density is large, so each counts for one over it": (error * density).mean() / 2,
            "the density of the draws is missing; without it dense places count too often": error.mean() / 2,
            "a mean, not a sum: twice as many draws must not double the answer": (error / density).sum() / 2,
            "divide each error by its own density; this divides the means": error.mean() / density.mean() / 2,
        },
    )
    yield "each draw counts for one over its density, and half the mean is -log p"
