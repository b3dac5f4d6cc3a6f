"""Exercises of notebook 05, sampling is solving an ODE."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, as_tensor, compare, exercise


def _euler_step(x: Tensor, posterior: Tensor, s: float, t: float) -> Tensor:
    return x + (t - s) / (1 - s) * (posterior - x)


@exercise("05.step", _euler_step)
def step(answer: Answer) -> Iterator[str]:
    """x (B, L, V), denoiser (B, L, V), numbers s < t -> x at time t (B, L, V)."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, 2, 3, generator=generator, dtype=torch.float64)
    posterior = torch.rand(2, 2, 3, generator=generator, dtype=torch.float64).softmax(-1)
    s, t = 0.2, 0.44
    r = (t - s) / (1 - s)
    compare(
        answer(x, posterior, s, t, shape=(2, 2, 3)),
        (1 - r) * x + r * posterior,
        {
            "the velocity divides by the rest of the time, 1 - s": x + (t - s) * (posterior - x),
            "the rest of the time counts from the start of the step: 1 - s, not 1 - t": (
                x + (t - s) / (1 - t) * (posterior - x)
            ),
            "this is the velocity itself: multiply it by the length of the step, and add x": (posterior - x) / (1 - s),
            "this is the change of x; add it to x": r * (posterior - x),
            "the step goes the wrong way: from x to the posterior is posterior - x": x - r * (posterior - x),
            "this is the posterior itself; a step goes only the fraction (t - s) / (1 - s) of the way to it": posterior,
            "the velocity is (posterior - x) / (1 - s), not the posterior": x + (t - s) * posterior,
            "this goes the fraction t of the way, as if the step began at time 0": (1 - t) * x + t * posterior,
            "the weights are exchanged: x keeps the share 1 - r": r * x + (1 - r) * posterior,
            "the velocity acts for the whole unit of time; multiply it by t - s": x + (posterior - x) / (1 - s),
            "the length of the step is t - s": x + t / (1 - s) * (posterior - x),
        },
    )
    yield "x moves by (t - s) times the velocity"
    compare(answer(x, posterior, s, 1.0, shape=(2, 2, 3)), posterior, {})
    yield "the last step ends at the posterior"


def _sample(denoiser: Callable[[Tensor, float], Tensor], noise: Tensor, times: Sequence[float]) -> Tensor:
    x = noise
    for s, t in pairwise(times):
        x = _euler_step(x, denoiser(x, s), s, t)
    return x.argmax(-1)


@exercise("05.sample", _sample)
def sample(answer: Answer) -> Iterator[str]:
    """denoiser (a function of x and t), noise (B, L, V), times (list of numbers) -> tokens (B, L)."""
    noise = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    asked: list[float] = []
    seen: list[Tensor] = []

    def posterior(x: Tensor, t: float) -> Tensor:
        return (3 * x.flip(-1) * (1 + t)).softmax(-1)  # turns the entries round, so that the text is not the noise's

    def denoiser(x: Tensor, t: Any) -> Tensor:
        asked.append(float(torch.as_tensor(t, dtype=torch.float64).flatten()[0]))
        seen.append(x.clone())  # the reader may go on with x in place
        return posterior(x, asked[-1])

    times = [0.0, 0.3, 0.7, 1.0]
    result = answer(denoiser, noise, times, shape=(3, 2))
    if not asked:
        raise Mistake("the denoiser was never evaluated")
    if any(value >= 1 for value in asked):
        raise Mistake("the denoiser was evaluated at t = 1: a step from s to t evaluates it at its start, s")
    if len(asked) == len(times) - 2:
        raise Mistake(
            f"{len(times)} times are {len(times) - 1} steps, and the denoiser was evaluated {len(asked)} times"
        )
    if len(asked) != 3 or any(abs(at - wanted) > 1e-6 for at, wanted in zip(asked, times, strict=False)):
        raise Mistake(f"the denoiser was evaluated at {asked}; the steps begin at {times[:-1]}")
    yield "one evaluation at the start of each step"
    x = noise
    for i, (s, t) in enumerate(pairwise(times)):
        mistakes = {
            "the state does not move: the denoiser's answer must change x": noise,
            "the state became the posterior; a step goes only a fraction of the way there": posterior(noise, 0.0),
            "x is missing: a step moves by the fraction times (posterior - x)": _steps(
                noise, times[: i + 1], lambda y, s, t: y + (t - s) / (1 - s) * posterior(y, s)
            ),
            "the rest of the time counts from the start of the step: 1 - s, not 1 - t": _steps(
                noise, times[: i + 1], lambda y, s, t: y + (t - s) / (1 - t) * (posterior(y, s) - y)
            ),
            "every step starts again at the noise; go on from the last state": _steps(
                noise, times[: i + 1], lambda y, s, t: noise + (t - s) / (1 - s) * (posterior(y, s) - noise)
            ),
            "the steps are too short: a step covers (t - s) / (1 - s) of the way, not t - s": (
                _steps(noise, times[: i + 1], lambda y, s, t: y + (t - s) * (posterior(y, s) - y))
            ),
        }
        # The first state is the noise, whatever is wrong; and from s = 0 a step that is too short is right.
        mistakes = {name: wrong for name, wrong in mistakes.items() if not torch.allclose(wrong, x)}
        compare(as_tensor(seen[i], tuple(noise.shape)), x, mistakes)
        x = x + (t - s) / (1 - s) * (posterior(x, s) - x)
    yield "each step goes the right fraction of the way"
    compare(result, x.argmax(-1), {"this reads the noise, not the last state": noise.argmax(-1)})
    yield "the text is the argmax of the last state"


def _steps(x: Tensor, times: list[float], step: Callable[[Tensor, float, float], Tensor]) -> Tensor:
    """Where steps of a kind lead through the times."""
    for s, t in pairwise(times):
        x = step(x, s, t)
    return x


def _midpoint_step(velocity: Callable[[Tensor, float], Tensor], x: Tensor, s: float, t: float) -> Tensor:
    middle = x + (t - s) / 2 * velocity(x, s)
    return x + (t - s) * velocity(middle, (s + t) / 2)


@exercise("05.midpoint", _midpoint_step)
def midpoint(answer: Answer) -> Iterator[str]:
    """velocity (a function of x and t), x (B, L, V), numbers s < t -> x at time t."""
    x = torch.tensor([[[0.5, -1.0, 2.0]]], dtype=torch.float64)
    s, t = 0.15, 0.65
    h, calls = t - s, [0]

    def velocity(y: Tensor, time: Any) -> Tensor:
        calls[0] += 1
        return y.square() + 3 * time

    def at(y: Tensor, time: float) -> Tensor:
        return y.square() + 3 * time

    half = x + h / 2 * at(x, s)
    result = answer(velocity, x, s, t, shape=(1, 1, 3))
    compare(
        result,
        x + h * at(half, s + h / 2),
        {
            "this is Euler's step: use the velocity halfway": x + h * at(x, s),
            "the state is halfway, but the time is still s": x + h * at(half, s),
            "the time is halfway, but the state is still x: move x half a step first": x + h * at(x, s + h / 2),
            "the state is halfway, but the time is already t": x + h * at(half, t),
            "the middle time is s + (t - s) / 2, not (t - s) / 2": x + h * at(half, h / 2),
            "the last step has half the length: go the whole t - s": x + h / 2 * at(half, s + h / 2),
            "this is the middle state: go on from x with the velocity found there": half,
            "this is the velocity halfway: multiply it by t - s, and add x": at(half, s + h / 2),
            "this is the change of x; add it to x": h * at(half, s + h / 2),
            "the first half of the step went the whole way": x + h * at(x + h * at(x, s), s + h / 2),
            "the whole step starts at x, with the velocity found halfway; this one starts at the middle": (
                half + h * at(half, s + h / 2)
            ),
            "this is two Euler steps of half the length": half + h / 2 * at(half, s + h / 2),
            "this is Heun's method, the average of the velocities at both ends: second order too, but not the midpoint": (
                x + h / 2 * (at(x, s) + at(x + h * at(x, s), t))
            ),
        },
        tolerance=1e-6,
    )
    if calls[0] != 2:
        raise Mistake(f"the velocity was evaluated {calls[0]} times; a midpoint step needs 2")
    yield "half a step to find the velocity, then a whole step with it"
