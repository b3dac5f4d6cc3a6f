"""Any order: times for every position change nothing where they agree, and given words are known from the start."""

import copy
import itertools
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from flm_edu import load_model
from flm_edu.any_order import AnyOrderLM
from flm_edu.flow import FlowMapLM
from flm_edu.grammar import load_listed
from flm_edu.interpolant import one_hot
from flm_edu.language import Language
from flm_edu.methods import DISTILLATIONS
from flm_edu.network import NetworkConfig
from flm_edu.objectives import AnyOrderSemigroup, FlowMapOptions, StepContext
from flm_edu.oracle import PerfectMasked
from flm_edu.training import TrainConfig, Trainer

LANGUAGE = load_listed("sentences")
ALONE = AnyOrderSemigroup(None, FlowMapOptions(target="ema"))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def like_shipped() -> AnyOrderLM:
    """The shipped flow map, read as one of any order."""
    shipped = load_model("sentences-fmlm")
    assert isinstance(shipped, FlowMapLM)
    return AnyOrderLM.from_flow_map(shipped)


def test_one_time_for_all_positions_is_a_flow_map(like_shipped: AnyOrderLM) -> None:
    shipped = load_model("sentences-fmlm")
    assert isinstance(shipped, FlowMapLM)
    x, s = like_shipped.draw_noise(6, seeded()), torch.rand(6, generator=seeded())
    t = s + (1 - s) / 2
    with torch.no_grad():
        apart = like_shipped.two_time_denoiser(x, *(time[:, None].expand(x.shape[:2]) for time in (s, t)))
        assert torch.equal(like_shipped.two_time_denoiser(x, s, t), shipped.two_time_denoiser(x, s, t))
        assert torch.allclose(apart, shipped.two_time_denoiser(x, s, t), atol=1e-5)
    for sampler in shipped.SAMPLERS:
        drawn = [model.sample(6, 3, sampler=sampler, generator=seeded()) for model in (like_shipped, shipped)]
        assert torch.equal(*drawn)


def test_at_the_start_it_is_the_bound_of_masked_diffusion(language: Language) -> None:
    """At s = t = 0 a noisy word says nothing. With the exact posterior the mean loss is then the entropy."""
    perfect, objective, length = PerfectMasked(language), AnyOrderSemigroup(None), language.length
    target, mean = one_hot(language.tokens, language.vocab_size), 0.0
    for noisy in itertools.product([False, True], repeat=length):
        known = ~torch.tensor(noisy).expand_as(language.tokens)
        logits = perfect.posterior(language.tokens, known).clamp_min(1e-30).log()
        each = objective.distance(target, logits, known.float())  # (N,)
        mean += float((language.probabilities * each).sum()) / (length * math.comb(length, sum(noisy)))
    assert mean == pytest.approx(language.entropy / length, abs=1e-6)


def test_any_number_of_noisy_words_is_as_likely() -> None:
    n, length = 6000, 5
    times = torch.rand(2, n, generator=seeded()).sort(0).values
    start, end = AnyOrderSemigroup(None).of_positions(
        (times[0], times[1]), torch.zeros(n, length, dtype=torch.long), seeded()
    )
    noisy = start < 1
    assert torch.bincount(noisy.sum(-1), minlength=length + 1).tolist() == [0] + [n // length] * length
    assert torch.allclose(noisy.float().mean(0), torch.full((length,), 0.6), atol=0.03), "each word as often"
    for tau, value in zip(times, (start, end), strict=True):
        assert torch.equal(value, torch.where(noisy, tau[:, None], 1.0))


@pytest.mark.parametrize("sampler", AnyOrderLM.SAMPLERS)
def test_given_words_are_clean_and_known_at_every_step(like_shipped: AnyOrderLM, sampler: str) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    model = copy.copy(like_shipped)

    class Spy(AnyOrderLM):
        def logits(self, x: Tensor, tau_s: Tensor, tau_t: Tensor) -> Tensor:
            seen.append((x, tau_s))
            return super().logits(x, tau_s, tau_t)

    model.__class__ = Spy
    given = torch.full((LANGUAGE.length,), -1)
    given[:3] = LANGUAGE.tokens[5, :3]
    tokens = model.sample(4, 3, sampler=sampler, given=given, generator=seeded())
    assert torch.equal(tokens[:, :3], given[:3].expand(4, -1))
    assert len(seen) == 3
    for x, tau in seen:
        assert torch.equal(x[:, :3].argmax(-1), given[:3].expand(4, -1))
        assert torch.equal(x[:, :3].sum(-1), torch.ones(4, 3))
        assert bool((tau[:, :3] == 1).all())
    assert like_shipped.known is None
    way = model.sample(4, 3, sampler=sampler, given=given, generator=seeded(), record=True)
    assert torch.equal(way.tokens[:, :, :3], given[:3].expand(4, 4, -1)), "nothing else is thought of in their places"


@pytest.mark.parametrize("rounds", [1, 2, 3, 10])
def test_refinement_keeps_what_it_kept_and_ends_with_everything(like_shipped: AnyOrderLM, rounds: int) -> None:
    way = like_shipped.sample(20, rounds, sampler="refinement", generator=seeded(), record=True)
    assert len(way.tau) == rounds + 1
    kept = (way.confidences == 1) & (way.likelihoods[..., 1] == 0)  # (rounds + 1, B, L)
    for number in range(rounds):
        before = kept[number]
        assert torch.equal(way.tokens[number][before], way.final_tokens[before])
        assert bool((kept[number + 1] | ~before).all())
        left = LANGUAGE.length - before.sum(-1)
        assert bool((kept[number + 1].sum(-1) - before.sum(-1) >= (left / (rounds - number)).ceil()).all())
    assert bool(kept[-1].all())
    same = like_shipped.sample(20, rounds, sampler="refinement", generator=seeded())
    assert torch.equal(same, way.final_tokens)
    with pytest.raises(ValueError, match="takes the likeliest word"):
        like_shipped.sample(1, 1, sampler="refinement", temperature=0.5)


BEGUN = torch.where(torch.arange(LANGUAGE.length) < 3, LANGUAGE.tokens[0], -1)  # the first three words of a text


def test_words_known_from_the_start_are_worth_more_than_clamped_ones(like_shipped: AnyOrderLM) -> None:
    clamped = load_model("sentences-fmlm").sample(200, 1, given=BEGUN, generator=seeded())
    known = like_shipped.sample(200, 1, given=BEGUN, generator=seeded())
    assert LANGUAGE.validity(known) > LANGUAGE.validity(clamped) + 0.2


def test_some_training_teaches_it_to_think_again(like_shipped: AnyOrderLM) -> None:
    model = copy.deepcopy(like_shipped)
    config = TrainConfig(steps=60, batch=64, ema=0.95, lr=1e-3, muon_lr=0.01, warmup=5)

    def valid() -> float:
        return LANGUAGE.validity(model.sample(300, 4, sampler="refinement", given=BEGUN, generator=seeded()))

    before = valid()
    Trainer(model, LANGUAGE, ALONE, config).run()
    assert valid() > before + 0.02


def test_the_objective_asks_nothing_of_clean_words(like_shipped: AnyOrderLM) -> None:
    target, logits = (torch.randn(4, 3, 5, generator=seeded()) for _ in range(2))
    tau = torch.tensor([0.0, 0.5, 1.0]).expand(4, -1)
    each = AnyOrderSemigroup(None).distance(target.softmax(-1), logits, tau)
    logits[:, 2] += 1 + torch.arange(5)
    assert torch.equal(AnyOrderSemigroup(None).distance(target.softmax(-1), logits, tau), each)
    loss = AnyOrderSemigroup(None)(like_shipped, LANGUAGE.sample(16, generator=seeded()), StepContext(seeded()))
    assert set(loss.parts) == {"diagonal_kl", "semigroup_kl"}
    assert loss.loss.isfinite()
    assert loss.loss > 0


def test_a_student_starts_at_its_teacher(like_shipped: AnyOrderLM) -> None:
    """Which gives its denoiser with some words clean; the teacher's steps, or a frozen map's jumps, may be the target."""
    method = DISTILLATIONS["any-order"]
    assert method.student is not None
    student = method.student(like_shipped)
    assert all(parameter.requires_grad for parameter in student.parameters())
    tokens = LANGUAGE.sample(16, generator=seeded())
    for target in ("student", "init", "teacher"):
        objective = method.objective(like_shipped, FlowMapOptions(target=target, jumps=4), student, keep=False)
        loss = objective(student, tokens, StepContext(seeded()))
        assert loss.parts["diagonal_kl"] == pytest.approx(0, abs=1e-5)
        assert loss.parts["semigroup_kl"] > 1e-4
        loss.loss.backward()
    assert not any(parameter.requires_grad for parameter in like_shipped.parameters()), "the teacher stays"


def test_training_from_nothing_learns_to_fill_gaps(language: Language) -> None:
    torch.manual_seed(0)
    model = AnyOrderLM(NetworkConfig(language.vocab_size, language.length, 32, 2, 2, 16, absolute_positions=True))
    Trainer(model, language, ALONE, TrainConfig(steps=200, batch=64, warmup=5, ema=0.9)).run()
    given = language.sample(300, generator=seeded()).clone()
    given[:, 0] = -1
    given[::2, 1] = -1
    for sampler in ("ode", "refinement"):
        assert language.validity(model.sample(300, 2, sampler=sampler, given=given, generator=seeded())) > 0.95


def test_it_trains_from_the_command_line_and_loads(tmp_path: Path) -> None:
    def call(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flm_edu", *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    train = ("train", "--language", "sentences", "--steps", "2", "--batch", "8")
    call(*train, "--model", "any-order", "--init", "sentences-fmlm", "--out", "any")
    model = load_model(tmp_path / "any")
    assert isinstance(model, AnyOrderLM)
    assert model.provenance["init"]["corpus"] == "sentences"
    assert model.provenance["objective"]["target"] == "ema"
    assert "the old" in call("sample", "any@refinement", "--steps", "2", "--prompt", "the old _ opens")
    assert "another network or clock" in call(
        *train, "--model", "any-order", "--init", "sentences-flm", "--out", "other", code=2
    )
    assert isinstance(model.config, NetworkConfig)
