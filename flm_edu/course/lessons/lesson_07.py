"""Exercises of notebook 07, distilling to one step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, as_tensor, compare, exercise


@exercise("07.jumps")
def jumps(answer: Answer) -> Iterator[str]:
    """length (n,) and u (n,), in [0, 1] -> start, midpoint and end of each jump on the clock, (3, n)."""
    length = torch.tensor([0.2, 0.6, 0.4, 1.0], dtype=torch.float64)
    u = torch.tensor([0.5, 0.25, 0.9, 0.75], dtype=torch.float64)
    start = u * (1 - length)
    result = answer(length, u, shape=(3, 4))
    if bool((result > 1 + 1e-9).any()):
        raise Mistake("a jump runs past 1, the end of the clock: a jump of length d can start anywhere up to 1 - d")
    compare(
        result[0],
        start,
        {
            "all jumps end at 1; their starts are to be spread from 0 to 1 - d by u": 1 - length,
            "the longer the jump, the less room for its start: spread u over 1 - d, not over d": u * length,
            "all jumps start at 0; spread their starts by u": torch.zeros(4),
        },
    )
    yield "starts as late as their length allows"
    compare(result[2], start + length, {"the second row is the end; rows are start, midpoint, end": start + length / 2})
    yield "ends one length later"
    compare(
        result[1],
        start + length / 2,
        {
            "half the length is not yet the midpoint: count it from the start": length / 2,
            "half the end is the midpoint only of jumps that start at 0": (start + length) / 2,
        },
    )
    yield "the midpoint"


@exercise("07.divergence")
def divergence(answer: Answer) -> Iterator[str]:
    """target (B, L, V) on the simplex, with zeros, and log_student (B, L, V) -> mean divergence ()."""
    target = torch.tensor([[[0.7, 0.3, 0.0], [0.2, 0.2, 0.6]], [[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]]).double()
    student = torch.tensor([[[0.5, 0.3, 0.2], [0.3, 0.3, 0.4]], [[0.2, 0.4, 0.4], [0.2, 0.7, 0.1]]]).double()
    log_student = student.log()
    each = (torch.xlogy(target, target) - target * log_student).sum(-1)  # (B, L)
    cross_entropy = -(target * log_student).sum(-1)
    reverse = (student * (log_student - target.clamp_min(1e-30).log())).sum(-1)
    result = answer(target, log_student, shape=())
    if bool(result.isinf()):
        raise Mistake(
            "the result is infinite: this takes the logarithm of the target, which may be 0, and weighs it by the "
            "student. The roles are exchanged: weigh by the target, and use torch.xlogy(p, p) for its own part"
        )
    compare(
        result,
        each.mean(),
        {
            "this is the cross-entropy: its gradient is the same, but it is not 0 when the student is perfect; "
            "add the target's log-probabilities": cross_entropy.mean(),
            "the sign is turned": -each.mean(),
            "this averages over the words too; over them the divergence is a sum": each.mean() / 3,
            "this sums over the positions; average over positions and texts alike": each.sum(-1).mean(),
            "this sums over everything; average over positions and texts, so that it is per token": each.sum(),
            "the roles are exchanged: weigh by the target, not by the student": reverse.mean(),
        },
    )
    yield "what the student loses by not being the target, per token"
    compare(answer(student, log_student, shape=()), torch.tensor(0.0), {})
    yield "0 for a student that equals its target"


@exercise("07.semigroup")
def semigroup(answer: Answer) -> Iterator[str]:
    """student (logits of x, tau_s, tau_t), x (B, L, V), tau_s and tau_t (B,), clock -> loss () with a gradient."""
    x = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(70), dtype=torch.float64)
    tau_s, tau_t = torch.tensor([0.1, 0.3], dtype=torch.float64), torch.tensor([0.9, 0.7], dtype=torch.float64)
    tau_u = (tau_s + tau_t) / 2
    weight = torch.tensor([0.5, -0.4, 0.2], dtype=torch.float64, requires_grad=True)
    asked: list[tuple[Tensor, Tensor, Tensor]] = []

    def clock(tau: Tensor) -> Tensor:
        return tau.square()

    def logits(y: Tensor, start: Tensor, end: Tensor) -> Tensor:
        return y.flip(-1) * (1 + 2 * start - 3 * end)[:, None, None] + weight * (2 + start + 3 * end)[:, None, None]

    def student(y: Tensor, start: Tensor, end: Tensor) -> Tensor:
        start, end = (torch.as_tensor(value, dtype=torch.float64).expand(len(y)) for value in (start, end))
        asked.append((y.detach(), start, end))
        return logits(y, start, end)

    result = answer(student, x, tau_s, tau_t, clock, shape=())
    pairs = {"s to u": (tau_s, tau_u), "u to t": (tau_u, tau_t), "s to t": (tau_s, tau_t)}
    found = {
        name: [y for y, start, end in asked if torch.allclose(start, a) and torch.allclose(end, b)]
        for name, (a, b) in pairs.items()
    }
    if missing := [name for name, states in found.items() if not states]:
        by_t = torch.allclose(asked[0][1], clock(tau_s)) if asked else False
        raise Mistake(
            f"the student was never asked for the jump from {missing[0]}"
            + ("; it is told clock values tau, not mixing times t" if by_t else "; u is the midpoint in tau")
        )
    yield "asked for one long jump and for its two halves"
    s, u, t = (clock(tau)[:, None, None] for tau in (tau_s, tau_u, tau_t))
    with torch.no_grad():
        first = logits(x, tau_s, tau_u).softmax(-1)
        middle = x + (u - s) / (1 - s) * (first - x)
        in_tau = x + ((tau_u - tau_s) / (1 - tau_s))[:, None, None] * (first - x)
        half_of_t = x + ((s + t) / 2 - s) / (1 - s) * (first - x)
        second = logits(middle, tau_u, tau_t).softmax(-1)
        g = (1 - t) * (u - s) / ((1 - u) * (t - s))
        target = g * first + (1 - g) * second
    compare(
        as_tensor(found["u to t"][0], tuple(x.shape)),
        middle,
        {
            "the second half starts at x; it starts where the first half landed": x,
            "the second half starts at the first half's two-time denoiser; it starts part of the way there": first,
            "the fraction of the way is counted in mixing times: take t = clock(tau) first": in_tau,
            "the halves meet at the midpoint in tau, so at mixing time clock(tau_u), not halfway between s and t": half_of_t,
        },
    )
    yield "the second half starts where the first landed"
    log_long = logits(x, tau_s, tau_t).log_softmax(-1)

    def kl(goal: Tensor) -> Tensor:
        return (torch.xlogy(goal, goal) - goal * log_long).sum(-1).mean()

    a, b, c = (tau[:, None, None] for tau in (tau_s, tau_u, tau_t))
    g_tau = (1 - c) * (b - a) / ((1 - b) * (c - a))
    long = log_long.exp()
    compare(
        result,
        kl(target).detach(),
        {
            "the weight g is counted in mixing times: take t = clock(tau) first": kl(
                g_tau * first + (1 - g_tau) * second
            ).detach(),
            "the weights of the two halves are exchanged": kl((1 - g) * first + g * second).detach(),
            "both halves count the same here; their weights are g and 1 - g": kl((first + second) / 2).detach(),
            "the target is the second half's two-time denoiser alone; average it with the first": kl(second).detach(),
            "this is the cross-entropy to the target: subtract the target's own entropy": (
                -(target * log_long).sum(-1).mean().detach()
            ),
            "this averages over the words too; over them the divergence is a sum": kl(target).detach() / 3,
            "this sums over the positions; average over positions and texts alike": kl(target).detach() * 2,
            "the roles are exchanged: KL(target || student)": (
                (long * (log_long - target.log())).sum(-1).mean().detach()
            ),
        },
    )
    yield "the divergence of the long jump from the two"
    (wanted,) = torch.autograd.grad(kl(target), weight)
    loss: Any = answer.given(student, x, tau_s, tau_t, clock)
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        raise Mistake("the loss has no gradient: only the target is to be computed without one, not the long jump")
    (got,) = torch.autograd.grad(loss, weight)
    if not torch.allclose(got, wanted, atol=1e-6):
        raise Mistake(
            "the gradient goes through the target too: the two halves would be pulled towards the long jump that "
            "is still wrong. Compute the target under torch.no_grad(), or detach it"
        )
    yield "only the long jump learns: no gradient through the target"
