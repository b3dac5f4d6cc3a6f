"""Masked and uniform diffusion: the two loops that turn corrupted tokens into text.

Discrete diffusion keeps each token with probability alpha and replaces the others, by a mask or by any
token. Both loops go from alpha = 0 to alpha = 1 in equal parts, and know nothing of networks: they take
any posterior, a trained one or the exact one of `flm_edu.oracle`. In every step each position is drawn on
its own, which is why few steps cannot do, however good the posterior.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from flm_edu.draws import draw, random_uniform
from flm_edu.interpolant import one_hot
from flm_edu.sampling import LIKELIEST, Trajectory

#: (tokens (B, L), known (B, L) bool) -> clean-token probabilities (B, L, V), certain where known.
MaskedPosterior = Callable[[Tensor, Tensor], Tensor]


#: (tokens (B, L), alpha) -> for each position, what the others say of its clean token: (B, L, V).
ContextPosterior = Callable[[Tensor, float], Tensor]


class Recorder:
    """Collects the likeliest tokens of each step's posterior into a `Trajectory`, if asked to."""

    def __init__(self, steps: int, record: bool):
        self.record = record
        self.clock = torch.linspace(0, 1, steps + 1)
        self.seen: list[tuple[Tensor, Tensor]] = []

    def see(self, posterior: Tensor) -> None:
        """Note a step's posterior (B, L, V)."""
        if self.record:
            best = posterior.topk(min(LIKELIEST, posterior.shape[-1]))
            self.seen.append((best.indices.cpu(), best.values.float().cpu()))

    def result(self, tokens: Tensor) -> Tensor | Trajectory:
        """The samples, or how they came to be."""
        if not self.record:
            return tokens
        # Of the sample itself nothing is in doubt: its token, and runners-up of probability 0.
        last = self.seen[-1][0].clone()
        last[..., 0] = tokens.cpu()
        certain = (torch.arange(last.shape[-1]) == 0).float().expand(last.shape)
        likeliest = torch.stack([*(indices for indices, _ in self.seen), last])
        likelihoods = torch.stack([*(values for _, values in self.seen), certain])
        return Trajectory(self.clock, self.clock, likeliest, likelihoods)


@torch.no_grad()
def unmask(
    posterior: MaskedPosterior,
    shape: tuple[int, int],
    steps: int,
    generator: torch.Generator | None,
    *,
    device: torch.device | str = "cpu",
    order: Literal["random", "confidence"] = "random",
    record: bool = False,
) -> Tensor | Trajectory:
    """Masked diffusion: all positions hidden at first, an equal expected share uncovered in each step.

    The posterior depends on what is known and on nothing else, so a step that uncovers nothing costs no
    evaluation. For a single text, and in a batch where all uncover equally many ("confidence"), at most L are
    spent, whatever `steps` is.

    Args:
        posterior: of the clean tokens, given the known ones.
        shape: (B, L) of the sample.
        steps: from all hidden to all known.
        generator: of every draw.
        device: where the tokens live.
        order: "random" is ancestral sampling (each hidden position is uncovered with the same chance);
            "confidence" draws all and keeps those whose draw was likeliest, equally many in each step.
        record: return a `Trajectory`.

    Source: Sahoo et al. 2024 (MDLM, arXiv 2406.07524); confidence: Chang et al. 2022 (arXiv 2202.04200).
    """
    recorder = Recorder(steps, record)
    tokens = torch.zeros(shape, dtype=torch.long, device=device)
    known = torch.zeros(shape, dtype=torch.bool, device=device)
    prediction: Tensor | None = None
    for step in range(steps):
        if prediction is None:
            prediction = posterior(tokens, known)
        recorder.see(prediction)
        if order == "random":
            chance = 1 / (steps - step)  # alpha grows by equal parts (the log-linear schedule)
            reveal = ~known & (random_uniform(shape, generator, device) < chance)
            tokens[reveal] = draw(prediction[reveal], generator)
        else:
            drawn = draw(prediction, generator)
            confidence = prediction.gather(-1, drawn[..., None])[..., 0].masked_fill(known, -1.0)
            count = round(shape[1] * (step + 1) / steps) - round(shape[1] * step / steps)
            reveal = torch.zeros_like(known).scatter_(1, confidence.topk(count, dim=1).indices, True)
            tokens = torch.where(reveal, drawn, tokens)
        known = known | reveal
        if not record and bool(known.all()):
            break
        if bool(reveal.any()):
            prediction = None
    return recorder.result(tokens)


@torch.no_grad()
def denoise_uniform(
    context: ContextPosterior,
    shape: tuple[int, int],
    vocab_size: int,
    steps: int,
    generator: torch.Generator | None,
    *,
    device: torch.device | str = "cpu",
    greedy_tail: bool = False,
    record: bool = False,
) -> Tensor | Trajectory:
    """Uniform-state diffusion: all positions random at first, each step draws from the exact reverse of the noise.

    With w the context's distribution of the clean token, x the current token and a, b the step's alphas,
    the next token z is drawn from (a/b [z = x] + (1 - a/b)/V) (b w_z + (1-b)/V): how well z explains x,
    times how likely z is a priori.

    Args:
        context: w for every position, from the other positions alone.
        shape: (B, L) of the sample.
        vocab_size: V.
        steps: from alpha 0 to alpha 1.
        generator: of every draw.
        device: where the tokens live.
        greedy_tail: the last step takes the likeliest token in place of a draw.
        record: return a `Trajectory`.

    Source: Sahoo et al. 2025 (Duo, arXiv 2506.10892).
    """
    recorder = Recorder(steps, record)
    source = generator.device if generator is not None else device
    tokens = torch.randint(vocab_size, shape, generator=generator, device=source).to(device)
    for step in range(steps):
        a, b = step / steps, (step + 1) / steps
        prior = context(tokens, a)  # (B, L, V)
        current = one_hot(tokens, vocab_size, prior.dtype)
        if record:
            clean = (a * current + (1 - a) / vocab_size) * prior
            recorder.see(clean / clean.sum(-1, keepdim=True))
        evidence = a / b * current + (1 - a / b) / vocab_size
        weight = evidence * (b * prior + (1 - b) / vocab_size)
        tokens = weight.argmax(-1) if greedy_tail and step == steps - 1 else draw(weight, generator)
    return recorder.result(tokens)
