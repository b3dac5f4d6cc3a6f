"""Stage 1, the flow: cross-entropy of the clean tokens."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from flm_edu.draws import gaussian_noise, stratified
from flm_edu.flow import FlowLM
from flm_edu.interpolant import interpolate_tokens
from flm_edu.objectives.objective import Loss, StepContext


def flow_matching(model: FlowLM, tokens: Tensor, context: StepContext) -> Loss:
    """Return E over tau, noise and data of -log D_t(I_t)[clean token]: a classifier of noisy tokens.

    Shapes: tokens (B, L) int64. Source: docs/EQUATIONS.md; arXiv 2602.16813.
    """
    tau = stratified(len(tokens), context.generator, tokens.device)
    noise = gaussian_noise((*tokens.shape, model.vocab_size), context.generator, tokens.device)
    x_t = interpolate_tokens(noise, tokens, model.schedule.t(tau))  # (B, L, V)
    loss = F.cross_entropy(model.logits(x_t, tau).flatten(0, 1), tokens.flatten())
    return Loss(loss, {"cross_entropy": loss.detach()})
