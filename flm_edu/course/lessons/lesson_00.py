"""Exercises of notebook 00, the quickstart."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from flm_edu.course.answers import Answer, Mistake, compare, exercise


def _share_valid(samples: list[str], texts: list[str]) -> float:
    return sum(sample in texts for sample in samples) / len(samples)


@exercise("00.valid", _share_valid)
def valid(answer: Answer) -> Iterator[str]:
    """samples (list of texts), language texts (list of texts) -> share, a number."""
    texts = ["a b", "b a", "c c", "b b"]
    samples = ["a b", "a b", "c c", "b b", "a b", "a c", "c a"]
    compare(
        answer(samples, texts, shape=()),
        torch.tensor(5 / 7),
        {
            "this counts valid samples; divide by how many samples there are": torch.tensor(5.0),
            "this counts different samples: one that comes twice is valid twice": torch.tensor(3 / 7),
            "this is the share of the language's texts that occur among the samples; count samples, not texts": (
                torch.tensor(3 / 4)
            ),
            "divide by the number of samples, not by the number of texts": torch.tensor(5 / 4),
            "this is the share of wrong samples": torch.tensor(2 / 7),
            "this finds a sample inside all texts joined together: compare it with each text": torch.tensor(6 / 7),
            "this counts different samples and different valid ones: a sample that comes twice counts twice": (
                torch.tensor(3 / 5)
            ),
            "this looks at the first sample only: does `return` stand inside the loop?": torch.tensor(1 / 7),
            "this is 0, as // rounds down: divide with /": torch.tensor(0.0),
            "this is in percent; give a share between 0 and 1": torch.tensor(500 / 7),
        },
    )
    yield "the share of samples that are texts of the language"
    compare(
        answer(["a b", "a", "b", "a b b"], texts, shape=()),
        torch.tensor(1 / 4),
        {
            "a part of a text is not a text: compare whole texts, and do not search inside them": torch.tensor(3 / 4),
            "a sample that has a text inside it is not a text: compare whole texts": torch.tensor(2 / 4),
        },
    )
    yield "only whole texts count"
    compare(answer(["c a"], texts, shape=()), torch.tensor(0.0), {})
    yield "no valid sample gives 0"


def _steps_needed(shares: dict[int, float], target: float) -> int:
    return min(steps for steps, share in shares.items() if share >= target)


@exercise("00.steps", _steps_needed)
def steps(answer: Answer) -> Iterator[str]:
    """shares (dict of steps -> share), target -> smallest number of steps."""
    # More steps are not always better, and no two ways of being wrong give the same number.
    shares = {32: 0.98, 1: 0.30, 8: 0.95, 256: 0.97, 128: 0.99, 16: 0.93, 4: 0.90, 64: 0.96, 2: 0.60}
    result = answer(shares, 0.92, shape=())
    if any(abs(float(result) - share) < 1e-6 for share in shares.values()):
        raise Mistake("this is the share; give the number of steps")
    compare(
        result,
        torch.tensor(8.0),
        {
            "this is the first entry that reaches the target, but the entries are not sorted": torch.tensor(32.0),
            "this is the last entry that reaches the target, but the entries are not sorted": torch.tensor(64.0),
            "this has the smallest share that reaches the target; take the fewest steps": torch.tensor(16.0),
            "this has the largest share; take the fewest steps that reach the target": torch.tensor(128.0),
            "these are the most steps that reach the target; take the fewest": torch.tensor(256.0),
            "this is the number of steps just before the target is reached": torch.tensor(4.0),
            "this is the smallest number of steps; it does not reach the target": torch.tensor(1.0),
            "this counts the entries that reach the target; give the fewest steps among them": torch.tensor(6.0),
        },
    )
    yield "the fewest steps that reach the target"
    if float(answer(shares, 0.95, shape=())) != 8:
        raise Mistake("a share equal to the target reaches it: use >=")
    yield "reaching the target exactly is reaching it"
