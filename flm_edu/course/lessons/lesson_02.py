"""Exercises of notebook 02, the denoiser is a classifier."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from flm_edu.course.answers import Answer, Mistake, compare, exercise


def _denoise(x: Tensor, t: float, probabilities: Tensor) -> Tensor:
    return (probabilities.log() + t / (1 - t) ** 2 * x).softmax(-1)


@exercise("02.denoise", _denoise)
def denoise(answer: Answer) -> Iterator[str]:
    """x (B, V), t a number, probabilities (V,) -> (B, V)."""
    x = torch.tensor([[0.9, 0.1, -0.3], [-0.2, 0.4, 0.8], [0.3, 0.2, 0.1], [0.0, 0.0, 0.0]], dtype=torch.float64)
    even = torch.full((3,), 1 / 3, dtype=torch.float64)
    p = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    t = 0.4
    gain = t / (1 - t) ** 2
    result = answer(x, t, even, shape=(4, 3))
    right = (gain * x).softmax(-1)
    compare(
        result,
        right,
        {
            "these are the scores, before they are exponentiated": gain * x + even.log(),
            "nothing makes the rows add up to 1 yet: divide by their sum, or use softmax": (
                gain * x + even.log()
            ).exp(),
            "1 - t is not squared: the noise has standard deviation 1 - t, and a Gaussian divides by its square": (
                (t / (1 - t) * x).softmax(-1)
            ),
            "1 - t is missing: with less noise the same x says more, so the score is divided by (1 - t) squared": (
                (t * x).softmax(-1)
            ),
            "the factor t is missing: the mixture holds t times the word": (x / (1 - t) ** 2).softmax(-1),
            "these are logarithms of probabilities: use softmax, not log_softmax": (gain * x).log_softmax(-1),
            "t is not squared: the score is t x / (1 - t)^2": (t * gain * x).softmax(-1),
            "this compares only the word's own entry with t; the distance runs over all entries of x": (
                (-(x - t).square() / (2 * (1 - t) ** 2)).softmax(-1)
            ),
            "after you multiply by the prior, make the rows add up to 1 again": right * even,
            "the softmax runs over the batch; it belongs on the axis of the words": (gain * x).softmax(0),
            "the score is multiplied by the prior; it must be a sum, score + log p": (gain * x * even).softmax(-1),
        },
    )
    yield "equally likely words are told apart by t x / (1 - t)^2"
    compare(
        answer(x, t, p, shape=(4, 3)),
        (gain * x + p.log()).softmax(-1),
        {
            "the words are not equally likely: the prior is missing (add its logarithm to the score)": right,
            "the prior is added to the score; add its logarithm": (gain * x + p).softmax(-1),
        },
    )
    yield "frequent words get more probability"


@exercise("02.gradient")
def gradient(answer: Answer) -> Iterator[str]:
    """logits (B, V), tokens (B,) -> gradient of the mean cross-entropy in the logits, (B, V)."""
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]], dtype=torch.float64)
    tokens = torch.tensor([0, 1])
    q, target = logits.softmax(-1), torch.eye(3, dtype=torch.float64)[tokens]
    right = (q - target) / 2
    jacobian = torch.diag_embed(q) - q[:, :, None] * q[:, None, :]
    result = answer(logits, tokens, shape=(2, 3))
    compare(
        result,
        right,
        {
            "the sign is wrong: the gradient points to where the loss grows": -right,
            "this is the gradient of the sum over the batch; the mean divides by B": 2 * right,
            "each logit has a sigmoid of its own; the prediction is the softmax over all words": (
                (logits.sigmoid() - target) / 2
            ),
            "this divides by B and by V: the mean runs over the batch only": right / 3,
            "this divides by V: the mean runs over the batch, so divide by B": right * 2 / 3,
            "the softmax runs over the batch; it belongs on the axis of the words, -1": (logits.softmax(0) - target)
            / 2,
            "this compares logits with the target; the prediction is their softmax": (logits - target) / 2,
            "the one-hot target is missing: the gradient must vanish where the prediction is right": q / 2,
            "this is the gradient of half the squared error; for cross-entropy the slope of the softmax cancels": (
                (jacobian @ (q - target)[:, :, None])[..., 0] / 2
            ),
        },
    )
    yield "the gradient is prediction minus target, over B"
    sure = torch.tensor([[30.0, 0.0, 0.0]], dtype=torch.float64)
    compare(
        answer(sure, torch.tensor([1]), shape=(1, 3)),
        torch.tensor([[1.0, -1.0, 0.0]], dtype=torch.float64),
        {},
    )
    yield "the gradient does not vanish, however sure a wrong prediction is"


def _floor(posterior: Tensor) -> Tensor:
    return torch.special.entr(posterior).sum(-1).mean()


@exercise("02.floor", _floor)
def floor(answer: Answer) -> Iterator[str]:
    """posterior (B, L, V) -> mean entropy in nats per token, a number."""
    soft = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], [[0.4, 0.4, 0.2], [0.25, 0.25, 0.5]]], dtype=torch.float64)
    entropy = -(soft * soft.log()).sum(-1)  # (2, 2)
    result = answer(soft, shape=())
    if float(result) < 0:
        raise Mistake("an entropy is not negative: the logarithms of probabilities are, so a minus is missing")
    compare(
        result,
        entropy.mean(),
        {
            "this is the entropy of whole texts: average over the positions too, for nats per token": entropy.sum(
                -1
            ).mean(),
            "this is in bits: the natural logarithm gives nats": entropy.mean() / torch.log(torch.tensor(2.0)),
            "this averages over the words; the entropy is a sum over them": entropy.mean() / 3,
            "this is the sum over the batch; take the mean": entropy.sum(),
            "this is -log of the largest probability: the entropy weighs every word's -log p by p": (
                -soft.amax(-1).log().mean()
            ),
        },
    )
    yield "the mean entropy, in nats per token"
    sharp = torch.tensor([[[0.9998, 1e-4, 1e-4]]], dtype=torch.float64)
    wanted = torch.special.entr(sharp).sum()
    result = answer(sharp, shape=())
    if float(result) < float(wanted) - 1e-4:
        raise Mistake("small probabilities count too: clamp at 1e-12 or less inside the logarithm, not at 1e-3")
    compare(result, wanted, {})
    yield "small probabilities count"
    corners = torch.eye(3, dtype=torch.float64)[None]
    compare(answer(corners, shape=()), torch.tensor(0.0), {})
    yield "a corner has no entropy: 0 log 0 counts as 0"
