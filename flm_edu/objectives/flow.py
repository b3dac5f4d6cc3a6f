"""Stage 1, the flow: cross-entropy of the clean tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from flm_edu.draws import gaussian_noise, stratified
from flm_edu.flow import FlowLM
from flm_edu.interpolant import (
    interpolate_tokens,
)
from flm_edu.objectives.objective import Objective


def flow_matching(
    model: FlowLM, tokens: Tensor, generator: torch.Generator | None, averaged: FlowLM | None = None
) -> Objective:
    """E over tau, noise and data of -log D_t(I_t)[clean token]: a classifier of noisy tokens.

    Shapes: tokens (B, L) int64; `averaged` is not needed here. Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """
    tau = stratified(len(tokens), generator, tokens.device)
    noise = gaussian_noise((*tokens.shape, model.config.vocab_size), generator, tokens.device)
    x_t = interpolate_tokens(noise, tokens, model.schedule.t(tau))
    loss = F.cross_entropy(model.logits(x_t, tau).flatten(0, 1), tokens.flatten())
    return Objective(loss, {"cross_entropy": loss.detach()})
