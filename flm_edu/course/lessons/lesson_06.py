"""Exercises of notebook 06, flow maps and the two-time denoiser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, as_tensor, compare, exercise


@exercise("06.denoiser")
def denoiser(answer: Answer) -> Iterator[str]:
    """x (B, L, V), landing X (B, L, V), numbers s < t -> two-time denoiser (B, L, V)."""
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(2, 1, 3, generator=generator, dtype=torch.float64)
    landing = torch.randn(2, 1, 3, generator=generator, dtype=torch.float64)
    s, t = 0.1, 0.7  # t - s, 1 - s, 1 - t and t all differ
    average = (landing - x) / (t - s)
    compare(
        answer(x, landing, s, t, shape=(2, 1, 3)),
        x + (1 - s) * average,
        {
            "this is the average velocity: keep it for all of the time that is left, 1 - s, starting at x": average,
            "the start is missing: add x": (1 - s) * average,
            "this keeps the velocity for a whole unit of time; from s on only 1 - s of it is left": x + average,
            "the time that is left counts from the start of the jump: 1 - s, not 1 - t": x + (1 - t) * average,
            "this keeps the velocity from where the jump landed; start at x": landing + (1 - s) * average,
            "the jump has landed at t already, so only 1 - t is left from there; or start at x with 1 - s": (
                landing + t * average
            ),
            "the velocity is the distance over the time it took, t - s": x + (1 - s) * (landing - x),
            "the distance is from x to landing: landing - x": x - (1 - s) * average,
            "the time it took is t - s, not t": x + (1 - s) * (landing - x) / t,
            "divide by the time it took, t - s, and multiply by the time that is left, 1 - s": (
                x + (t - s) / (1 - s) * (landing - x)
            ),
        },
    )
    yield "where you would be at time 1 if you kept the average velocity"
    compare(answer(x, landing, s, 1.0, shape=(2, 1, 3)), landing, {})
    yield "a jump to the end lands on it"


@exercise("06.weight")
def weight(answer: Answer) -> Iterator[str]:
    """numbers s < u < t -> weight of the first jump."""
    s, u, t = 0.1, 0.3, 0.75  # u is not halfway, and no two of the differences are equal
    right = (1 - t) * (u - s) / ((1 - u) * (t - s))
    compare(
        answer(s, u, t, shape=()),
        torch.tensor(right, dtype=torch.float64),
        {
            sentence: torch.tensor(value, dtype=torch.float64)
            for sentence, value in {
                "this is the share of the time that the first jump takes; its weight is smaller, because later "
                "denoisers weigh more": (u - s) / (t - s),
                "this is the weight of the second jump": 1 - right,
                "(1-u)/(1-t) is upside down: the later the end, the less the first jump counts": (
                    (1 - u) * (u - s) / ((1 - t) * (t - s))
                ),
                "this is the second jump's fraction of the way to the end, (t - u)/(1 - u)": (t - u) / (1 - u),
                "this is the first jump's fraction of the way to the end, (u - s)/(1 - s)": (u - s) / (1 - s),
                "the factor (u - s)/(t - s) is missing": (1 - t) / (1 - u),
                "the factor (1 - t)/(1 - u) is squared here": ((1 - t) / (1 - u)) ** 2 * (u - s) / (t - s),
                "this has t - u where u - s belongs: it is the first jump that counts": (
                    (1 - t) * (t - u) / ((1 - u) * (t - s))
                ),
                "1 - s is in the place of 1 - u": (1 - t) * (u - s) / ((1 - s) * (t - s)),
                "the denominator is a product: put it in brackets": (1 - t) * (u - s) / (1 - u) * (t - s),
            }.items()
        },
    )
    yield "the weight of the first jump"
    compare(answer(0.0, 0.5, 1.0, shape=()), torch.tensor(0.0), {})
    yield "on a jump to the end only the second one counts"


@exercise("06.compose")
def compose(answer: Answer) -> Iterator[str]:
    """delta (a function of x, s, t), x (B, L, V), numbers s < u < t -> two-time denoiser over [s, t] by two jumps."""
    x = torch.randn(2, 1, 3, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    s, u, t = 0.1, 0.4, 0.8
    asked: list[tuple[Tensor, float, float]] = []

    def posterior(y: Tensor, start: float, end: float) -> Tensor:
        return (y.flip(-1) * (1 + 2 * start + end)).softmax(-1)

    def delta(y: Tensor, start: Any, end: Any) -> Tensor:
        times = [float(torch.as_tensor(value, dtype=torch.float64).flatten()[0]) for value in (start, end)]
        asked.append((y, times[0], times[1]))
        return posterior(y, times[0], times[1])

    def jump(y: Tensor, prediction: Tensor, start: float, end: float) -> Tensor:
        return y + (end - start) / (1 - start) * (prediction - y)

    g = (1 - t) * (u - s) / ((1 - u) * (t - s))
    first = posterior(x, s, u)
    middle = jump(x, first, s, u)
    second = posterior(middle, u, t)
    by_time = (u - s) / (t - s)
    result = answer(delta, x, s, u, t, shape=(2, 1, 3))
    spans = [(round(start, 6), round(end, 6)) for _, start, end in asked]
    if spans != [(s, u), (u, t)]:
        raise Mistake(f"delta was asked over {spans}; the two jumps are from {s} to {u} and from {u} to {t}")
    yield "two jumps that meet in the middle"
    compare(
        as_tensor(asked[1][0], tuple(x.shape)),
        middle,
        {
            "the second jump starts at x; it starts where the first one landed": x,
            "the second jump starts at the first one's two-time denoiser; it starts where that jump landed, which is "
            "only part of the way": first,
            "the first jump is too short: the fraction is its time over all that is left, (u - s)/(1 - s)": (
                x + (u - s) * (first - x)
            ),
            "the fraction of the way counts to time 1, not to t: (u - s)/(1 - s)": x + by_time * (first - x),
        },
    )
    yield "the second jump starts where the first landed"
    compare(
        result,
        g * first + (1 - g) * second,
        {
            "the weights are exchanged": (1 - g) * first + g * second,
            "both jumps count the same here; their weights are g and 1 - g": (first + second) / 2,
            "the weight g is not the share of the time, (u - s)/(t - s): see exercise 2": (
                by_time * first + (1 - by_time) * second
            ),
            "this is the second two-time denoiser alone": second,
            "this is where the second jump lands; average the two two-time denoisers": jump(middle, second, u, t),
        },
    )
    yield "the weighted average of both two-time denoisers"
