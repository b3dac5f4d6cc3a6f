"""Exercises of notebook 09, steps, quality, speed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise


@exercise("09.distance")
def distance(answer: Answer) -> Iterator[str]:
    """counts (N,) of each text, number of invalid samples, probabilities (N,) -> total variation, a number."""
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    counts, invalid = torch.tensor([5, 1, 2]), 2
    share = counts.double() / 10
    result = answer(counts, invalid, p, shape=())
    compare(
        result,
        ((share - p).abs().sum() + 0.2) / 2,
        {
            "the invalid samples are missing: they are texts too, of probability 0 in the language, and their "
            "share is part of the sum": (share - p).abs().sum() / 2,
            "the invalid samples belong to the samples: divide the counts by all of them": (
                (counts / 8 - p).abs().sum() / 2
            ),
            "divide the counts by the number of all samples, the invalid ones among them": (
                ((counts / 8 - p).abs().sum() + 0.2) / 2
            ),
            "the half is missing: every share that is too large somewhere is too small elsewhere, and counts twice": (
                (share - p).abs().sum() + 0.2
            ),
            "the invalid samples are given as a number: divide it by that of all samples, as the counts": (
                ((share - p).abs().sum() + 2) / 2
            ),
            "the invalid texts count half, as all the others do": (share - p).abs().sum() / 2 + 0.2,
            "take the absolute difference of each text, not its square": ((share - p).square().sum() + 0.04) / 2,
            "differences of different signs cancel; take absolute values first": torch.tensor(0.0),
        },
    )
    yield "half the sum of the absolute differences, invalid texts included"
    compare(answer(torch.tensor([0, 0, 0]), 7, p, shape=()), torch.tensor(1.0), {})
    yield "nothing but invalid texts is as far away as can be"
    compare(answer(torch.tensor([5, 3, 2]), 0, p, shape=()), torch.tensor(0.0), {})
    yield "the right proportions are at distance 0"


@exercise("09.temper")
def temper(answer: Answer) -> Iterator[str]:
    """probabilities (B, V), temperature a number -> sharper or flatter probabilities (B, V)."""
    p = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.0, 0.8]], dtype=torch.float64)
    heat = 0.5

    def scaled(power: Tensor) -> Tensor:
        return power / power.sum(-1, keepdim=True)

    result = answer(p, heat, shape=(2, 3))
    if float((result.sum(-1) - 1).abs().max()) > 1e-6:
        whole = p.pow(1 / heat)
        if float((result - whole).abs().max()) < 1e-6:
            raise Mistake("the powers do not add up to 1: divide each row by its sum")
        if float((result - whole / whole.sum()).abs().max()) < 1e-6:
            raise Mistake("each row adds up to 1 on its own: sum over the words only, and keep that axis")
        if float((result - whole / whole.sum(0)).abs().max()) < 1e-6:
            raise Mistake("this divides by the sum of each column: a row is a distribution, so sum along the words")
        raise Mistake(f"the rows add up to {[round(float(row), 3) for row in result.sum(-1)]}, and 1 is needed")
    yield "each row is a distribution"
    compare(
        result,
        scaled(p.pow(1 / heat)),
        {
            "this is the other way round: a low temperature must sharpen, so the exponent is 1/T": scaled(p.pow(heat)),
            "these are the probabilities as they were: dividing them by T changes nothing once they are rescaled": p,
            "a softmax of p/T exponentiates the probabilities; T divides their logarithms": (p / heat).softmax(-1),
        },
    )
    yield "a temperature of one half squares the odds"
    compare(answer(p, 1.0, shape=(2, 3)), p, {})
    yield "temperature 1 changes nothing, and what is impossible stays so"


@exercise("09.front")
def front(answer: Answer) -> Iterator[str]:
    """seconds (N,), quality (N,) -> True or 1 where no other model is at least as good in both and better in one."""
    seconds = torch.tensor([4.0, 1.0, 2.0, 8.0, 3.0])
    quality = torch.tensor([0.9, 0.5, 0.8, 0.85, 0.7])
    yields = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])
    result = answer(seconds, quality, shape=(5,))
    compare(
        result,
        yields,
        {
            "these are the models that are beaten; the others are asked for": 1 - yields,
            "every model is at least as fast and as good as itself, so all of them seem beaten: the other must also "
            "be strictly better in one of the two": torch.zeros(5),
            "slow models are on the front here: fewer seconds are better": torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0]),
            "this is the best quality only; a worse and faster model is on the front too": torch.tensor(
                [1.0, 0.0, 0.0, 0.0, 0.0]
            ),
            "this is the fastest only; a slower and better model is on the front too": torch.tensor(
                [0.0, 1.0, 0.0, 0.0, 0.0]
            ),
            "these are the models that beat nobody; those that nobody beats are asked for, the other axis": torch.tensor(
                [0.0, 1.0, 0.0, 1.0, 1.0]
            ),
            "nobody is left out here: a model that another one beats in both is not on the front": torch.ones(5),
        },
    )
    yield "who is beaten in both by another is left out"
    ties = answer(torch.tensor([1.0, 2.0, 1.0, 3.0]), torch.tensor([0.5, 0.5, 0.4, 0.9]), shape=(4,))
    compare(
        ties,
        torch.tensor([1.0, 0.0, 0.0, 1.0]),
        {
            "as good and slower is beaten, and so is as fast and worse: one of the two may be a tie": torch.tensor(
                [1.0, 1.0, 1.0, 1.0]
            )
        },
    )
    yield "a tie in one of the two does not save it"
    equals = answer(torch.tensor([1.0, 1.0]), torch.tensor([0.5, 0.5]), shape=(2,))
    if not bool((equals == 1).all()):
        raise Mistake("of two that are equal in both neither is strictly better, so both are on the front")
    yield "equals do not beat each other"
