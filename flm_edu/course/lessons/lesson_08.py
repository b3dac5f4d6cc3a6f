"""Exercises of notebook 08, why discrete diffusion needs many steps."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise
from flm_edu.interpolant import one_hot


def _one_step(joint: Tensor) -> Tensor:
    return joint.sum(1).outer(joint.sum(0))


@exercise("08.product", _one_step)
def product(answer: Answer) -> Iterator[str]:
    """joint (V, V) -> what drawing each position on its own gives, (V, V)."""
    joint = torch.tensor([[0.4, 0.1, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.3]], dtype=torch.float64)
    first, second = joint.sum(1), joint.sum(0)
    result = answer(joint, shape=(3, 3))
    if abs(float(result.sum()) - 1) > 1e-6 and float((result - 9 * first.outer(second)).abs().max()) > 1e-6:
        raise Mistake(f"the result adds up to {float(result.sum()):.3g}; probabilities of all texts add up to 1")
    compare(
        result,
        first.outer(second),
        {
            "this is the language itself, in which the two words still know of each other": joint,
            "the positions are exchanged: the rows are the first position, whose marginal is the sum over the columns": (
                second.outer(first)
            ),
            "both factors are the marginal of the first position": first.outer(first),
            "both factors are the marginal of the second position": second.outer(second),
            "every word equally likely is not what the positions say on their own": torch.full_like(joint, 1 / 9),
        },
    )
    yield "the product of the two marginals"


def _city_share(n: int) -> float:
    return 1 - 1 / (2 * n)


@exercise("08.steps", _city_share)
def steps(answer: Answer) -> Iterator[str]:
    """number of steps -> share of existing cities, a number."""
    compare(
        answer(1, shape=()),
        torch.tensor(0.5),
        {
            "a share is between 0 and 1, not in percent": torch.tensor(50.0),
            "in one step both positions are always drawn at once, which is right half of the time": torch.tensor(0.0),
            "in one step nothing is known when the words are drawn; that cannot always end well": torch.tensor(1.0),
        },
    )
    yield "one step is right half of the time"
    for n in (3, 5):  # at 2 two mistakes give the right number
        compare(
            answer(n, shape=()),
            torch.tensor(1 - 1 / (2 * n)),
            {
                "both positions fall into the same step with probability 1/n, and even then half of the cities exist": (
                    torch.tensor(1 - 1 / n)
                ),
                "this is the share of cities that do not exist": torch.tensor(1 / (2 * n) + 1e-9),
                "the chance to fall into the same step is 1/n: whichever step the first position takes, "
                "the second takes the same one with probability 1/n": torch.tensor(1 - 0.5**n),
                "n steps, but two positions: the chance that both fall into one given step is 1/n^2, and there are n steps": (
                    torch.tensor(1 - 1 / (2 * n**2))
                ),
            },
        )
    yield "with n steps the positions fall into the same step once in n times"


def _one_step_valid(tokens: Tensor, marginals: Tensor) -> Tensor:
    return marginals[torch.arange(tokens.shape[1]), tokens].prod(-1).sum()


@exercise("08.valid", _one_step_valid)
def valid(answer: Answer) -> Iterator[str]:
    """tokens (N, L), marginals (L, V) -> share of valid texts in one step, a number."""
    tokens = torch.tensor([[0, 1, 0], [1, 0, 2], [2, 2, 1], [0, 2, 1]])
    marginals = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]], dtype=torch.float64)
    each = (marginals * one_hot(tokens, 3, torch.float64)).sum(-1)  # (N, L): probability of each word at its position
    compare(
        answer(tokens, marginals, shape=()),
        each.prod(-1).sum(),
        {
            "the probabilities of the words of a text are multiplied, not added": each.sum(-1).sum(),
            "the texts exclude each other, so their probabilities are added up, not averaged": each.prod(-1).mean(),
            "a text needs all its words: multiply along the text first, then add over the texts": each.sum(0).prod(),
            "this is the probability that no text comes out": 1 - each.prod(-1).sum(),
            "every text of the language has to be counted": each[0].prod(),
            "this multiplies over the texts too; multiply along each text, then add over the texts": each.prod(),
            "the marginals have a row for each position and a column for each word: marginals[position, word]": (
                marginals[tokens, torch.arange(3)].prod(-1).sum()
            ),
        },
    )
    yield "the product along each text, summed over the texts"
