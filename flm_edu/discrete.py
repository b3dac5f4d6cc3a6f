"""Masked and uniform diffusion: the two loops that turn corrupted tokens into text.

Discrete diffusion keeps each token with probability alpha and replaces the others, by a mask or by any
token. Both loops go from alpha = 0 to alpha = 1 in equal parts, and know nothing of networks: they take
any posterior, a trained one or the exact one of `flm_edu.oracle`. In every step each position is drawn on
its own, which is why few steps cannot do, however good the posterior.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import floor
from typing import ClassVar, Literal, cast, get_args

import torch
from torch import Tensor

from flm_edu.draws import categorical, random_tokens, random_uniform
from flm_edu.generator import Request, TextGenerator
from flm_edu.interpolant import one_hot
from flm_edu.trajectory import Recorder, Trajectory

#: (tokens (B, L), known (B, L) bool) -> clean-token probabilities (B, L, V), certain where known.
MaskedPosterior = Callable[[Tensor, Tensor], Tensor]

#: In which order blanks are filled; `unmask` says how.
Order = Literal["ancestral", "even", "confidence"]

#: (tokens (B, L), alpha) -> for each position, what the others say of its clean token: (B, L, V).
ContextPosterior = Callable[[Tensor, float], Tensor]


@torch.no_grad()
def unmask(
    posterior: MaskedPosterior,
    shape: tuple[int, int],
    steps: int,
    generator: torch.Generator | None,
    *,
    device: torch.device | str = "cpu",
    order: Order = "ancestral",
    given: Tensor | None = None,
    record: bool = False,
    keep_states: bool = False,
) -> Tensor | Trajectory:
    """Sample masked diffusion: all positions are hidden at first, and each step uncovers an equal expected share.

    The posterior depends on what is known and on nothing else, so a step that uncovers nothing costs no
    evaluation. For a single text, and in a batch where all uncover equally many ("even", "confidence"), at most L
    are spent, whatever `steps` is.

    Args:
        posterior: of the clean tokens, given the known ones.
        shape: (B, L) of the sample.
        steps: from all hidden to all known.
        generator: of every draw.
        device: where the tokens live.
        order: "ancestral" uncovers each hidden position with the same chance, so a step uncovers a random number;
            "even" uncovers L / `steps` in each step, rounded so that the first steps get the fewest, at random places;
            "confidence" L / `steps` too, at the places where what was drawn was likeliest.
        given: (B, L) int64, tokens that are known from the start, -1 where hidden; L is then the number of those hidden.
        record: return a `Trajectory`.
        keep_states: with the known tokens at each step.

    Source: Sahoo et al. 2024 (MDLM, arXiv 2406.07524); confidence: Chang et al. 2022 (arXiv 2202.04200).
    """
    recorder = Recorder(record, keep_states)
    tokens = torch.zeros(shape, dtype=torch.long, device=device)
    known = torch.zeros(shape, dtype=torch.bool, device=device)
    if given is not None:
        known, tokens = given >= 0, given.clamp_min(0)
    hidden = int((~known).sum(1).max())
    prediction = posterior(tokens, known)
    stale = False  # whether a token has been uncovered since
    for step in range(steps):
        if stale:
            prediction = posterior(tokens, known)
        recorder.see(prediction, partial(_shown, tokens, known, prediction.shape[-1]))
        if order == "ancestral":
            chance = 1 / (steps - step)  # alpha grows by equal parts (the log-linear schedule)
            reveal = ~known & (random_uniform(shape, generator, device) < chance)
            tokens[reveal] = categorical(prediction[reveal], generator)
        else:
            drawn = categorical(prediction, generator)
            even = order == "even"
            rank = random_uniform(shape, generator, device) if even else prediction.gather(-1, drawn[..., None])[..., 0]
            rounded = floor if even else round  # down: the first step, which knows nothing, uncovers the fewest
            count = rounded(hidden * (step + 1) / steps) - rounded(hidden * step / steps)
            first = rank.masked_fill(known, -1.0).topk(count, dim=1).indices
            reveal = torch.zeros_like(known).scatter_(1, first, True)
            tokens = torch.where(reveal, drawn, tokens)
        known = known | reveal
        if not record and bool(known.all()):
            break
        stale = bool(reveal.any())
    recorder.decided(tokens, lambda: one_hot(tokens, prediction.shape[-1]))
    return recorder.result(tokens, torch.linspace(0, 1, steps + 1))


@torch.no_grad()
def denoise_uniform(
    context: ContextPosterior,
    noise: Tensor,
    vocab_size: int,
    steps: int,
    generator: torch.Generator | None,
    *,
    greedy_tail: bool = False,
    put: Callable[[Tensor], Tensor] = lambda tokens: tokens,
    record: bool = False,
    keep_states: bool = False,
) -> Tensor | Trajectory:
    """Sample uniform-state diffusion: all positions are random at first, and each step draws from the exact reverse.

    With w the context's distribution of the clean token, x the current token and a, b the step's alphas,
    the next token z is drawn from (a/b [z = x] + (1 - a/b)/V) (b w_z + (1-b)/V): how well z explains x,
    times how likely z is a priori.

    Args:
        context: w for every position, from the other positions alone.
        noise: (B, L) int64, the random tokens at alpha = 0.
        vocab_size: V.
        steps: from alpha 0 to alpha 1.
        generator: of every draw.
        greedy_tail: the last step takes the likeliest token in place of a draw.
        put: puts given tokens in their places, before every step and at the end.
        record: return a `Trajectory`.
        keep_states: with the tokens at each step.

    Source: Sahoo et al. 2025 (Duo, arXiv 2506.10892).
    """
    recorder = Recorder(record, keep_states)
    tokens = put(noise)
    for step in range(steps):
        a, b = step / steps, (step + 1) / steps
        prior = context(tokens, a)  # (B, L, V)
        current = one_hot(tokens, vocab_size, prior.dtype)
        if record:
            clean = (a * current + (1 - a) / vocab_size) * prior
            recorder.see(clean / clean.sum(-1, keepdim=True), current)
        evidence = a / b * current + (1 - a / b) / vocab_size
        weight = evidence * (b * prior + (1 - b) / vocab_size)
        tokens = put(weight.argmax(-1) if greedy_tail and step == steps - 1 else categorical(weight, generator))
    recorder.decided(tokens, lambda: one_hot(tokens, vocab_size))
    return recorder.result(tokens, torch.linspace(0, 1, steps + 1))


def _shown(tokens: Tensor, known: Tensor, vocab_size: int) -> Tensor:
    """Return the known tokens as states: (B, L) -> (B, L, V), zero where hidden."""
    return one_hot(tokens, vocab_size) * known[..., None]


class MaskedGenerator(TextGenerator):
    """What samples by `unmask`: masked diffusion, trained or perfect."""

    SAMPLERS: ClassVar[tuple[str, ...]] = get_args(Order)

    def completion(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Return the posterior that tokens are drawn from, certain where known: (B, L), (B, L) bool -> (B, L, V)."""
        raise NotImplementedError

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Write by `unmask`, in the order that the sampler names."""
        return unmask(
            lambda tokens, known: request.sharpen(self.completion(tokens, known)),
            (request.n, self.length),
            request.steps,
            request.generator,
            device=self.device,
            order=cast(Order, request.sampler),
            given=request.given,
            record=request.record,
            keep_states=request.keep_states,
        )


class UniformGenerator(TextGenerator):
    """What samples by `denoise_uniform`: uniform-state diffusion, trained or perfect."""

    SAMPLERS: ClassVar[tuple[str, ...]] = ("ancestral", "greedy-tail")

    def context(self, tokens: Tensor, alpha: float) -> Tensor:
        """Return what the other positions say of each clean token: (B, L) int64 -> (B, L, V) on the simplex."""
        raise NotImplementedError

    def draw_noise(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw random tokens: (n, L) int64."""
        return random_tokens((n, self.length), self.vocab_size, generator, self.device)

    def generate(self, request: Request) -> Tensor | Trajectory:
        """Write by `denoise_uniform`: "ancestral", or with the last step greedy."""
        return denoise_uniform(
            lambda tokens, alpha: request.sharpen(self.context(tokens, alpha)),
            request.noise,
            self.vocab_size,
            request.steps,
            request.generator,
            greedy_tail=request.sampler == "greedy-tail",
            put=request.put,
            record=request.record,
            keep_states=request.keep_states,
        )
