"""Random draws: each takes a generator, is drawn where the generator lives, and is moved to the device."""

from __future__ import annotations

import torch
from torch import Tensor


def _source(generator: torch.Generator | None, device: torch.device | str) -> torch.device | str:
    return device if generator is None else generator.device


def gaussian_noise(shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device | str) -> Tensor:
    """Draw x_0 ~ N(0, I), float32."""
    return torch.randn(shape, generator=generator, device=_source(generator, device)).to(device)


def random_uniform(
    shape: tuple[int, ...],
    generator: torch.Generator | None,
    device: torch.device | str,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Draw uniform numbers on [0, 1)."""
    return torch.rand(shape, generator=generator, device=_source(generator, device), dtype=dtype).to(device)


def random_tokens(
    shape: tuple[int, ...], vocab_size: int, generator: torch.Generator | None, device: torch.device | str
) -> Tensor:
    """Draw tokens, each of the vocabulary as likely: int64."""
    return torch.randint(vocab_size, shape, generator=generator, device=_source(generator, device)).to(device)


def stratified(n: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
    """Draw n times, one in each of n equal slices of [0, 1], in random order: (n,).

    Every batch then covers the whole clock, which takes most of the noise out of the loss.
    """
    slices = torch.randperm(n, generator=generator, device=_source(generator, device))
    times = (slices.to(device) + random_uniform((n,), generator, device)) / n
    return times.clamp_max(1 - 2**-24)  # the last slice may round to 1, which is no time of a noisy text


def categorical(probabilities: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw one token from each distribution, independently: (..., V) -> (...) int64.

    The distributions need not sum to 1. One uniform number is spent for each, so that a draw costs little beside a
    network.
    """
    uniform = random_uniform(probabilities.shape[:-1], generator, probabilities.device, torch.float64)
    cumulative = probabilities.double().cumsum(-1)
    wanted = uniform[..., None] * cumulative[..., -1:]
    index = torch.searchsorted(cumulative, wanted, right=True)[..., 0]  # right: a token of no mass is never drawn
    return index.clamp_max(probabilities.shape[-1] - 1)


def sharpen(probabilities: Tensor, temperature: float = 1.0, top_p: float = 1.0) -> Tensor:
    """Return p^(1/temperature), then only the likeliest tokens that together reach `top_p`: (..., V) -> (..., V).

    Each row sums to 1, but for one of zeros, which stays as it is. At temperature 0 the likeliest token has all.
    """
    if temperature == 1 and top_p == 1:
        return probabilities
    log_p = probabilities.double().log()
    if temperature == 0:
        sharp = torch.zeros_like(log_p).scatter_(-1, log_p.argmax(-1, keepdim=True), 1.0)
    else:
        sharp = ((log_p - log_p.amax(-1, keepdim=True)) / temperature).softmax(-1).nan_to_num()
    if top_p < 1:
        ordered, places = sharp.sort(-1, descending=True)
        before = ordered.cumsum(-1) - ordered  # what the likelier ones have already
        sharp = sharp.masked_fill(torch.zeros_like(sharp, dtype=torch.bool).scatter_(-1, places, before >= top_p), 0.0)
        sharp = sharp / sharp.sum(-1, keepdim=True)
    return torch.where(probabilities.sum(-1, keepdim=True) > 0, sharp, 0.0).to(probabilities.dtype)
