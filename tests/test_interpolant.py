"""The closed forms hold, at their end points too, whatever the states and times."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flm_edu import interpolant as ip

times = st.floats(0, 1, width=32)
seeds = st.integers(0, 2**31)


def states(seed: int, batch: int = 3) -> torch.Tensor:
    return torch.randn(batch, 4, 5, generator=torch.Generator().manual_seed(seed))


def simplex(seed: int, batch: int = 3) -> torch.Tensor:
    return states(seed, batch).softmax(-1)


def clock(*values: float) -> list[torch.Tensor]:
    return [torch.full((3,), value) for value in values]


def close(a: torch.Tensor, b: torch.Tensor, scale: float = 1.0) -> bool:
    return bool(((a - b).abs() <= 1e-6 * scale * (1 + b.abs())).all())


@given(seeds, times)
def test_interpolant_runs_from_noise_to_data(seed: int, t: float) -> None:
    noise, data = states(seed), simplex(seed + 1)
    (time,) = clock(t)
    assert close(ip.interpolate(noise, data, time), noise + t * (data - noise), 4)
    assert torch.equal(ip.interpolate(noise, data, torch.zeros(3)), noise)
    assert torch.equal(ip.interpolate(noise, data, torch.ones(3)), data)


@given(seeds, times)
def test_the_interpolant_of_tokens_is_that_of_their_corners(seed: int, t: float) -> None:
    noise, tokens = states(seed), torch.randint(5, (3, 4), generator=torch.Generator().manual_seed(seed))
    (time,) = clock(t)
    expected = ip.interpolate(noise, ip.one_hot(tokens, 5), time)
    assert torch.equal(ip.interpolate_tokens(noise.clone(), tokens, time), expected)
    assert torch.equal(ip.interpolate_tokens(noise, tokens, time), noise)  # in the noise's own memory


@given(seeds, times)
def test_denoiser_and_velocity_are_inverse(seed: int, t: float) -> None:
    x, denoiser = states(seed), simplex(seed + 1)
    (time,) = clock(t)
    velocity = ip.velocity_from_denoiser(denoiser, x, time)
    assert bool(velocity.isfinite().all())
    expected = denoiser if t < 1 else x  # at t = 1 the state is its own denoiser
    # x + (D - x) loses digits of x, never of the quotient
    assert close(ip.denoiser_from_velocity(velocity, x, time), expected, 4)


@given(seeds, times, times)
def test_flow_map_and_two_time_denoiser_are_inverse(seed: int, a: float, b: float) -> None:
    s, t = clock(min(a, b), max(a, b))
    x, delta = states(seed).double(), simplex(seed + 1).double()
    landed = ip.flow_map_from_two_time_denoiser(delta, x, s.double(), t.double())
    back = ip.two_time_denoiser_from_flow_map(landed, x, s.double(), t.double())
    gap = float(t[0] - s[0])
    expected = delta if gap > 0 else x
    # Rounding of x is magnified by (1-s)/(t-s) on the way back.
    assert bool((back - expected).abs().max() <= 1e-14 + (1e-14 / gap if gap else 0))


@given(seeds, times)
def test_a_jump_of_no_length_is_the_identity(seed: int, t: float) -> None:
    (time,) = clock(t)
    x = states(seed)
    assert torch.equal(ip.flow_map_from_two_time_denoiser(simplex(seed + 1), x, time, time), x)


@given(seeds, st.floats(0, 1, width=32, exclude_max=True))
def test_a_jump_to_the_end_is_the_two_time_denoiser(seed: int, s: float) -> None:
    start, end = clock(s, 1.0)
    delta = simplex(seed)
    assert torch.equal(ip.flow_map_from_two_time_denoiser(delta, states(seed + 1), start, end), delta)


@given(seeds, times, times)
def test_euler_step_is_a_jump_along_the_denoiser(seed: int, a: float, b: float) -> None:
    s, t = (v.double() for v in clock(min(a, b), max(a, b)))
    x, denoiser = states(seed).double(), simplex(seed + 1).double()
    euler = x + (t - s)[:, None, None] * ip.velocity_from_denoiser(denoiser, x, s)
    assert close(ip.flow_map_from_two_time_denoiser(denoiser, x, s, t), euler)


@given(times, times, times)
def test_semigroup_weight_is_convex_and_right_at_its_ends(a: float, b: float, c: float) -> None:
    s, u, t = clock(*sorted((a, b, c)))
    weight = ip.semigroup_weight(s, u, t)
    assert bool(((weight >= 0) & (weight <= 1)).all())
    if s[0] < t[0]:
        assert bool((ip.semigroup_weight(s, s, t) == 0).all())
        assert bool((ip.semigroup_weight(s, t, t) == 1).all())


@given(seeds, times, times, times)
def test_composition_of_jumps_is_the_jump_of_the_composed_denoiser(seed: int, a: float, b: float, c: float) -> None:
    """X_{u,t}(X_{s,u}(x)) computed by jumps equals X_{s,t}(x) with the convex combination: the semigroup identity."""
    s, u, t = (v.double() for v in clock(*sorted((a, b, c))))
    x, first, second = states(seed).double(), simplex(seed + 1).double(), simplex(seed + 2).double()
    middle = ip.flow_map_from_two_time_denoiser(first, x, s, u)
    there = ip.flow_map_from_two_time_denoiser(second, middle, u, t)
    composed = ip.compose_two_time_denoisers(first, second, s, u, t)
    at_once = ip.flow_map_from_two_time_denoiser(composed, x, s, t)
    assert close(there, at_once)
    assert close(composed.sum(-1), torch.ones(3, 4, dtype=torch.float64))
    assert bool((composed >= 0).all())


@given(seeds, times, times, times)
def test_composition_stays_on_the_simplex_in_float32(seed: int, a: float, b: float, c: float) -> None:
    s, u, t = clock(*sorted((a, b, c)))
    composed = ip.compose_two_time_denoisers(simplex(seed), simplex(seed + 1), s, u, t)
    assert close(composed.sum(-1), torch.ones(3, 4))
    assert bool((composed >= 0).all())


@settings(max_examples=50)
@given(st.floats(0, 0.9), st.floats(0.01, 0.99))
def test_semigroup_weight_is_the_cumulative_of_the_path_weight(s: float, share: float) -> None:
    t = s + (0.99 - s) * share
    u = torch.linspace(s, t, 20_001, dtype=torch.float64)
    start, end = torch.tensor(s, dtype=torch.float64), torch.tensor(t, dtype=torch.float64)
    density = ip.path_weight(start, u, end)
    mass = torch.cumulative_trapezoid(density, u)
    assert torch.allclose(mass, ip.semigroup_weight(start, u[1:], end), atol=1e-5)


def test_gradients_are_finite_at_the_end_points() -> None:
    x = states(0).requires_grad_()
    one = torch.ones(3)
    total = ip.velocity_from_denoiser(simplex(1), x, one) + ip.flow_map_from_two_time_denoiser(simplex(1), x, one, one)
    total.sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_state_decides_the_dtype(dtype: torch.dtype) -> None:
    x = states(0).to(dtype)
    assert ip.interpolate(x, x, torch.rand(3)).dtype == dtype


def test_one_hot_rows_are_corners() -> None:
    corners = ip.one_hot(torch.tensor([[0, 2]]), 3)
    assert corners.tolist() == [[[1, 0, 0], [0, 0, 1]]]


def test_the_weight_of_a_whole_path_sits_at_its_end() -> None:
    """At t = 1 the density is 0 before the end and infinite there, and nowhere NaN."""
    weight = ip.path_weight(torch.tensor(0.2), torch.tensor([0.2, 0.9, 1.0]), torch.tensor(1.0))
    assert weight.tolist() == [0.0, 0.0, torch.inf]
