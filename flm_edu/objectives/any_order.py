"""How a flow map with a time for every position learns: some words of each text are clean, the others share a jump."""

from __future__ import annotations

import torch
from torch import Tensor

from flm_edu.draws import random_uniform, stratified
from flm_edu.objectives.flow_map import SemigroupDistillation, token_divergence


class AnyOrderSemigroup(SemigroupDistillation):
    """The semigroup objective over the noisy positions of texts that are partly clean.

    In each text a share f ~ U(0, 1) of the words is clean (s = t = 1), word by word, and texts that are all clean are
    left out: so any number of noisy words, from 1 to all, is as likely. They have one (s, t). On the diagonal the target
    is the data, whose mean loss at s = t = 0 is the bound of masked diffusion, or the denoiser of a teacher, which
    is an `AnyOrderLM` too. Args: as `FlowMapObjective`.

    Source: docs/EQUATIONS.md; arXiv 2606.24773.
    """

    def of_positions(
        self, times: tuple[Tensor, Tensor], tokens: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Return the times of the noisy words at random positions and 1 elsewhere: (B,) twice -> (B, L) twice."""
        texts, length = tokens.shape
        noisy = 1 + (length * stratified(texts, generator, tokens.device)).long().clamp_max(length - 1)
        order = random_uniform((texts, length), generator, tokens.device).argsort(-1).argsort(-1)
        start, end = (torch.where(order < noisy[:, None], tau[:, None], 1.0) for tau in times)
        return start, end

    def distance(self, target: Tensor, logits: Tensor, tau_s: Tensor) -> Tensor:
        """Return the mean KL(target || student) over each text's noisy tokens, nats: (B, L, V) twice, (B, L) -> (B,)."""
        noisy = tau_s < 1
        return (token_divergence(target, logits) * noisy).sum(-1) / noisy.sum(-1).clamp_min(1)
