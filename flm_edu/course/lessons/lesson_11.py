"""Exercises of notebook 11, learned or memorised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from flm_edu.automaton import Automaton
from flm_edu.course.answers import Answer, Mistake, compare, exercise


class Edges(NamedTuple):
    """The edges of one position, as the exercises see them: (E,) each, and the number of states after the word."""

    source: Tensor
    token: Tensor
    target: Tensor
    chance: Tensor
    after: int


def edges_of(automaton: Automaton) -> list[Edges]:
    """Return the edges of each position, with probabilities in place of their logarithms."""
    layers = automaton.layers
    return [Edges(e.source, e.token, e.target, e.log_probability.exp(), e.states[1]) for e in layers]


def _sum_into(target: Tensor, values: Tensor, size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.float64).index_add(0, target, values.double())


def _count(edges: list[Edges]) -> int:
    ways = torch.ones(1, dtype=torch.float64)
    for each in edges:
        ways = _sum_into(each.target, ways[each.source], each.after)
    return int(ways.sum())


def _example() -> list[Edges]:
    """Return two positions that branch and one that merges: 16 texts on 12 edges of 3 words."""
    return [
        Edges(torch.tensor([0, 0, 0]), torch.tensor([0, 1, 2]), torch.tensor([0, 1, 1]), torch.tensor([0.5, 0.3, 0.2]), 2),
        Edges(
            torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 1, 0, 1, 2]), torch.tensor([0, 1, 0, 1, 1]),
            torch.tensor([0.6, 0.4, 0.2, 0.3, 0.5]), 2,
        ),
        Edges(
            torch.tensor([0, 0, 1, 1]), torch.tensor([1, 2, 0, 2]), torch.tensor([0, 0, 0, 0]),
            torch.tensor([0.7, 0.3, 0.6, 0.4]), 1,
        ),
    ]  # fmt: skip


@exercise("11.count", _count)
def count(answer: Answer) -> Iterator[str]:
    """The edges of each position -> the number of texts."""
    edges = _example()
    wanted = torch.tensor(float(_count(edges)))
    product = float(torch.tensor([len(each.source) for each in edges]).prod())
    states = float(1 + sum(each.after for each in edges))
    compare(
        answer(edges, shape=()),
        wanted,
        {
            "this multiplies the numbers of edges of the positions, but an edge leads on only from its own state": (
                torch.tensor(product)
            ),
            "this is the number of edges; a text is a whole path of them": torch.tensor(
                float(sum(len(each.source) for each in edges))
            ),
            "this is the number of states": torch.tensor(states),
            "every way to a state counts, so add up what arrives there; assigning keeps the last only": torch.tensor(
                float(_assigned(edges))
            ),
        },
    )
    yield "as many texts as there are paths, each counted once"


def _assigned(edges: list[Edges]) -> float:
    ways = torch.ones(1, dtype=torch.float64)
    for each in edges:
        after = torch.zeros(each.after, dtype=torch.float64)
        for source, target in zip(each.source.tolist(), each.target.tolist(), strict=True):
            after[target] = ways[source]
        ways = after
    return float(ways.sum())


def _forward(before: Tensor, edges: Edges, evidence: Tensor) -> Tensor:
    return _sum_into(edges.target, before[edges.source] * edges.chance * evidence[edges.token], edges.after)


@exercise("11.forward", _forward)
def forward(answer: Answer) -> Iterator[str]:
    """Weights of the states before a word (S,), its edges, the evidence for each word (V,) -> those after it."""
    before, edges = torch.tensor([0.5, 2.0], dtype=torch.float64), _example()[1]
    evidence = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)
    each = before[edges.source] * edges.chance * evidence[edges.token]
    wrong_way = torch.zeros(2, dtype=torch.float64)
    largest = wrong_way.clone()
    for i, target in enumerate(edges.target.tolist()):
        wrong_way[target] = each[i]
        largest[target] = max(float(largest[target]), float(each[i]))
    compare(
        answer(before, edges, evidence, shape=(2,), hints={(5,): "there is a number for each edge; add up those that arrive at one state"}),
        _sum_into(edges.target, each, 2),
        {
            "the evidence is missing: an edge weighs its word by what the noise says of it": (
                _sum_into(edges.target, before[edges.source] * edges.chance, 2)
            ),
            "the probability of the word after the state is missing": (
                _sum_into(edges.target, before[edges.source] * evidence[edges.token], 2)
            ),
            "the weight of the state that the edge comes from is missing": (
                _sum_into(edges.target, edges.chance * evidence[edges.token], 2)
            ),
            "several edges may arrive at one state: add them up; assigning keeps the last only": wrong_way,
            "this keeps the best way to a state; the posterior needs the sum over all ways": largest,
            "this adds up where the edges come from; the states after the word are their targets": (
                _sum_into(edges.source, each, 2)
            ),
        },
    )  # fmt: skip
    yield "each edge carries the weight of its source, its own probability and the evidence for its word"
    last = _example()[2]
    compare(
        answer(before, last, evidence, shape=(1,)),
        _forward(before, last, evidence),
        {"there are as many weights as states after the word": torch.zeros(1)},
    )
    yield "and weights that arrive at one state add up"


def _exact_share(tokens: Tensor, surprise: Tensor) -> Tensor:
    _, first = torch.unique(tokens, dim=0, return_inverse=True)
    seen: dict[int, float] = {}
    for number, value in zip(first.tolist(), surprise.tolist(), strict=True):
        seen[number] = value
    return (-torch.tensor(list(seen.values()), dtype=torch.float64)).exp().sum()


@exercise("11.seen", _exact_share)
def seen(answer: Answer) -> Iterator[str]:
    """Training texts (n, L), some of them alike, and -log p of each (n,) -> share of exact samples among them."""
    tokens = torch.tensor([[0, 1], [2, 2], [0, 1], [1, 0]])
    p = torch.tensor([0.3, 0.05, 0.3, 0.15], dtype=torch.float64)
    result = answer(tokens, -p.log(), shape=())
    if float(result) > 1:
        raise Mistake(f"the result is {float(result):.3g}, and a share is at most 1; the second argument is -log p")
    compare(
        result,
        torch.tensor(0.5),
        {
            "a text that was drawn twice is still one text; count it once": p.sum(),
            "the texts exclude each other, so their probabilities are added, not averaged": p.mean(),
            "the same, averaged over the distinct texts; add them": torch.tensor(0.5 / 3),
            "this is the number of distinct texts per draw; likely texts come more often": torch.tensor(0.75),
        },
    )
    yield "the probabilities of the distinct training texts, added up"
