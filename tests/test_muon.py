"""Muon: torch's steps in another arithmetic, and cheaper than the network it trains on any machine."""

import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flm_edu.interpolant import one_hot
from flm_edu.network import DiT, NetworkConfig
from flm_edu.training import TrainConfig
from flm_edu.training.muon import Muon, equalise
from flm_edu.training.optimizers import build_optimizers

COEFFICIENTS = (3.4445, -4.775, 2.0315)  # of torch's Muon


def matrices(shapes: list[tuple[int, int]], seed: int) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


@settings(deadline=None, max_examples=15)
@given(
    shapes=st.lists(st.tuples(st.integers(2, 24), st.integers(2, 24)), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    weight_decay=st.sampled_from([0.0, 0.1]),
)
def test_steps_are_those_of_torch(shapes: list[tuple[int, int]], seed: int, weight_decay: float) -> None:
    shapes = shapes + shapes[:1]  # at least two of one shape, which are taken together
    ours, theirs = matrices(shapes, seed), matrices(shapes, seed)
    lr = 0.02
    optimizers = [
        Muon(ours, lr=lr, weight_decay=weight_decay, dtype=torch.bfloat16),
        torch.optim.Muon(theirs, lr=lr, weight_decay=weight_decay),
    ]
    generator = torch.Generator().manual_seed(seed + 1)
    for _ in range(3):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=generator)
            b.grad = a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for a, b in zip(ours, theirs, strict=True):  # bf16 rounds differently when matrices are stacked
        moved = 3 * lr * max(1.0, a.shape[0] / a.shape[1]) ** 0.5
        assert (a - b).abs().max() < 0.05 * moved
        torch.testing.assert_close(optimizers[0].state[a], optimizers[1].state[b])


@settings(deadline=None, max_examples=20)
@given(
    rows=st.integers(2, 32),
    columns=st.integers(2, 32),
    scale=st.sampled_from([1e-4, 1.0, 1e4]),
    seed=st.integers(0, 99),
)
def test_singular_values_come_near_one_and_directions_stay(rows: int, columns: int, scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    small = min(rows, columns)
    left = torch.linalg.qr(torch.randn(rows, small, generator=generator))[0]
    right = torch.linalg.qr(torch.randn(columns, small, generator=generator))[0]
    values = torch.linspace(0.2, 1.0, small)
    x = scale * (left * values) @ right.mT
    result = equalise(x[None], COEFFICIENTS, 5, 1e-7)[0]
    inside = left.mT @ result @ right  # diagonal where the directions are kept
    assert (inside - inside.diag().diag()).abs().max() < 1e-3
    assert inside.diag().min() > 0.6
    assert inside.diag().max() < 1.3


def test_a_matrix_without_a_gradient_is_left_alone() -> None:
    still, moved = matrices([(4, 4), (4, 4)], 0)
    before = still.detach().clone()
    moved.grad = torch.ones_like(moved)
    Muon([still, moved], lr=0.1, weight_decay=0.5).step()
    assert torch.equal(still, before)
    assert not torch.equal(moved, before)


def test_what_is_not_a_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="2D"):
        Muon([torch.nn.Parameter(torch.zeros(3))], lr=0.1)


@pytest.mark.alone
def test_optimizers_cost_less_than_the_network() -> None:
    """Emulated bf16 made them three times as dear as the demo's network on a CPU without it."""
    network = DiT(NetworkConfig(vocab_size=30, length=9, width=96, blocks=3, heads=4))
    optimizers = build_optimizers(network, TrainConfig())
    generator = torch.Generator().manual_seed(0)
    states = one_hot(torch.randint(30, (128, 9), generator=generator), 30)
    times = torch.rand(128, generator=generator)
    fastest = {"network": float("inf"), "optimizers": float("inf")}
    for _ in range(5):
        start = time.perf_counter()
        network(states, times).logsumexp(-1).sum().backward()
        between = time.perf_counter()
        for optimizer in optimizers:
            optimizer.step()
        end = time.perf_counter()
        fastest["network"] = min(fastest["network"], between - start)
        fastest["optimizers"] = min(fastest["optimizers"], end - between)
    assert fastest["optimizers"] < fastest["network"], fastest
