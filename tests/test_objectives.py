"""What training minimises is what the equations say it is."""

import copy
import math
from typing import Any

import pytest
import torch

from flm_edu.draws import stratified
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import expand_time, interpolate, one_hot
from flm_edu.language import Language
from flm_edu.objectives import (
    EulerianDistillation,
    FlowMapObjective,
    FlowMapOptions,
    LagrangianDistillation,
    SemigroupDistillation,
    SimplexEulerianDistillation,
    SimplexLagrangianDistillation,
    StepContext,
    flow_matching,
)
from flm_edu.objectives.differential import (
    derivative,
    eulerian_target,
    lagrangian_target,
    onto_simplex,
    two_time_denoiser_of,
)
from flm_edu.oracle import PerfectFlowMap
from tests.conftest import parts, tiny_flow

NOTHING = StepContext()


def test_stratified_times_fill_every_slice(generator: torch.Generator) -> None:
    times = stratified(64, generator, torch.device("cpu"))
    assert (times * 64).long().sort().values.tolist() == list(range(64))
    assert (times * 64).long().tolist() != list(range(64))


def test_untrained_network_knows_nothing(language: Language, generator: torch.Generator) -> None:
    """A head of zeros gives every token 1/V: the loss is log V, and tau = 0 can do no better than the marginals."""
    model = tiny_flow(language)
    torch.nn.init.zeros_(parts(model).head.linear.weight)
    torch.nn.init.zeros_(parts(model).head.linear.bias)
    loss = flow_matching(model, language.sample(32, generator=generator), StepContext(generator)).loss
    assert float(loss) == pytest.approx(math.log(language.vocab_size), abs=1e-5)


def test_loss_is_the_cross_entropy_of_the_denoiser(flow: FlowLM, language: Language) -> None:
    """Against the definition, with the same draws."""
    tokens = language.sample(16, generator=torch.Generator().manual_seed(1))
    loss = flow_matching(flow, tokens, StepContext(torch.Generator().manual_seed(2))).loss
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
    result = SemigroupDistillation(flow)(student, language.sample(32, generator=generator), StepContext(generator))
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
    result = SemigroupDistillation(flow)(student, language.sample(32, generator=generator), StepContext(generator))
    assert abs(float(result.parts["semigroup_kl"])) < 1e-6


def test_the_target_of_the_one_step_jump_is_where_two_jumps_land(flow: FlowLM, flow_map: FlowMapLM) -> None:
    """At (0, 1) the share of the first jump is 0: the target is delta_{u,1}(X_{0,u}(x)) alone."""
    x = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(0))
    zero, one = torch.zeros(4), torch.ones(4)
    u = flow_map.schedule.t(torch.full((4,), 0.5))
    with torch.no_grad():
        target = SemigroupDistillation(flow).target(flow_map, x, zero, one, NOTHING)
        expected = flow_map.two_time_denoiser(flow_map.flow_map(x, zero, u), u, one)
    assert torch.allclose(target, expected, atol=1e-5)


@pytest.mark.parametrize("jumps", [2, 3, 4])
def test_any_number_of_jumps_of_the_exact_flow_map_make_the_one(language: Language, jumps: int) -> None:
    perfect, x, s, t = exact_jumps(language)

    class Exact(FlowMapLM):
        def logits(self, x: torch.Tensor, tau_s: torch.Tensor, tau_t: torch.Tensor) -> torch.Tensor:
            return (
                perfect.two_time_denoiser(x, perfect.schedule.t(tau_s), perfect.schedule.t(tau_t))
                .clamp_min(1e-300)
                .log()
            )

    objective = SemigroupDistillation(None, FlowMapOptions(jumps=jumps))
    tau_s, tau_t = perfect.schedule.tau(s), perfect.schedule.tau(t)
    target = objective.target(Exact(tiny_flow(language).config), x, tau_s, tau_t, NOTHING)
    assert float((target - perfect.two_time_denoiser(x, s, t)).abs().max()) < 1e-5


def test_jumps_of_the_initial_map_stay_its_own(flow: FlowLM, flow_map: FlowMapLM, language: Language) -> None:
    """Target "init": whatever the student becomes, the map it started from is what it learns from."""
    student = copy.deepcopy(flow_map)
    objective = SemigroupDistillation(flow, FlowMapOptions(target="init", diagonal_fraction=0.0), student)
    other = SemigroupDistillation(flow, FlowMapOptions(target="student", diagonal_fraction=0.0))
    torch.nn.init.zeros_(parts(student).head.linear.weight)
    torch.nn.init.zeros_(parts(student).head.linear.bias)
    tokens = language.sample(32, generator=torch.Generator().manual_seed(0))
    frozen, moving = (
        o(student, tokens, StepContext(torch.Generator().manual_seed(1))).loss for o in (objective, other)
    )
    assert float(frozen) > 0.01
    assert abs(float(moving)) < 1e-6  # a student that says the same everywhere agrees with itself
    with pytest.raises(ValueError, match="give `init`"):
        SemigroupDistillation(flow, FlowMapOptions(target="init"))
    with pytest.raises(ValueError, match="`jumps` is 1"):
        FlowMapOptions(jumps=1)


def test_the_teachers_target_is_where_its_euler_steps_lead(flow: FlowLM, flow_map: FlowMapLM) -> None:
    """Target "teacher": from noise to text, what the flow's own sampler would write in so many steps."""
    noise = torch.randn(64, 3, 3, generator=torch.Generator().manual_seed(3))
    objective = SemigroupDistillation(flow, FlowMapOptions(target="teacher", jumps=5))
    with torch.no_grad():
        target = objective.target(flow_map, noise, torch.zeros(64), torch.ones(64), NOTHING)
        x = noise
        for k in range(5):
            s, t = (flow.schedule.t(torch.full((64,), i / 5)) for i in (k, k + 1))
            denoiser = flow.denoiser(x, s)
            x = x + expand_time(t - s, x) * flow.velocity(x, s)
    assert torch.allclose(target, denoiser, atol=1e-5)


def test_kept_targets_are_computed_once(
    flow: FlowLM, flow_map: FlowMapLM, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a batch comes again, so does its target, and the loss differs by rounding alone."""
    asked: list[int] = []
    logits = flow.logits

    def counted(x: torch.Tensor, tau: torch.Tensor) -> torch.Tensor:
        asked.append(1)
        return logits(x, tau)

    monkeypatch.setattr(flow, "logits", counted)
    options = FlowMapOptions(target="teacher", jumps=3)
    keeping, forgetful = (SemigroupDistillation(flow, options, keep=keep) for keep in (True, False))
    tokens = language.sample(16, generator=torch.Generator().manual_seed(0))

    def loss(objective: SemigroupDistillation, batch: int, numbered: bool = True) -> float:
        draws = torch.Generator().manual_seed(batch)
        return float(objective(flow_map, tokens, StepContext(draws, batch=batch if numbered else None)).loss)

    first = [loss(keeping, batch) for batch in (1, 2)]
    so_far = len(asked)
    assert [loss(keeping, batch) for batch in (1, 2)] == first
    assert len(asked) == so_far
    assert first == pytest.approx([loss(forgetful, batch) for batch in (1, 2)], abs=1e-3)
    assert len(asked) == 2 * so_far
    loss(keeping, 1, numbered=False)  # of a batch without a number nothing tells that it comes again
    assert len(asked) == 5 * so_far // 2


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


@pytest.mark.parametrize(
    "kind",
    [
        SemigroupDistillation,
        LagrangianDistillation,
        EulerianDistillation,
        SimplexLagrangianDistillation,
        SimplexEulerianDistillation,
    ],
)
@pytest.mark.parametrize("target", ["student", "ema"])
@pytest.mark.parametrize("bf16", [False, True])
def test_every_weight_is_trained_and_no_gradient_enters_the_target(
    flow: FlowLM,
    flow_map: FlowMapLM,
    language: Language,
    generator: torch.Generator,
    kind: type[FlowMapObjective],
    target: str,
    bf16: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under autocast too: weights cast while gradients are off must not be reused where they are on."""
    targets: list[torch.Tensor] = []
    objective = kind(flow, FlowMapOptions(target=target))  # type: ignore[arg-type]
    made = objective.target

    def kept(*args: Any) -> torch.Tensor:
        targets.append(made(*args))
        return targets[-1]

    monkeypatch.setattr(objective, "target", kept)
    averaged = copy.deepcopy(flow_map).requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16, cache_enabled=False):
        result = objective(flow_map, language.sample(16, generator=generator), StepContext(generator, averaged))
    result.loss.backward()
    without = [name for name, p in flow_map.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert without == []
    assert not targets[0].requires_grad
    assert all(p.grad is None for p in flow.parameters())


def test_a_batch_in_parts_makes_as_many_boundary_jumps_as_a_whole_one(flow: FlowLM) -> None:
    objective = SemigroupDistillation(flow, FlowMapOptions(diagonal_fraction=0.5, boundary_every=8))
    generator = torch.Generator().manual_seed(0)

    def boundaries(rows: int, times: int) -> int:
        drawn = [objective._times(rows, rows, generator, torch.device("cpu")) for _ in range(times)]
        return sum(int(((s[rows:] == 0) & (t[rows:] == 1)).sum()) for s, t in drawn)

    assert boundaries(64, 10) == 80
    assert boundaries(2, 320) == pytest.approx(80, abs=25)  # drawn with chance 1/4: a deviation of 7.7


def test_targets_are_made_without_dropout(language: Language) -> None:
    """The student drops out, its targets do not: they would change from one look to the next."""
    flow = tiny_flow(language, dropout=0.5)
    student = FlowMapLM.from_flow_lm(flow).train()
    objective = SemigroupDistillation(flow)
    x, zero = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(4)
    rows = language.sample(2, generator=torch.Generator().manual_seed(0))
    looks = [objective.targets(student, x, zero, zero + 1, rows, NOTHING) for _ in range(2)]
    assert torch.equal(*looks)
    assert student.training
    assert not torch.equal(student.logits(x, zero, zero), student.logits(x, zero, zero))


def test_bad_options_are_named(flow: FlowLM, flow_map: FlowMapLM, language: Language) -> None:
    for options, message in [
        ({"diagonal_fraction": 1.0}, "`diagonal_fraction` is 1.0"),
        ({"boundary_every": -1}, "`boundary_every` is -1"),
        ({"target": "other"}, "`target` is 'other'"),
    ]:
        with pytest.raises(ValueError, match=message):
            FlowMapOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`target` 'ema' needs the averaged student"):
        SemigroupDistillation(flow, FlowMapOptions(target="ema"))(flow_map, language.tokens, NOTHING)
    with pytest.raises(ValueError, match="needs a teacher"):
        SemigroupDistillation(None, FlowMapOptions(target="teacher"))
    with pytest.raises(ValueError, match="change as it learns"):
        SemigroupDistillation(flow, FlowMapOptions(target="ema"), keep=True)
    with pytest.raises(ValueError, match=r"makes 0 of 3 texts diagonal"):
        SemigroupDistillation(flow, FlowMapOptions(diagonal_fraction=0.1))(flow_map, language.tokens, NOTHING)


# --- Lagrangian and Eulerian: derivatives -------------------------------------------------------

TIMES = [(0.0, 0.4), (0.1, 0.5), (0.3, 0.6), (0.0, 0.7), (0.45, 0.55)]


def exact_jumps(language: Language) -> tuple[PerfectFlowMap, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The exact flow map, and states on its paths at the starts of some jumps: x (B, L, V), s, t (B,), float64."""
    perfect = PerfectFlowMap(language, tolerance=1e-9, max_substeps=256)
    generator = torch.Generator().manual_seed(0)
    data = one_hot(language.sample(len(TIMES), generator=generator), language.vocab_size, torch.float64)
    s, t = torch.tensor(TIMES, dtype=torch.float64).T
    return perfect, interpolate(torch.randn(data.shape, generator=generator).double(), data, s), s, t


def test_the_lagrangian_target_of_the_exact_flow_map_is_itself(language: Language) -> None:
    perfect, x, s, t = exact_jumps(language)
    h = 1e-4
    slope = (perfect.two_time_denoiser(x, s, t + h) - perfect.two_time_denoiser(x, s, t - h)) / (2 * h)
    target = lagrangian_target(perfect.denoiser(perfect.flow_map(x, s, t), t), slope, s, t)
    delta = perfect.two_time_denoiser(x, s, t)
    assert float((target - delta).abs().max()) < 1e-5
    assert float((perfect.denoiser(perfect.flow_map(x, s, t), t) - delta).abs().max()) > 0.05  # the slope matters


def test_the_eulerian_target_of_the_exact_flow_map_is_itself(language: Language) -> None:
    """The slope along the flow: x moves by D_s(x) - x while s moves by 1 - s."""
    perfect, x, s, t = exact_jumps(language)
    x, s, t = x[1:3], s[1:3], t[1:3]  # s > 0, for steps to both sides
    denoiser, h = perfect.denoiser(x, s), 1e-4
    ahead, behind = (perfect.two_time_denoiser(x + k * (denoiser - x), s + k * (1 - s), t) for k in (h, -h))
    slope, delta = (ahead - behind) / (2 * h), perfect.two_time_denoiser(x, s, t)
    assert float((eulerian_target(denoiser, delta, slope, s, t) - delta).abs().max()) < 1e-5
    share = ((t - s) / (1 - t))[:, None, None]
    assert float((denoiser + share * slope - delta).abs().max()) < 1e-5  # as the paper writes it
    assert float((denoiser - delta).abs().max()) > 0.05


def test_targets_at_the_ends_are_finite_and_sum_to_one(language: Language) -> None:
    """At t = 1 the Lagrangian asks for the denoiser where the jump lands; at s = t both for the denoiser here."""
    a, b = (torch.randn(3, 3, 3).softmax(-1) for _ in range(2))
    slope = torch.randn(3, 3, 3)
    slope -= slope.mean(-1, keepdim=True)
    s, t = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([1.0, 0.5, 1.0])
    lagrangian, eulerian = lagrangian_target(a, slope, s, t), eulerian_target(a, b, slope, s, t)
    assert torch.equal(lagrangian, a)
    assert torch.equal(eulerian[1:], a[1:])
    for target in (lagrangian, eulerian):
        assert torch.allclose(target.sum(-1), torch.ones(3, 3), atol=1e-5)
        assert bool((onto_simplex(target) >= 0).all())
        assert torch.allclose(onto_simplex(target).sum(-1), torch.ones(3, 3), atol=1e-5)
    assert torch.allclose(onto_simplex(b), b)


@pytest.mark.parametrize("length", [3, 300])
def test_derivatives_of_the_network_are_finite_differences(language: Language, length: int) -> None:
    """In the mixing times, although the network is told tau; long rows take other attention kernels."""
    long = Language("long", language.words, language.tokens.repeat(1, length // 3), language.probabilities)
    check_derivatives(tiny_flow(long))


def check_derivatives(flow: FlowLM) -> None:
    """Compare what a student of this flow is taught by derivatives with finite differences."""
    student = flow.new_flow_map()
    torch.nn.init.normal_(parts(student).second_time_embedding.last.weight, std=0.3)
    student.eval()
    shape = (2, flow.length, flow.vocab_size)
    x, s, t, h = torch.randn(shape), torch.tensor([0.2, 0.3]), torch.tensor([0.5, 0.6]), 1e-2
    tau_s, tau_t = student.schedule.tau(s), student.schedule.tau(t)
    zero = torch.zeros(2)
    with torch.no_grad():
        value, slope = derivative(
            two_time_denoiser_of(student), (x, tau_s, tau_t), (torch.zeros_like(x), zero, student.schedule.dtau_dt(t))
        )
        difference = (student.two_time_denoiser(x, s, t + h) - student.two_time_denoiser(x, s, t - h)) / (2 * h)
        assert torch.allclose(value, student.two_time_denoiser(x, s, t), atol=1e-5)
        assert float(slope.abs().max()) > 0.005
        assert torch.allclose(slope, difference, atol=0.02 * float(slope.abs().max()))
        target = LagrangianDistillation(flow).target(student, x, tau_s, tau_t, NOTHING)
        landing = flow.denoiser(student.flow_map(x, s, t), t)
        assert torch.allclose(target, onto_simplex(lagrangian_target(landing, difference, s, t)), atol=5e-3)
        denoiser = flow.denoiser(x, s)
        ahead, behind = (student.two_time_denoiser(x + k * (denoiser - x), s + k * (1 - s), t) for k in (h, -h))
        along = eulerian_target(denoiser, value, (ahead - behind) / (2 * h), s, t)
        target = EulerianDistillation(flow).target(student, x, tau_s, tau_t, NOTHING)
        assert torch.allclose(target, onto_simplex(along), atol=5e-3)


def test_without_a_teacher_the_diagonal_learns_from_data(flow: FlowLM, flow_map: FlowMapLM, language: Language) -> None:
    """The diagonal loss is the flow's own cross-entropy, with the same draws."""
    tokens = language.sample(16, generator=torch.Generator().manual_seed(1))
    alone = SemigroupDistillation(None)
    parts = alone(flow_map, tokens, StepContext(torch.Generator().manual_seed(2))).parts
    again = torch.Generator().manual_seed(2)
    tau, _ = alone._times(8, 8, again, torch.device("cpu"))
    data = one_hot(tokens, 3)
    x = interpolate(torch.randn(data.shape, generator=again), data, flow_map.schedule.t(tau))
    log_p = flow_map.logits(x, tau, tau).log_softmax(-1)
    assert float(parts["diagonal_kl"]) == pytest.approx(float(-(data * log_p).sum(-1)[:8].mean()), abs=1e-5)
    assert torch.allclose(alone.denoiser(flow_map, x, tau), log_p.exp(), atol=1e-6)
    assert torch.equal(SemigroupDistillation(flow).denoiser(flow_map, x, tau), flow.logits(x, tau).softmax(-1))
