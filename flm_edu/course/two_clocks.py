"""The experiment of notebook 03, whose training step is the exercise of notebook 04: two clocks, one small network.

The language has 1,000 words, and each text says one word twice.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flm_edu.interpolant import interpolate, one_hot
from flm_edu.language import Language
from flm_edu.oracle import PerfectFlow
from flm_edu.schedule import Schedule

TWICE = Language.from_sentences([f"word{i} word{i}" for i in range(1000)])


class Gains(nn.Module):
    """Logits (B, 2, V): the mixture at the position and at the other one, times numbers that depend on the time."""

    def __init__(self) -> None:
        super().__init__()
        self.gains = nn.Sequential(nn.Linear(1, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 2))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Return logits of mixtures (B, 2, V) for the times that the network is told (B,)."""
        own, other = self.gains(told[:, None])[:, :, None, None].unbind(1)
        logits: Tensor = 10 * (own * x + other * x.flip(1))
        return logits


def train_on(clock: Schedule, seed: int, steps: int = 300, batch: int = 64) -> Gains:
    """Train a network with times drawn evenly on a clock; it is told what the clock shows."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = Gains()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(steps):
        told = torch.rand(batch, generator=generator)
        tokens, x_t = _mixtures(clock.t(told), generator)
        loss = F.cross_entropy(network(x_t, told).flatten(0, 1), tokens.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        decay.step()
    return network


@torch.no_grad()
def from_exact(network: Gains, clock: Schedule, mixing_times: Tensor) -> list[float]:
    """Return the mean divergence from the exact posterior at mixing times (n,), in nats per token."""
    generator, oracle, found = torch.Generator().manual_seed(5), PerfectFlow(TWICE), []
    for t in mixing_times:
        times = t.expand(200)
        _, x_t = _mixtures(times, generator)
        exact = oracle.denoiser(x_t, times)
        log_q = network(x_t, clock.tau(times)).double().log_softmax(-1)
        found.append(float((torch.xlogy(exact, exact) - exact * log_q).sum(-1).mean()))
    return found


def _mixtures(times: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw texts and their mixtures at mixing times (B,): (B, 2) and (B, 2, V)."""
    tokens = TWICE.sample(len(times), generator=generator)
    data = one_hot(tokens, TWICE.vocab_size)
    return tokens, interpolate(torch.randn(data.shape, generator=generator), data, times)
