"""Flows that read noise through a softmax: what the network is shown, their students, how they are kept and asked for."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from flm_edu.cli import app
from flm_edu.extensions.path import PathMapLM
from flm_edu.extensions.soft_reader import SoftFlowLM, SoftFlowMapLM, soften
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.grammar import load_listed
from flm_edu.language import Language
from flm_edu.language_model import load_model
from flm_edu.methods import DISTILLATIONS, TRAINABLE
from flm_edu.objectives import (
    EulerianDistillation,
    LagrangianDistillation,
    SemigroupDistillation,
    SimplexEulerianDistillation,
    SimplexLagrangianDistillation,
)
from flm_edu.training import TrainConfig, Trainer
from tests.conftest import old_config, tiny_flow
from tests.test_objectives import check_derivatives


def softly(flow: FlowLM) -> SoftFlowLM:
    """The same weights, read through a softmax."""
    soft = SoftFlowLM(flow.config, flow.tokenizer)
    soft.network.load_state_dict(flow.network.state_dict())
    return soft.eval()


@pytest.fixture
def soft(flow: FlowLM) -> SoftFlowLM:
    return softly(flow)


def test_what_is_seen_is_a_point_of_the_simplex_that_keeps_the_noise(soft: SoftFlowLM) -> None:
    """What differs between the entries of a row is still all there."""
    x, tau = torch.randn(5, 3, 3), torch.linspace(0, 1, 5)
    seen = soften(x, soft.schedule, tau)
    assert torch.allclose(seen.sum(-1), torch.ones(5, 3))
    assert torch.equal(seen.argmax(-1), x.argmax(-1))
    assert bool(soft.logits(x, tau).isfinite().all())
    temperature = 2 * (1 - soft.schedule.t(tau[:1])) / torch.tensor(3.0).log()
    again = seen[0].log() * temperature
    assert torch.allclose(again - again.mean(-1, keepdim=True), x[0] - x[0].mean(-1, keepdim=True), atol=1e-5)


def test_a_student_reads_as_its_teacher_does(soft: SoftFlowLM, flow: FlowLM) -> None:
    x, t = torch.randn(5, 3, 3), torch.linspace(0, 0.9, 5)
    student = soft.new_flow_map()
    assert type(student) is SoftFlowMapLM
    assert torch.allclose(student.denoiser(x, t), soft.denoiser(x, t), atol=1e-6)
    assert not torch.allclose(soft.denoiser(x, t), flow.denoiser(x, t), atol=1e-3)


def test_its_derivatives_are_finite_differences(language: Language) -> None:
    """Those of the softmax, too, whose temperature changes with the time."""
    check_derivatives(softly(tiny_flow(language)))


def test_what_is_saved_is_what_is_loaded(soft: SoftFlowLM, tmp_path: Path) -> None:
    for model, kind in ((soft, "soft-flow-lm"), (soft.new_flow_map().eval(), "soft-flow-map-lm")):
        model.save_pretrained(tmp_path / kind)
        assert json.loads((tmp_path / kind / "config.json").read_text())["model"] == kind
        again = load_model(tmp_path / kind)
        assert type(again) is type(model)
        draws = [m.sample(4, 3, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
        assert torch.equal(*draws)
    assert isinstance(FlowLM.from_pretrained(tmp_path / "soft-flow-lm"), SoftFlowLM), "it is a flow"
    assert isinstance(FlowMapLM.from_pretrained(tmp_path / "soft-flow-map-lm"), SoftFlowMapLM)


@pytest.mark.parametrize("reader", ["soft", "linear"])
def test_directories_of_version_0_1_load_as_the_right_class(soft: SoftFlowLM, tmp_path: Path, reader: str) -> None:
    """There the reader was a setting of every flow."""
    is_soft = reader == "soft"
    flows: list[tuple[Any, str, type[Any]]] = [
        (soft, "flow-lm", SoftFlowLM if is_soft else FlowLM),
        (soft.new_flow_map(), "flow-map-lm", SoftFlowMapLM if is_soft else FlowMapLM),
    ]
    for model, kind, expected in flows:
        model.save_pretrained(tmp_path / kind)
        old_config(tmp_path / kind, kind, reader=reader, two_times=kind == "flow-map-lm")
        again = load_model(tmp_path / kind)
        assert type(again) is expected
        assert again.config == model.config
        assert again.settings() == {"schedule": "decoding-error"}


def test_a_path_map_of_a_soft_flow_of_version_0_1_is_told_to_be_neither(language: Language, tmp_path: Path) -> None:
    """It could be made there; nothing here can read it, and what it is not must not be loaded in its place."""
    student = DISTILLATIONS["path"].student
    assert student is not None
    model = student(tiny_flow(language))
    assert type(model) is PathMapLM
    model.save_pretrained(tmp_path)
    old_config(tmp_path, "flow-map-lm", reader="soft", two_times=True, guesses=True, unit_attention=True)
    with pytest.raises(ValueError, match=r"config\.json.*does not know"):
        load_model(tmp_path)


def test_it_is_trained_and_distilled_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TRAINABLE["soft-flow"].model is SoftFlowLM
    monkeypatch.chdir(tmp_path)
    small = ("--width", "16", "--heads", "2", "--blocks", "1", "--warmup", "2")
    short = ("--steps", "4", "--batch", "16")
    train = ("train", "--model", "soft-flow", "--language", "cities", "--schedule", "uniform", "--out", "flm")
    for command in ((*train, *small), ("distill", "--teacher", "flm", "--out", "fmlm")):
        result = CliRunner().invoke(app, [*command, *short])
        assert result.exit_code == 0, result.output
    teacher, student = load_model("flm"), load_model("fmlm")
    assert (teacher.kind, student.kind) == ("soft-flow-lm", "soft-flow-map-lm")
    assert student.settings() == {"schedule": "uniform"}
    assert "fmlm" in CliRunner().invoke(app, ["evaluate", "flm", "fmlm", "--steps", "1", "--n", "10"]).stdout


@pytest.mark.slow
def test_it_learns_a_language(tmp_path: Path) -> None:
    cities = load_listed("cities")
    model = softly(tiny_flow(cities, width=32, absolute_positions=True))
    objective = TRAINABLE["soft-flow"].objective
    assert objective is not None
    Trainer(model, cities, objective, TrainConfig(steps=300, batch=64, warmup=20, ema=0.98)).run()
    assert cities.validity(model.sample(500, 32, generator=torch.Generator().manual_seed(0))) > 0.95


@pytest.mark.cuda
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
def test_its_flow_map_learns_on_cuda(soft: SoftFlowLM, language: Language, kind: Any) -> None:
    student = soft.new_flow_map()
    Trainer(student, language, kind(soft), TrainConfig(steps=4, batch=8, accumulate=2, warmup=2)).run()
    assert bool(student.sample(4, 1, generator=torch.Generator("cuda").manual_seed(0)).ge(0).all())
