"""A time of shape (B,), (1,) or () is the same time, wherever one is taken."""

import inspect
import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flm_edu import interpolant as ip
from flm_edu.architecture import Role
from flm_edu.extensions import PathMapLM, SoftFlowLM, SoftFlowMapLM
from flm_edu.extensions.path import GuessingConfig
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.language import Language
from flm_edu.network import DiT, NetworkConfig
from flm_edu.oracle import PerfectFlow, PerfectFlowMap
from flm_edu.schedule import DecodingErrorSchedule, Schedule, UniformSchedule

B, L, V = 4, 3, 3
TOY = Language.from_sentences(["a b c", "a c b", "b b a"], [0.5, 0.25, 0.25], name="toy")
SHAPES: list[tuple[int, ...]] = [(B,), (1,), ()]

#: a function of times
Timed = Callable[..., Tensor]


def draws(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A state and two points of the simplex: (B, L, V)."""
    generator = torch.Generator().manual_seed(seed)
    x, first, second = (torch.randn(B, L, V, generator=generator) for _ in range(3))
    return x, first.softmax(-1), second.softmax(-1)


def with_each_shape(function: Timed, times: Sequence[float]) -> None:
    """Give the times in all shapes, and mixed: what comes out is what a batch of times gives."""
    expected = function(*(torch.full((B,), time) for time in times))
    assert bool(expected.isfinite().all())
    for shapes in itertools.product(SHAPES, repeat=len(times)):
        result = function(*(torch.full(shape, time) for shape, time in zip(shapes, times, strict=True)))
        if expected.ndim > 1:  # of states; a function of times alone has the times' own shape
            assert result.shape == expected.shape
        torch.testing.assert_close(result.expand_as(expected), expected, rtol=1e-5, atol=1e-6)


time = st.floats(0, 1, width=32)
below_one = st.floats(0, 0.99609375, width=32)
seeds = st.integers(0, 1000)


ONE_TIME: dict[str, Callable[[Tensor, Tensor, Tensor], Timed]] = {
    "interpolate": lambda x, a, b: lambda t: ip.interpolate(x, a, t),
    "interpolate_tokens": lambda x, a, b: lambda t: ip.interpolate_tokens(x.clone(), a.argmax(-1), t),
    "velocity_from_denoiser": lambda x, a, b: lambda t: ip.velocity_from_denoiser(a, x, t),
    "denoiser_from_velocity": lambda x, a, b: lambda t: ip.denoiser_from_velocity(a, x, t),
    "expand_time": lambda x, a, b: lambda t: ip.expand_time(t, x) * x,
    "batch_time": lambda x, a, b: lambda t: ip.batch_time(t, x),
}
TWO_TIMES: dict[str, Callable[[Tensor, Tensor, Tensor], Timed]] = {
    "jump_fraction": lambda x, a, b: ip.jump_fraction,
    "bridge": lambda x, a, b: lambda s, t: ip.bridge(x, a, b, s, t),
    "flow_map_from_two_time_denoiser": lambda x, a, b: lambda s, t: ip.flow_map_from_two_time_denoiser(a, x, s, t),
    "two_time_denoiser_from_flow_map": lambda x, a, b: lambda s, t: ip.two_time_denoiser_from_flow_map(a, x, s, t),
    "average_velocity_from_flow_map": lambda x, a, b: lambda s, t: ip.average_velocity_from_flow_map(a, x, s, t),
}
THREE_TIMES: dict[str, Callable[[Tensor, Tensor, Tensor], Timed]] = {
    "semigroup_weight": lambda x, a, b: ip.semigroup_weight,
    "compose_two_time_denoisers": lambda x, a, b: lambda s, u, t: ip.compose_two_time_denoisers(a, b, s, u, t),
    "path_weight": lambda x, a, b: ip.path_weight,
}


@pytest.mark.parametrize("name", ONE_TIME)
@settings(max_examples=20)
@given(time, seeds)
def test_one_time(name: str, t: float, seed: int) -> None:
    with_each_shape(ONE_TIME[name](*draws(seed)), [t])


@pytest.mark.parametrize("name", TWO_TIMES)
@settings(max_examples=20)
@given(st.tuples(time, time), seeds)
def test_two_times(name: str, times: tuple[float, float], seed: int) -> None:
    with_each_shape(TWO_TIMES[name](*draws(seed)), sorted(times))


@pytest.mark.parametrize("name", THREE_TIMES)
@settings(max_examples=10)
@given(st.tuples(below_one, below_one, below_one), seeds)
def test_three_times(name: str, times: tuple[float, float, float], seed: int) -> None:
    s, u, t = sorted(times)
    with_each_shape(THREE_TIMES[name](*draws(seed)), [s, u, t] if name != "path_weight" or s < t else [0.0, 0.25, 0.5])


def test_every_function_of_times_is_here() -> None:
    functions = {name for name, value in inspect.getmembers(ip, inspect.isfunction) if value.__module__ == ip.__name__}
    functions = {name for name in functions if not name.startswith("_")}
    taken = {name for name in functions if {"s", "t", "u"} & set(vars(ip)[name].__annotations__)}
    assert taken == ONE_TIME.keys() | TWO_TIMES.keys() | THREE_TIMES.keys()


@pytest.mark.parametrize("schedule", [UniformSchedule(), DecodingErrorSchedule(V)], ids=["uniform", "decoding-error"])
@pytest.mark.parametrize("method", ["tau", "t", "dtau_dt"])
@settings(max_examples=20)
@given(value=time)
def test_clocks(schedule: Schedule, method: str, value: float) -> None:
    function = {"tau": schedule.tau, "t": schedule.t, "dtau_dt": schedule.dtau_dt}[method]
    for shape in SHAPES:
        assert function(torch.full(shape, value)).shape == shape
    with_each_shape(function, [value])


# --- networks and models ------------------------------------------------------------------------

SIZES = NetworkConfig(V, L, 16, 2, 2, 16)
GUESSING = GuessingConfig(V, L, 16, 2, 2, 16)


def stirred(module: torch.nn.Module) -> None:
    """Give it weights that answer to the times."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    module.eval()


@pytest.mark.parametrize("two_times", [False, True])
@pytest.mark.parametrize("absolute_positions", [False, True])
def test_networks(two_times: bool, absolute_positions: bool) -> None:
    sizes = NetworkConfig(V, L, 16, 2, 2, 16, absolute_positions=absolute_positions)
    network = DiT(sizes, Role(two_times=two_times))
    stirred(network)
    x = draws(0)[0]
    with torch.no_grad():
        for state in (x, x.argmax(-1)):
            with_each_shape(lambda *times, state=state: network(state, *times), [0.25, 0.75][: 1 + two_times])
        moved = network(x, *([torch.tensor(0.5)] * (1 + two_times)))
    assert not torch.allclose(moved, network(x, *([torch.tensor(0.9)] * (1 + two_times))), atol=1e-3)


FLOWS: dict[str, FlowLM | PerfectFlow] = {
    "flow": FlowLM(SIZES),
    "uniform flow": FlowLM(SIZES, schedule="uniform"),
    "soft flow": SoftFlowLM(SIZES),
    "perfect flow": PerfectFlow(TOY),
    "perfect flow map": PerfectFlowMap(TOY),
}
MAPS: dict[str, FlowMapLM | PerfectFlowMap] = {
    "flow map": FlowMapLM(SIZES),
    "uniform flow map": FlowMapLM(SIZES, schedule="uniform"),
    "soft flow map": SoftFlowMapLM(SIZES),
    "path map": PathMapLM(GUESSING),
    "perfect flow map": PerfectFlowMap(TOY),
}
for model in (*FLOWS.values(), *MAPS.values()):
    if isinstance(model, torch.nn.Module):
        stirred(model)


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("t", [0.0, 0.3, 0.9, 1.0])
def test_flows(name: str, t: float) -> None:
    flow, x = FLOWS[name], draws(1)[0]
    with torch.no_grad():
        with_each_shape(lambda t: flow.denoiser(x, t), [t])
        with_each_shape(lambda t: flow.velocity(x, t), [t])


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("times", [(0.0, 1.0), (0.0, 0.4), (0.2, 0.7), (0.5, 0.5), (1.0, 1.0)], ids=str)
def test_flow_maps(name: str, times: tuple[float, float]) -> None:
    flow_map, x = MAPS[name], draws(2)[0]
    with torch.no_grad():
        with_each_shape(lambda s, t: flow_map.two_time_denoiser(x, s, t), times)
        with_each_shape(lambda s, t: flow_map.flow_map(x, s, t), times)
        with_each_shape(lambda t: flow_map.denoiser(x, t), times[:1])
