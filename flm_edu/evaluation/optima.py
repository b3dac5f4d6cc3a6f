"""How far a network's denoiser is from what it would be at best: where it stands between knowing rules and texts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import interpolate_tokens
from flm_edu.objectives.flow_map import divergence
from flm_edu.oracle import PerfectFlow


@torch.no_grad()
def excess(
    model: FlowLM | FlowMapLM,
    optimum: PerfectFlow,
    tokens: Tensor,
    tau: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return KL(D* || D) at each clock value, with its standard error, in nats per token: (T,), (T,) float64.

    D* is the optimum's denoiser and D the network's (of a flow map: its diagonal), on mixtures of the
    texts and fresh noise. Where the texts are drawn from the optimum's own language, the mean over a
    uniform tau is what the network's cross-entropy has above its floor.

    The perfect flow of a language knows its rules. That of `TrainingTexts` knows these texts by heart,
    and is what the training loss alone would lead to.

    Shapes: tokens (B, L) int64, tau (T,) in [0, 1).

    Raises:
        ValueError: fewer than two texts, which have no standard error.
    """
    if len(tokens) < 2:
        raise ValueError(f"`tokens` holds {len(tokens)} text(s); a standard error needs at least 2")
    means, errors = [], []
    for value in tau.tolist():
        clock = torch.full((len(tokens),), value)
        t = model.schedule.t(clock)
        noise = gaussian_noise((*tokens.shape, model.vocab_size), generator, torch.device("cpu"))
        x_t = interpolate_tokens(noise, tokens, t)
        with model.sampling():
            logits = model.denoiser_logits(x_t.to(model.device), clock.to(model.device))
        each = divergence(optimum.denoiser(x_t, t).float(), logits.cpu()).double()  # (B,)
        means.append(each.mean())
        errors.append(each.std() / math.sqrt(len(each)))
    return torch.stack(means), torch.stack(errors)
