"""Masked diffusion (MDLM): tokens are hidden one by one, and the network predicts all hidden ones at once.

Source: Sahoo et al. 2024, "Simple and Effective Masked Diffusion Language Models" (arXiv 2406.07524).
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu.architecture import Role
from flm_edu.discrete import MaskedGenerator
from flm_edu.draws import random_uniform, stratified
from flm_edu.interpolant import one_hot
from flm_edu.language_model import LanguageModel
from flm_edu.objectives.objective import Loss, StepContext

#: The loss weighs a text with a hidden share t by 1/t; below this share nothing is drawn (as published).
LEAST_HIDDEN = 1e-3


class MaskedLM(MaskedGenerator, LanguageModel):
    """A masked diffusion language model; the mask is token V, which it reads and never writes.

    The substitution parameterization: no probability for the mask (the head has no such output), and a
    token that is known stays. What is hidden tells the time, so the network is given none.

    Args and Raises: as `LanguageModel`.
    """

    kind = "masked"
    ROLE: ClassVar[Role] = Role(extra_tokens=1)

    def logits(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Return the network's output: tokens (B, L) int64, read where known (B, L) bool -> (B, L, V) float."""
        shown = torch.where(known, tokens, self.vocab_size)
        return self.network(shown, torch.zeros(1, device=tokens.device)).float()

    def posterior(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Return clean-token probabilities, certain where known: (B, L) int64, (B, L) bool -> (B, L, V)."""
        certain = one_hot(tokens, self.vocab_size)
        return torch.where(known[..., None], certain, self.logits(tokens, known).softmax(-1))

    def completion(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Return `posterior`."""
        return self.posterior(tokens, known)

    def likelihood_bound(self, tokens: Tensor, generator: torch.Generator | None) -> Tensor:
        """Estimate it with one draw of what is hidden for each text."""
        return masked_diffusion(self, tokens, StepContext(generator)).loss


def hide(tokens: Tensor, share: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw which tokens stay known when each is hidden with its text's probability: (B, L), (B,) -> (B, L) bool."""
    return random_uniform(tokens.shape, generator, tokens.device) >= share[:, None]


def masked_diffusion(model: MaskedLM, tokens: Tensor, context: StepContext) -> Loss:
    """Return the continuous-time bound on -log p: cross-entropy of the hidden tokens, weighed by 1 / (share hidden).

    With the log-linear schedule alpha = 1 - t the weight -alpha'/(1-alpha) is 1/t. For the exact posterior
    the bound is tight: its mean is the entropy of the language.

    Shapes: tokens (B, L) int64; nats per token. Source: Eq. (11), arXiv 2406.07524.
    """
    share = LEAST_HIDDEN + (1 - LEAST_HIDDEN) * stratified(len(tokens), context.generator, tokens.device)
    known = hide(tokens, share, context.generator)
    logits = model.logits(tokens, known).flatten(0, 1)
    surprise = F.cross_entropy(logits, tokens.flatten(), reduction="none").view_as(tokens)  # (B, L)
    loss = (surprise * ~known / share[:, None]).mean()
    return Loss(
        loss,
        {"bound": loss.detach(), "cross_entropy": (surprise.detach() * ~known).sum() / (~known).sum().clamp_min(1)},
    )
