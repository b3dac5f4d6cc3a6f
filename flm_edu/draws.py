"""Random draws: every one takes a generator, is drawn where the generator lives, and is moved to the device."""

from __future__ import annotations

import torch
from torch import Tensor


def random_uniform(
    shape: tuple[int, ...],
    generator: torch.Generator | None,
    device: torch.device | str,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Uniform on [0, 1), drawn where the generator lives and moved to the device."""
    source = device if generator is None else generator.device
    return torch.rand(shape, generator=generator, device=source, dtype=dtype).to(device)


def gaussian_noise(shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device) -> Tensor:
    """x_0 ~ N(0, I), drawn where the generator lives and moved to the device."""
    source = generator.device if generator is not None else device
    return torch.randn(shape, generator=generator, device=source).to(device)


def stratified(n: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
    """n times, one uniform draw in each of n equal slices of [0, 1], in random order: (n,).

    Every batch then covers the whole clock, which takes most of the noise out of the loss.
    """
    slices = torch.randperm(n, generator=generator, device=device if generator is None else generator.device)
    return (slices.to(device) + random_uniform((n,), generator, device)) / n


def draw(probabilities: Tensor, generator: torch.Generator | None) -> Tensor:
    """One token from each distribution, independently: (..., V) -> (...) int64.

    The distributions need not sum to 1. One uniform number is spent for each, drawn where the generator
    lives, so that a draw costs little beside a network.
    """
    uniform = random_uniform(probabilities.shape[:-1], generator, probabilities.device, torch.float64)
    cumulative = probabilities.double().cumsum(-1)
    wanted = uniform[..., None] * cumulative[..., -1:]
    index = torch.searchsorted(cumulative, wanted, right=True)[..., 0]  # right: a token of no mass is never drawn
    return index.clamp_max(probabilities.shape[-1] - 1)
