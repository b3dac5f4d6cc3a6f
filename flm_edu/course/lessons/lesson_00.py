"""Exercises of notebook 00, the quickstart."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from flm_edu.course.answers import Answer, Mistake, compare, exercise


@exercise("00.valid")
def valid(answer: Answer) -> Iterator[str]:
    """samples (list of texts), language texts (list of texts) -> share, a number."""
    texts = ["a b", "b a", "c c", "b b"]
    samples = ["a b", "a b", "c c", "a c", "c a"]
    compare(
        answer(samples, texts, shape=()),
        torch.tensor(3 / 5),
        {
            "this is a number of samples; divide by how many there are": torch.tensor(3.0),
            "this counts different samples: one that comes twice is valid twice": torch.tensor(2 / 5),
            "this is the share of the language that occurs among the samples; the question is the other way round": (
                torch.tensor(2 / 4)
            ),
            "divide by the number of samples, not by the number of texts": torch.tensor(3 / 4),
            "this is the share of wrong samples": torch.tensor(2 / 5 + 1e-9),
            "this is in percent; give a share between 0 and 1": torch.tensor(60.0),
        },
    )
    yield "the share of samples that are texts of the language"
    compare(answer(["c a"], texts, shape=()), torch.tensor(0.0), {})
    yield "no valid sample gives 0"


@exercise("00.steps")
def steps(answer: Answer) -> Iterator[str]:
    """shares (dict of steps -> share), target -> smallest number of steps."""
    shares = {16: 0.99, 1: 0.30, 4: 0.90, 2: 0.60, 8: 0.95}
    compare(
        answer(shares, 0.92, shape=()),
        torch.tensor(8.0),
        {
            "this is the share there; the number of steps is asked for": torch.tensor(0.95),
            "this is the first entry that reaches the target, but the entries are in no order": torch.tensor(16.0),
            "this is the number of steps just before the target is reached": torch.tensor(4.0),
            "this is the fewest steps of all, whether they reach the target or not": torch.tensor(1.0),
        },
    )
    yield "the fewest steps that reach the target"
    if float(answer(shares, 0.95, shape=())) != 8:
        raise Mistake("a share equal to the target reaches it: use >=")
    yield "reaching the target exactly is reaching it"
