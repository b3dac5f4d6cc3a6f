"""Exercises of notebook 13, second thoughts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise


def _reliability(confidence: Tensor, right: Tensor, edges: Tensor) -> Tensor:
    which = torch.bucketize(confidence, edges[1:-1], right=True)
    bins = len(edges) - 1
    counts = torch.bincount(which, minlength=bins).clamp_min(1)
    return torch.bincount(which, weights=right.double(), minlength=bins) / counts


@exercise("13.reliability", _reliability)
def reliability(answer: Answer) -> Iterator[str]:
    """Confidences (n,), which of them were right (n,) bool, bin edges (b + 1,) -> share right in each bin (b,)."""
    confidence = torch.tensor([0.05, 0.15, 0.3, 0.45, 0.55, 0.6, 0.9, 0.95, 0.97, 0.92], dtype=torch.float64)
    right = torch.tensor([False, False, True, False, True, False, True, True, False, True])
    edges = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64)
    wanted = _reliability(confidence, right, edges)
    inside = [(confidence >= low) & (confidence < high) for low, high in pairwise(edges)]
    counts = torch.stack([one.double().sum() for one in inside])
    compare(
        answer(confidence, right, edges, shape=(4,)),
        wanted,
        {
            "this is the mean confidence of each bin; the share that was right is asked": torch.stack(
                [confidence[one].mean() for one in inside]
            ),
            "this counts those that were right; divide by how many are in the bin": wanted * counts,
            "divide by how many are in the bin, not by all": wanted * counts / len(confidence),
            "this is the share that was wrong": 1 - wanted,
        },
    )
    yield "the share of right words in each bin"
    few = answer(confidence[:2], right[:2], edges, shape=(4,))
    if not bool(few.isfinite().all()) or bool((few[1:] != 0).any()):
        raise Mistake("a bin without any word must give 0, not nan: divide by at least 1")
    yield "and 0 where a bin is empty"


def _keep(confidence: Tensor, known: Tensor, rounds_left: int, sure: float) -> Tensor:
    rank = confidence.masked_fill(known, -1.0).argsort(-1, descending=True).argsort(-1)
    must = ((~known).sum(-1, keepdim=True) / rounds_left).ceil()
    return ~known & ((confidence >= sure) | (rank < must))


@exercise("13.keep", _keep)
def keep(answer: Answer) -> Iterator[str]:
    """Confidences (B, L), which words are known (B, L) bool, rounds left, a threshold -> which to keep now (B, L) bool."""
    confidence = torch.tensor([[0.3, 0.99, 0.5, 0.97, 0.2, 0.6], [0.4, 0.3, 0.2, 0.1, 0.25, 0.35]], dtype=torch.float64)
    known = torch.tensor([[False, True, False, False, False, False], [False] * 6])
    wanted = _keep(confidence, known, 3, 0.95)
    must = ((~known).sum(-1, keepdim=True) / 3).ceil()
    all_rank = confidence.argsort(-1, descending=True).argsort(-1)
    compare(
        answer(confidence, known, 3, 0.95, shape=(2, 6)),
        wanted,
        {
            "only the words above the threshold are kept; at least a fair share must be, or the rounds do not suffice": (
                ~known & (confidence >= 0.95)
            ),
            "words that are known already are kept again; choose among the free ones": wanted | known,
            "known words take up places among the surest; rank the free words only": (
                ~known & ((confidence >= 0.95) | (all_rank < must))
            ),
            "the least sure words are kept; the surest come first": (
                ~known & (confidence.masked_fill(known, 2.0).argsort(-1).argsort(-1) < must)
            ),
        },
    )  # fmt: skip
    yield "what is sure, and at least the fair share of the rest"
    if not bool(answer(confidence, known, 1, 0.95, shape=(2, 6))[~known].bool().all()):
        raise Mistake("in the last round every free word must be kept")
    more = answer(torch.where(known, confidence, 0.99), known, 3, 0.95, shape=(2, 6)).bool()
    if not torch.equal(more, ~known):
        raise Mistake("where all free words are above the threshold, all are kept at once")
    yield "all of them in the last round, and more than a share where more are sure"
