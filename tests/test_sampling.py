"""One loop, reproducible draws, and steps that do what the closed forms say."""

import pytest
import torch

from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.sampling import Trajectory, integrate
from flm_edu.schedule import DecodingErrorSchedule, UniformSchedule


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_same_seed_same_tokens(flow: FlowLM, flow_map: FlowMapLM, steps: int) -> None:
    for model in (flow, flow_map):
        draws = [model.sample(5, steps, generator=torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
        assert draws[0].shape == (5, 3)
        assert torch.equal(draws[0], draws[1])
        seen = [model.sample(5, steps, generator=torch.Generator().manual_seed(seed), record=True) for seed in (3, 4)]
        assert not torch.equal(seen[0].confidences, seen[1].confidences)


def test_recording_changes_nothing(flow: FlowLM) -> None:
    plain = flow.sample(5, 4, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(0))
    recorded = integrate(flow.step_denoiser, noise, flow.schedule, 4, record=True, keep_states=True)
    assert isinstance(recorded, Trajectory)
    assert torch.equal(recorded.final_tokens, plain)
    assert recorded.tau.tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert recorded.tokens.shape == recorded.confidences.shape == (5, 5, 3)
    assert recorded.states is not None
    assert recorded.states.shape == (5, 5, 3, 3)
    assert bool((recorded.t.diff() > 0).all())
    assert torch.equal(recorded.likelihoods[..., 0], recorded.confidences)
    torch.testing.assert_close(recorded.likelihoods.sum(-1), torch.ones(5, 5, 3))  # all three words are kept
    assert bool((recorded.likelihoods.diff(dim=-1) <= 0).all())


def test_one_step_is_the_argmax_at_tau_zero(flow: FlowLM, flow_map: FlowMapLM) -> None:
    noise = torch.randn(6, 3, 3, generator=torch.Generator().manual_seed(0))
    zero, one = torch.zeros(6), torch.ones(6)
    assert torch.equal(
        flow.sample(6, 1, generator=torch.Generator().manual_seed(0)), flow.denoiser(noise, zero).argmax(-1)
    )
    assert torch.equal(
        flow_map.sample(6, 1, generator=torch.Generator().manual_seed(0)),
        flow_map.two_time_denoiser(noise, zero, one).argmax(-1),
    )


@pytest.mark.parametrize("schedule", [UniformSchedule(), DecodingErrorSchedule(5)])
def test_euler_converges_to_the_exact_flow(schedule: UniformSchedule | DecodingErrorSchedule) -> None:
    """One token, uniform over V corners: D_t(x) = softmax(x t/(1-t)^2), solved finely and coarsely."""

    def denoiser(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return (x * (s / (1 - s).square())[:, None, None]).softmax(-1)

    noise = torch.randn(200, 1, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def tokens(steps: int) -> torch.Tensor:
        written = integrate(denoiser, noise, schedule, steps)
        assert isinstance(written, torch.Tensor)
        return written

    fine = tokens(2000)
    agreement = [float(torch.eq(tokens(n), fine).double().mean()) for n in (1, 4, 64)]
    assert agreement[0] <= agreement[1] <= agreement[2]
    assert agreement[2] > 0.99


def test_network_evaluations_are_counted_honestly(flow: FlowLM) -> None:
    calls = 0

    def counting(module: object, inputs: object, output: object) -> None:
        nonlocal calls
        calls += 1

    flow.network.register_forward_hook(counting)
    flow.sample(2, 7)
    assert calls == 7


@pytest.mark.parametrize("steps", [0, -3])
def test_steps_below_one_are_refused(flow: FlowLM, steps: int) -> None:
    with pytest.raises(ValueError, match=f"`steps` is {steps}"):
        flow.sample(2, steps)


def test_no_samples_are_refused(flow: FlowLM) -> None:
    with pytest.raises(ValueError, match="`n` is 0"):
        flow.sample(0, 1)


def test_dropout_is_off_while_sampling_and_on_again_after(flow: FlowLM) -> None:
    for block in flow.network.blocks:  # type: ignore[union-attr]
        block.dropout = 0.9
    flow.train()
    draws = [flow.sample(4, 3, generator=torch.Generator().manual_seed(0)) for _ in range(2)]
    assert torch.equal(*draws)
    assert flow.training


@pytest.mark.cuda
def test_on_cuda_the_generator_may_live_on_the_cpu(flow_map: FlowMapLM) -> None:
    tokens = flow_map.cuda().sample(4, 2, generator=torch.Generator().manual_seed(0))
    assert tokens.is_cuda
