"""Exercises of notebook 04, training a flow language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, as_tensor, compare, exercise, name_mistake
from flm_edu.interpolant import interpolate, one_hot


def _loss(
    network: Callable[[Tensor, Tensor], Tensor],
    tokens: Tensor,
    noise: Tensor,
    tau: Tensor,
    clock: Callable[[Tensor], Tensor],
) -> Tensor:
    x_t = interpolate(noise, one_hot(tokens, noise.shape[-1]), clock(tau))
    return F.cross_entropy(network(x_t, tau).flatten(0, 1), tokens.flatten())


@exercise("04.loss", _loss)
def loss(answer: Answer) -> Iterator[str]:
    """network (of x and tau, gives logits), tokens (B, L), noise (B, L, V), tau (B,), clock (tau -> t) -> loss ()."""
    generator = torch.Generator().manual_seed(40)
    noise = torch.randn(3, 2, 4, generator=generator)
    tokens = torch.tensor([[0, 3], [2, 1], [1, 1]])
    tau = torch.tensor([0.1, 0.5, 0.9])
    asked: list[tuple[Tensor, Any]] = []

    def clock(value: Tensor) -> Tensor:
        return value.sqrt()

    def network(x: Tensor, time: Any) -> Tensor:
        asked.append((x.clone(), time.clone() if isinstance(time, Tensor) else time))
        return 2 * x.flip(-1)

    result = answer(network, tokens, noise, tau, clock, shape=())
    if len(asked) != 1:
        raise Mistake(f"the network was evaluated {len(asked)} times; evaluate it once, for the whole batch")
    data = F.one_hot(tokens, 4).float()

    def mixture(t: Tensor) -> Tensor:
        return (1 - t)[:, None, None] * noise + t[:, None, None] * data

    t = clock(tau)
    compare(
        as_tensor(asked[0][0], (3, 2, 4)),
        mixture(t),
        {
            "the mixing time is t = clock(tau); this mixes with tau itself": mixture(tau),
            "noise and data are exchanged: t is the share of the data": mixture(1 - t),
            "the network was shown the clean text, where there is nothing to guess": data,
            "the network was shown the noise alone": noise,
        },
    )
    yield "the network sees the mixture at mixing time t = clock(tau)"
    compare(
        as_tensor(asked[0][1], (3,)),
        tau,
        {"the network is told the mixing time t; it is told tau": t},
    )
    yield "it is told tau"
    logits = 2 * mixture(t).flip(-1)
    each = -logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]  # (B, L)
    q = logits.softmax(-1)
    compare(
        result,
        each.mean(),
        {
            "this is the sum over the positions; average over positions and texts alike": each.sum(-1).mean(),
            "this is the sum over all positions of all texts; take the average": each.sum(),
            "the sign is wrong: the loss is minus the logarithm": -each.mean(),
            "this is squared error; the loss is minus the log-probability of the true word": (
                (q - data).square().sum(-1).mean()
            ),
            "cross_entropy was given probabilities; it takes logits and does the softmax itself": F.cross_entropy(
                q.flatten(0, 1), tokens.flatten()
            ),
            "cross_entropy took one-hot vectors as targets along the wrong axis; give it the indices `tokens`": (
                F.cross_entropy(logits, data)
            ),
        },
    )
    yield "the average cross-entropy of the true words"


def _slices(u: Tensor) -> Tensor:
    return (torch.arange(len(u)) + u) / len(u)


@exercise("04.stratified", _slices)
def stratified(answer: Answer) -> Iterator[str]:
    """u (n,), independent and uniform in [0, 1] -> n clock values, one in each nth part of [0, 1], in any order."""
    u = torch.tensor([0.9, 0.1, 0.55, 0.7], dtype=torch.float64)
    n = len(u)
    i = torch.arange(n)
    raw = answer(u, shape=(n,))
    result = raw.sort().values
    mistakes = {
        "these are independent draws: two may fall together and leave a gap": u,
        "all values fall into the first slice; slice i begins at i / n": u / n,
        "every value is at the start of its slice; move it inside by the draw u": i / n,
        "every value is in the middle of its slice, whatever is drawn: use u": (i + 0.5) / n,
        "these are the middles or ends of fixed slices, whatever is drawn: use u": torch.linspace(0, 1, n),
        "the values leave [0, 1]: divide the sum of slice and draw by n": i + u,
        "the draw is not scaled: a slice is only 1 / n wide": i / n + u,
        "the draw is not scaled: a slice is only 1 / n wide, and clamping hides it": (i / n + u).clamp(0, 1),
        "the draw is not scaled: a slice is only 1 / n wide, and a remainder hides it": (i / n + u) % 1,
        "there are n slices, not n - 1: the last value leaves [0, 1]": (i + u) / (n - 1),
        "there are n slices, not n + 1: the last part of [0, 1] stays empty": (i + u) / (n + 1),
        "the slices count from 0: the last value leaves [0, 1]": (i + 1 + u) / n,
        "slices are 1 / n wide, but `linspace` from 0 to 1 spaces its points 1 / (n - 1) apart": (
            torch.linspace(0, 1, n) + u / n
        ),
        "the draw is divided by n twice: it must reach across the whole slice": i / n + u / n**2,
        "this multiplies slice and draw; add them": i * u / n,
        "every slice has the same draw; give each its own u": (i + u.mean()) / n,
        "every slice has the draw of the first; give each its own u": (i + u[0]) / n,
    }
    found = (result * n).floor().long()
    if not torch.equal(found, i):
        name_mistake(result, {name: each.sort().values for name, each in mistakes.items()})
        slices = ", ".join(str(int((found == k).sum())) for k in i)
        raise Mistake(f"slices 0 to {n - 1} of [0, 1] hold {slices} values; each must hold one")
    yield "one value in each slice"
    compare(
        (result * n - found).sort().values,
        u.sort().values,
        {name: (each.sort().values * n - i).sort().values for name, each in mistakes.items()},
    )
    yield "anywhere within its slice"


def _averaged(weights: Tensor, decay: float) -> Tensor:
    average = weights[0]
    for row in weights[1:]:
        average = decay * average + (1 - decay) * row
    return average


@exercise("04.ema", _averaged)
def ema(answer: Answer) -> Iterator[str]:
    """weights (n, w), a row for each step, decay -> their moving average after the last step (w,)."""
    weights = torch.tensor([[1.0, 0.0], [3.0, 1.0], [2.0, 5.0]], dtype=torch.float64)
    decay = 0.9

    def run(start: Tensor, rows: Tensor, keep: float) -> Tensor:
        for row in rows:
            start = keep * start + (1 - keep) * row
        return start

    right = run(weights[0], weights[1:], decay)
    unweighed = weights[0]
    for row in weights[1:]:
        unweighed = decay * unweighed + row
    compare(
        answer(weights, decay, shape=(2,)),
        right,
        {
            "old and new are exchanged: the average keeps the share `decay` of itself": run(
                weights[0], weights[1:], 1 - decay
            ),
            "the average starts at 0; start it at the first weights": run(
                torch.zeros(2, dtype=torch.float64), weights, decay
            ),
            "this is the plain mean: early, bad weights count as much as late ones": weights.mean(0),
            "these are the last weights, not an average": weights[-1],
            "each step starts again at the first weights; go on from the average so far": (
                decay * weights[0] + (1 - decay) * weights[-1]
            ),
            "this looks at the last two steps only; go on from the average so far": (
                decay * weights[-2] + (1 - decay) * weights[-1]
            ),
            "the new weights must count 1 - decay; otherwise the average grows without end": unweighed,
            "the order is reversed: go from the first step to the last": run(weights[-1], weights[:-1].flip(0), decay),
        },
    )
    yield "each step moves the average by 1 - decay of the way to the new weights"
    still = torch.full((5, 2), 7.0, dtype=torch.float64)
    compare(answer(still, decay, shape=(2,)), still[0], {})
    yield "weights that never move are their own average"
