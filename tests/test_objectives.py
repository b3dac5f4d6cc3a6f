"""What training minimises is what METHOD.md says it is."""

import math

import pytest
import torch

from flm_edu import objectives
from flm_edu.interpolant import interpolate, one_hot
from flm_edu.language import Language
from flm_edu.models import FlowLM, FlowMapLM
from flm_edu.objectives import SemigroupDistillation, SemigroupOptions, flow_matching, stratified
from tests.conftest import tiny_flow


def test_stratified_times_fill_every_slice(generator: torch.Generator) -> None:
    times = stratified(64, generator, torch.device("cpu"))
    assert (times * 64).long().sort().values.tolist() == list(range(64))
    assert (times * 64).long().tolist() != list(range(64))


def test_untrained_network_knows_nothing(language: Language, generator: torch.Generator) -> None:
    """A head of zeros gives every token 1/V: the loss is log V, and tau = 0 can do no better than the marginals."""
    model = tiny_flow(language)
    torch.nn.init.zeros_(model.network.head.linear.weight)  # type: ignore[union-attr]
    torch.nn.init.zeros_(model.network.head.linear.bias)  # type: ignore[union-attr]
    loss = flow_matching(model, language.sample(32, generator=generator), generator).loss
    assert float(loss) == pytest.approx(math.log(language.vocab_size), abs=1e-5)


def test_loss_is_the_cross_entropy_of_the_denoiser(flow: FlowLM, language: Language) -> None:
    """Against the definition, with the same draws."""
    tokens = language.sample(16, generator=torch.Generator().manual_seed(1))
    loss = flow_matching(flow, tokens, torch.Generator().manual_seed(2)).loss
    again = torch.Generator().manual_seed(2)
    tau = stratified(16, again, torch.device("cpu"))
    data = one_hot(tokens, language.vocab_size)
    x = interpolate(torch.randn(data.shape, generator=again), data, flow.schedule.t(tau))
    expected = -(flow.denoiser(x, flow.schedule.t(tau)) * data).sum(-1).log().mean()
    assert float(loss) == pytest.approx(float(expected), abs=1e-4)


def test_student_starts_as_its_teacher(flow: FlowLM) -> None:
    student = FlowMapLM.from_flow_lm(flow)
    x, tau = torch.randn(3, 3, flow.config.vocab_size), torch.rand(3)
    assert torch.equal(student.logits(x, tau, torch.rand(3)), flow.logits(x, tau))


def test_diagonal_loss_is_zero_at_the_start(flow: FlowLM, language: Language, generator: torch.Generator) -> None:
    student = FlowMapLM.from_flow_lm(flow)
    result = SemigroupDistillation(flow)(student, language.sample(32, generator=generator), generator)
    assert abs(float(result.parts["diagonal_kl"])) < 1e-6
    assert float(result.parts["semigroup_kl"]) > 0
    assert float(result.loss) == pytest.approx(float(result.parts["semigroup_kl"]) / 2, abs=1e-6)


class ConstantMap(FlowMapLM):
    """delta_{s,t} = the same point everywhere: the flow map of a language of independent tokens at x_0 -> c."""

    def logits(self, x: torch.Tensor, tau_s: torch.Tensor, tau_t: torch.Tensor) -> torch.Tensor:
        return torch.linspace(0, 1, x.shape[-1]).expand_as(x) + 0 * next(self.parameters()).sum()


def test_a_consistent_flow_map_has_no_semigroup_loss(
    flow: FlowLM, language: Language, generator: torch.Generator
) -> None:
    student = ConstantMap(flow.config)
    result = SemigroupDistillation(flow)(student, language.sample(32, generator=generator), generator)
    assert abs(float(result.parts["semigroup_kl"])) < 1e-6


def test_the_target_of_the_one_step_jump_is_where_two_jumps_land(flow_map: FlowMapLM) -> None:
    """At (0, 1) the share of the first jump is 0: the target is delta_{u,1}(X_{0,u}(x)) alone."""
    from flm_edu.objectives import _composed

    x = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(0))
    zero, half, one = torch.zeros(4), torch.full((4,), 0.5), torch.ones(4)
    u = flow_map.schedule.t(half)
    with torch.no_grad():
        target = _composed(flow_map, x, zero, one)
        expected = flow_map.two_time_denoiser(flow_map.flow_map(x, zero, u), u, one)
    assert torch.allclose(target, expected, atol=1e-5)


def test_times_follow_the_released_recipe(flow: FlowLM) -> None:
    objective = SemigroupDistillation(flow)
    generator = torch.Generator().manual_seed(0)
    starts, ends = zip(*(objective._times(64, 64, generator, torch.device("cpu")) for _ in range(200)), strict=True)
    s, t = torch.stack(starts), torch.stack(ends)
    assert torch.equal(s[:, :64], t[:, :64])  # the diagonal half
    s, t = s[:, 64:], t[:, 64:]
    assert bool(((s >= 0) & (s <= t) & (t <= 1)).all())
    boundary = (s == 0) & (t == 1)
    assert boundary.float().mean() == pytest.approx(1 / 32, abs=1e-6)
    gap = (t - s)[~boundary]
    assert float(gap.mean()) == pytest.approx(0.5, abs=0.01)  # d ~ U(0, 1)
    position = (s / (1 - (t - s)).clamp_min(1e-6))[~boundary]
    assert float(position.mean()) == pytest.approx(0.5, abs=0.02)  # s ~ U(0, 1 - d)


@pytest.mark.parametrize("target", ["student", "ema"])
@pytest.mark.parametrize("bf16", [False, True])
def test_every_weight_is_trained_and_no_gradient_enters_the_target(
    flow: FlowLM,
    flow_map: FlowMapLM,
    language: Language,
    generator: torch.Generator,
    target: str,
    bf16: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under autocast too: weights cast while gradients are off must not be reused where they are on."""
    import copy

    targets = []
    composed = objectives._composed
    monkeypatch.setattr(objectives, "_composed", lambda *args: targets.append(composed(*args)) or targets[-1])
    objective = SemigroupDistillation(flow, SemigroupOptions(target=target))  # type: ignore[arg-type]
    averaged = copy.deepcopy(flow_map).requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16, cache_enabled=False):
        result = objective(flow_map, language.sample(16, generator=generator), generator, averaged)
    result.loss.backward()
    without = [name for name, p in flow_map.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert without == []
    assert not targets[0].requires_grad
    assert all(p.grad is None for p in flow.parameters())


def test_bad_options_are_named(flow: FlowLM, flow_map: FlowMapLM, language: Language) -> None:
    for options, message in [
        ({"diagonal_fraction": 1.0}, "diagonal_fraction is 1.0"),
        ({"boundary_every": -1}, "boundary_every is -1"),
        ({"target": "teacher"}, "target is 'teacher'"),
    ]:
        with pytest.raises(ValueError, match=message):
            SemigroupOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="averaged student"):
        SemigroupDistillation(flow, SemigroupOptions(target="ema"))(flow_map, language.tokens, None)
