"""The clock agrees with the published one, is invertible where it moves, and is exact where it can be checked."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flm_edu.schedule import DecodingErrorSchedule, UniformSchedule, load_schedule
from tests.conftest import FIXTURES

REFERENCE = json.loads((FIXTURES / "time_reparameterization.json").read_text())
GRID = torch.linspace(0, 1, 20_001, dtype=torch.float64)


@pytest.mark.parametrize("vocab_size", [int(v) for v in REFERENCE["tau"]])
def test_tau_agrees_with_the_published_values(vocab_size: int) -> None:
    t = torch.tensor(REFERENCE["t"], dtype=torch.float64)
    expected = torch.tensor(REFERENCE["tau"][str(vocab_size)], dtype=torch.float64)
    assert float((DecodingErrorSchedule(vocab_size).tau(t) - expected).abs().max()) < 1e-6


@pytest.mark.parametrize("vocab_size", [2, 3, 10, 97, 1000, 30_522, 50_257, 256_000])
def test_clock_is_monotone_finite_and_inverted_where_it_moves(vocab_size: int) -> None:
    schedule = DecodingErrorSchedule(vocab_size)
    tau = schedule.tau(GRID)
    assert tau[0] == 0
    assert tau[-1] == 1
    assert bool((tau.diff() >= 0).all())
    back = schedule.t(tau)
    assert bool(back.isfinite().all() and (back >= 0).all() and (back <= 1).all() and (back.diff() >= 0).all())
    moves = tau.diff() > 0.5e-9  # more than 1e-9 in 1e-4, the grid being 0.5e-4
    certain = torch.cat([moves, moves[-1:]]) & torch.cat([moves[:1], moves])
    assert int(certain.sum()) > 1000
    assert float((back - GRID).abs()[certain].max()) < 1e-4


@pytest.mark.parametrize("vocab_size", [2, 29, 58, 30_522, 256_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_are_exact(vocab_size: int, dtype: torch.dtype) -> None:
    """tau is 1 to machine precision well before t is; yet the end of the clock is the data itself."""
    ends = DecodingErrorSchedule(vocab_size).t(torch.tensor([0.0, 1.0], dtype=dtype))
    assert ends.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("vocab_size", [2, 46, 1000, 50_257])
def test_decoding_error_is_what_sampling_finds(vocab_size: int) -> None:
    """The quadrature against the definition: add noise to a one-hot row, count wrong argmaxes."""
    schedule = DecodingErrorSchedule(vocab_size)
    generator = torch.Generator().manual_seed(0)
    for t in (0.3, 0.6, 0.8):
        z = torch.randn(200_000, generator=generator, dtype=torch.float64)
        # The largest of V-1 normals by its quantile: Phi^{-1}(U^{1/(V-1)}).
        u = torch.rand(200_000, generator=generator, dtype=torch.float64)
        others = torch.special.ndtri(u ** (1 / (vocab_size - 1)))
        wrong = (t + (1 - t) * z < (1 - t) * others).double().mean()
        error = float(schedule.decoding_error(torch.tensor(t, dtype=torch.float64)))
        assert abs(float(wrong) - error) < 5 * math.sqrt(0.25 / 200_000)


@pytest.mark.parametrize(("vocab_size", "bound"), [(10, 1e-9), (1000, 1e-5), (50_257, 1e-4)])
def test_quadrature_error_of_the_published_clock(vocab_size: int, bound: float) -> None:
    """100 nodes, as published, against a trapezoidal rule of 24,001: the figures of the class's docstring."""
    z = torch.linspace(-12, 12, 24_001, dtype=torch.float64)
    weight = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    t = torch.linspace(0, 0.95, 200, dtype=torch.float64)
    power = ((vocab_size - 1) * torch.special.log_ndtr(z + (t / (1 - t))[:, None])).exp()
    exact = 1 - (1 - (weight * power).sum(-1)) / (1 - 1 / vocab_size)
    assert float((DecodingErrorSchedule(vocab_size).tau(t) - exact).abs().max()) < bound


@pytest.mark.parametrize("vocab_size", [2, 27, 4096])
def test_speed_is_the_derivative(vocab_size: int) -> None:
    schedule = DecodingErrorSchedule(vocab_size)
    tau = schedule.tau(GRID)
    slope = (tau[2:] - tau[:-2]) / (GRID[2:] - GRID[:-2])
    assert torch.allclose(slope, schedule.dtau_dt(GRID[1:-1]), atol=1e-4)
    assert schedule.dtau_dt(torch.ones(1)) == 0


def test_large_vocabularies_decide_in_a_narrow_window() -> None:
    """For V = 30522 about four fifths of the range of tau lie in t between 0.75 and 0.85."""
    tau = DecodingErrorSchedule(30_522).tau(torch.tensor([0.75, 0.85]))
    assert 0.75 < float(tau[1] - tau[0]) < 0.85


@given(st.floats(-0.5, 1.5), st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]))
def test_any_shape_and_dtype_and_times_outside(value: float, dtype: torch.dtype) -> None:
    for schedule in (_SMALL, UniformSchedule()):
        for shape in ((), (2,), (2, 3)):
            t = torch.full(shape, value, dtype=dtype)
            for result in (schedule.tau(t), schedule.t(t)):
                assert result.shape == shape
                assert result.dtype == dtype
                assert bool((result >= 0).all() and (result <= 1).all())


_SMALL = DecodingErrorSchedule(7)


def test_nothing_is_read_back_from_the_device() -> None:
    """Meta tensors hold no values: a host synchronisation would raise."""
    t = torch.empty(4, device="meta")
    for result in (_SMALL.tau(t), _SMALL.t(t), _SMALL.decoding_error(t), _SMALL.dtau_dt(t)):
        assert result.device.type == "meta"


@pytest.mark.cuda
def test_on_cuda_it_gives_the_same() -> None:
    t = torch.linspace(0, 1, 100)
    assert torch.allclose(_SMALL.tau(t.cuda()).cpu(), _SMALL.tau(t), atol=1e-6)
    assert torch.allclose(_SMALL.t(t.cuda()).cpu(), _SMALL.t(t), atol=1e-6)


def test_uniform_is_the_identity() -> None:
    t = torch.rand(5)
    assert torch.equal(UniformSchedule().tau(t), t)
    assert torch.equal(UniformSchedule().t(t), t)
    assert bool((UniformSchedule().dtau_dt(t) == 1).all())


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="vocab_size is 1"):
        DecodingErrorSchedule(1)
    with pytest.raises(ValueError, match="nodes is 1"):
        DecodingErrorSchedule(10, nodes=1)
    with pytest.raises(ValueError, match="'linear' is unknown"):
        load_schedule("linear", 10)
