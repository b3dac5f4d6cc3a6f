"""Few-step distillation of the discrete models: targets against exact teachers, and rounds on disk."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from flm_edu.baselines import MaskedLM, UniformLM
from flm_edu.baselines.dcd import DiscreteConsistency
from flm_edu.baselines.rounds import RoundOptions, divergence
from flm_edu.baselines.sdtt import SelfDistillationThroughTime, two_step_target
from flm_edu.interpolant import interpolate, one_hot
from flm_edu.language import Language
from flm_edu.objectives import FlowMapOptions, StepContext
from flm_edu.oracle import PerfectMasked
from flm_edu.schedule import DecodingErrorSchedule
from flm_edu.training import TrainConfig, Trainer
from flm_edu.training.distillation import distillation
from tests.baselines.test_discrete_models import tiny


def test_divergences_are_the_two_directions_of_kl(generator: torch.Generator) -> None:
    p, q = (torch.randn(5, 4, generator=generator).log_softmax(-1) for _ in range(2))
    forward = torch.nn.functional.kl_div(p, q, log_target=True, reduction="none").sum(-1)  # KL(q || p)
    assert torch.allclose(divergence(p, q, "forward"), forward, atol=1e-6)
    assert torch.allclose(divergence(q, p, "reverse"), forward, atol=1e-6)


def exact_masked(language: Language) -> Any:
    perfect = PerfectMasked(language)
    return SimpleNamespace(logits=lambda tokens, known: perfect._defined(perfect.posterior(tokens, known)).log())


def test_two_steps_of_an_exact_teacher_are_on_average_its_one(generator: torch.Generator) -> None:
    """The tower rule: what it says after reading its own first draws is, on average, what it said before."""
    language = Language.from_sentences(["a a", "b b", "b c"], [0.5, 0.3, 0.2])
    teacher, n = exact_masked(language), 40_000
    tokens, known = torch.zeros(n, 2, dtype=torch.long), torch.zeros(n, 2, dtype=torch.bool)
    target = two_step_target(teacher, tokens, known, torch.full((n,), 0.5), generator).exp()
    posterior = teacher.logits(tokens[:1], known[:1])[0].exp()
    assert torch.allclose(target.mean(0), posterior, atol=0.01)
    # A token left hidden while the other was written knows it: a written "a" makes the other "a" for sure.
    assert bool((target[:, 1, 0] > 0.99).any())


def test_what_is_uncovered_keeps_the_prediction_it_was_drawn_from(language: Language) -> None:
    """Chance 1 uncovers all: the target is the first prediction; chance 0 none: nothing new is known."""
    teacher = exact_masked(language)
    known = torch.tensor([[True, False, False]]).expand(3, 3)
    first = teacher.logits(language.tokens, known).exp()
    for chance in (torch.ones(3), torch.zeros(3)):
        target = two_step_target(teacher, language.tokens, known, chance, torch.Generator().manual_seed(0)).exp()
        assert torch.allclose(target[:, 1:], first[:, 1:])


def test_the_path_of_tokens_is_one_path(generator: torch.Generator) -> None:
    """From the noise's argmax to the clean token, changing once: the clean entry only ever gains."""
    clean, noise = torch.randint(9, (64, 5), generator=generator), torch.randn(64, 5, 9, generator=generator)
    schedule, data = DecodingErrorSchedule(9), one_hot(clean, 9)
    path = [interpolate(noise, data, schedule.t(a)).argmax(-1) for a in torch.linspace(0, 1, 21)]
    assert torch.equal(path[0], noise.argmax(-1))
    assert torch.equal(path[-1], clean)
    found = torch.stack([tokens == clean for tokens in path]).int()
    assert bool((found.diff(dim=0) >= 0).all())
    others = torch.stack([torch.where(tokens == clean, noise.argmax(-1), tokens) for tokens in path])
    assert bool((others == noise.argmax(-1)).all())


@pytest.mark.parametrize("kind", [MaskedLM, UniformLM])
def test_a_student_that_is_its_teacher_after_no_step_has_no_loss(kind: Any, language: Language) -> None:
    """With steps so short that teacher and student see the same text, there is nothing left to learn."""
    teacher = tiny(kind, language)
    student = copy.deepcopy(teacher)
    make: Any = SelfDistillationThroughTime if kind is MaskedLM else DiscreteConsistency
    rows = language.sample(64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        losses = [
            float(make(teacher, steps)(student, rows, StepContext(torch.Generator().manual_seed(2))).loss)
            for steps in (2, 10**6)
        ]
    assert losses[0] > 1e-3
    assert abs(losses[1]) < 1e-5


def test_rounds_halve_the_steps_and_leave_every_student_on_disk(language: Language, tmp_path: Path) -> None:
    config = TrainConfig(steps=12, batch=8, warmup=1)

    def trainers(directory: Path) -> Any:
        return distillation(
            "sdtt", tiny(MaskedLM, language), language, config, directory, preset=FlowMapOptions(),
            recipe={"rounds": 3, "teacher_steps": 16},
        )  # fmt: skip

    for trainer in trainers(tmp_path / "whole"):
        trainer.run()
    facts = [
        json.loads((tmp_path / "whole" / place / "provenance.json").read_text()) for place in ("round-1", "round-2", "")
    ]
    assert [f["objective"]["teacher_steps"] for f in facts] == [16, 8, 4]
    assert [f["steps"] for f in facts] == [4, 4, 4]
    # Stopped after the first round and resumed: the same student in the end.
    next(trainers(tmp_path / "resumed")).run()
    for trainer in trainers(tmp_path / "resumed"):
        if trainer.has_saved_state:
            trainer.resume()
        trainer.run()
    ends = [MaskedLM.from_pretrained(tmp_path / name).network.state_dict() for name in ("whole", "resumed")]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 0}, "`rounds` is 0"),
        ({"rounds": 3, "teacher_steps": 4}, "a multiple of 8"),
        ({"rounds": 2, "teacher_steps": 6}, "a multiple of 4"),
        ({"divergence": "both"}, "`divergence` is 'both'"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RoundOptions(**options)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "method"), [(MaskedLM, "sdtt"), (UniformLM, "dcd")])
def test_distilled_models_need_fewer_steps(kind: Any, method: str, language: Language, tmp_path: Path) -> None:
    from tests.baselines.test_discrete_models import FAMILIES

    teacher = tiny(kind, language)
    objective: Any = FAMILIES[kind]
    Trainer(teacher, language, objective, TrainConfig(steps=400, batch=64, warmup=20, ema=0.98)).run()
    config = TrainConfig(steps=400, batch=64, warmup=20, ema=0.98)
    recipe = {"rounds": 2, "teacher_steps": 4}
    for trainer in distillation(method, teacher, language, config, tmp_path, preset=FlowMapOptions(), recipe=recipe):
        trainer.run()
    before, after = (
        language.validity(model.sample(2000, 1, generator=torch.Generator().manual_seed(0)))
        for model in (teacher, kind.from_pretrained(tmp_path))
    )
    assert after > before + 0.1
