"""Exercises of notebook 03, a clock for words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise
from flm_edu.schedule import DecodingErrorSchedule


def _chance_right(t: float, vocab_size: int, z: Tensor) -> Tensor:
    return torch.special.ndtr(z + t / (1 - t)).pow(vocab_size - 1).mean()


@exercise("03.chance", _chance_right)
def chance(answer: Answer) -> Iterator[str]:
    """t a number, V, draws z (n,) -> probability that the argmax is right, a number."""
    z = torch.linspace(-2, 2, 41, dtype=torch.float64)
    t, size = 0.6, 5
    lead = t / (1 - t)
    phi = torch.special.ndtr
    result = answer(t, size, z, shape=())
    compare(
        result,
        phi(z + lead).pow(size - 1).mean(),
        {
            "the power is V - 1: the word must beat the others, not itself": phi(z + lead).pow(size).mean(),
            "measure in units of the noise, which has standard deviation 1 - t: the lead is t/(1-t)": (
                phi(z + t).pow(size - 1).mean()
            ),
            "divide by the noise's standard deviation 1 - t: the right entry is z + t/(1-t)": (
                phi(t + (1 - t) * z).pow(size - 1).mean()
            ),
            "Phi is missing: it turns a value into the probability that a rival stays below": (
                (z + lead).pow(size - 1).mean()
            ),
            "the lead is added to z, not multiplied with it": phi(z * lead).pow(size - 1).mean(),
            "(1-t)/t is upside down: the lead must grow with t": phi(z + 1 / lead).pow(size - 1).mean(),
            "the average over z comes last: nothing may be averaged before the power": (
                phi(z.mean() + lead).pow(size - 1)
            ),
            "all rivals share one z, the noise of the right entry: take the power for each z, then the average": (
                phi(z + lead).mean() ** (size - 1)
            ),
            "this is the probability of being wrong": 1 - phi(z + lead).pow(size - 1).mean(),
            "the right entry has a lead over its rivals: add it": (phi(z - lead).pow(size - 1).mean()),
        },
    )
    yield "the right entry beats V - 1 rivals, averaged over its own noise"
    compare(answer(0.0, 2, z, shape=()), torch.tensor(0.5), {})
    yield "at t = 0 two words are equally likely"


def _clock_value(error: Tensor, vocab_size: int) -> Tensor:
    return 1 - vocab_size / (vocab_size - 1) * error


@exercise("03.tau", _clock_value)
def tau(answer: Answer) -> Iterator[str]:
    """decoding errors (n,), V -> clock values (n,)."""
    error, size = torch.tensor([0.7, 0.5, 0.1, 0.0], dtype=torch.float64), 4
    result = answer(error, size, shape=(4,))
    compare(
        result,
        1 - size / (size - 1) * error,
        {
            "tau(0) would be 1/V: at t = 0 the error is 1 - 1/V, not 1, so it has to be rescaled": 1 - error,
            "the factor belongs to the error alone: 1 - V/(V-1) P_e": (1 - error) * size / (size - 1),
            "the factor is V/(V-1), not V/(V+1)": 1 - size / (size + 1) * error,
            "this clock runs backwards, from 1 to 0: subtract it from 1": size / (size - 1) * error,
            "the factor is upside down: the error at t = 0 is (V-1)/V, and tau must be 0 there": (
                1 - (size - 1) / size * error
            ),
            "this rescales by the largest error given; the error at t = 0 need not be among them": (
                1 - error / error.max()
            ),
        },
    )
    yield "tau is 1 minus the error, rescaled so that a random guess counts as 0"


def _mixing_time(tau: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if tau(middle) < wanted else (low, middle)
    return (low + high) / 2


@exercise("03.inverse", _mixing_time)
def inverse(answer: Answer) -> Iterator[str]:
    """tau (a function of a number), wanted a number -> t, a number."""
    clock, of_29 = DecodingErrorSchedule(100), DecodingErrorSchedule(29)
    asked: list[float] = []

    def tau_of(t: Any) -> float:
        asked.append(float(t))
        return float(clock.tau(torch.as_tensor(t, dtype=torch.float64)))

    for wanted in (0.3, 0.7):
        asked.clear()
        result = answer(tau_of, wanted, shape=())
        right = clock.t(torch.tensor(wanted, dtype=torch.float64))
        distance = abs(float(result) - float(right))
        if abs(float(result) - float(of_29.t(torch.tensor(wanted, dtype=torch.float64)))) < 1e-3:
            raise Mistake("this is the time of the clock of 29 words: use the argument `tau`, not `tau_29` or `clock`")
        if not asked and abs(float(result) - wanted) < 1e-6:
            raise Mistake("this is the wanted tau itself; find the time at which the clock shows it")
        if not asked:
            raise Mistake("your function never evaluates `tau`")
        if abs(float(result) - wanted) < 1e-2:
            raise Mistake("this is tau(middle), a clock value close to `wanted`; return the time, middle")
        if distance > 0.01 and min(float(result), 1 - float(result)) < 0.01:
            raise Mistake("the search ran to the end of the interval: it keeps the wrong half")
        if 1e-3 < distance < 0.07:
            raise Mistake(f"close, but tau({float(result):.4f}) is not {wanted} yet: halve more often")
        compare(
            result,
            right,
            {
                "this is tau(wanted), a clock value; find the time at which the clock shows `wanted`": torch.tensor(
                    tau_of(wanted)
                ),
            },
            tolerance=1e-3,
        )
        yield f"tau(t) = {wanted} is solved for t"
