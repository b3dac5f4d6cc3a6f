"""The likelihood of a text under a flow, from how well its denoiser finds the text in noise (I-MMSE)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from flm_edu.draws import gaussian_noise, stratified
from flm_edu.interpolant import interpolate_tokens, one_hot

#: (x, t) -> D_t(x): states (B, L, V) at mixing times (B,) -> (B, L, V) on the simplex
Denoiser = Callable[[Tensor, Tensor], Tensor]

DECIDED = 10.0  # of c = t/(1-t); from there on the nearest corner is the text but once in 10^11, and is taken instead
MIDDLE = 2.0  # half of the draws of c lie below it, where most words are decided


@torch.no_grad()
def flow_surprise(
    denoiser: Denoiser, tokens: Tensor, vocab_size: int, generator: torch.Generator | None = None
) -> Tensor:
    """Estimate -log p of each text by one draw of time and noise: (B, L) int64 -> (B,) float64, nats per text.

    -log p(y) = 1/2 integral over gamma from 0 to infinity of E |onehot(y) - D_t(x_t)|^2, with the
    signal-to-noise ratio gamma = c^2, c = t/(1-t). For the exact denoiser of a language the mean over
    draws is -log p of every text; for any other its mean over texts is at least the entropy. The draws
    of log gamma are logistic, and stratified over the batch.

    Source: I-MMSE (Guo, Shamai, Verdu 2005); arXiv 2302.03792.
    """
    u = stratified(len(tokens), generator, tokens.device).double()
    gamma = MIDDLE**2 * u / (1 - u)
    c = gamma.sqrt()
    t = (c / (1 + c)).to(torch.float32)
    noise = gaussian_noise((*tokens.shape, vocab_size), generator, tokens.device)
    found = denoiser(interpolate_tokens(noise, tokens, t), t).double()
    error = (found - one_hot(tokens, vocab_size, torch.float64)).square().sum((-2, -1))  # (B,)
    weight = (MIDDLE**2 + gamma).square() / (2 * MIDDLE**2)  # 1/2, over the density of gamma
    return weight * torch.where(c < DECIDED, error, 0.0)
