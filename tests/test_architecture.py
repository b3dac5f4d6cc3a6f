"""Any network will do: a perceptron that the package does not know of is trained, distilled, saved and measured."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from flm_edu import load_model
from flm_edu.architecture import Architecture, Network, Role, count_weights
from flm_edu.baselines import AutoregressiveLM, MaskedLM, UniformLM
from flm_edu.evaluation import sweep
from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.interpolant import batch_time, one_hot
from flm_edu.language import Language
from flm_edu.language_model import LanguageModel
from flm_edu.methods import DISTILLATIONS, TRAINABLE, size_like
from flm_edu.model_files import ModelError
from flm_edu.objectives import SemigroupDistillation, flow_matching
from flm_edu.settings import setting
from flm_edu.training import TrainConfig, Trainer


@dataclass(frozen=True)
class PerceptronSizes(Architecture):
    architecture: ClassVar[str] = "perceptron of the tests"

    hidden: int = setting(128, "Hidden units.", "[1, inf)")

    def build(self, role: Role) -> Network:
        return Perceptron(self, role)


class Perceptron(Network):
    def __init__(self, sizes: PerceptronSizes, role: Role):
        super().__init__()
        self.shape, read = (sizes.length, sizes.vocab_size), sizes.vocab_size + role.extra_tokens
        self.first = nn.Linear(sizes.length * read, sizes.hidden)
        self.times = nn.ModuleList(nn.Linear(1, sizes.hidden, bias=False) for _ in range(1 + role.two_times))
        self.last = nn.Linear(sizes.hidden, sizes.length * sizes.vocab_size)
        self.read = read

    def forward(self, x: Tensor, tau_s: Tensor, tau_t: Tensor | None = None) -> Tensor:
        hidden = self.first((x if x.ndim == 3 else one_hot(x, self.read)).flatten(1))
        for layer, tau in zip(self.times, (tau_s, tau_t), strict=False):
            assert tau is not None
            hidden = hidden + layer(batch_time(tau, x).float()[:, None])
        return self.last(hidden.relu()).view(-1, *self.shape)


#: Words drawn each on its own make a text half the time; the likeliest word at each place makes "a q", which is none.
PAIRS = Language.from_sentences(["a p", "b q", "c q"], [0.4, 0.3, 0.3], name="pairs")
SIZES = PerceptronSizes(PAIRS.vocab_size, PAIRS.length)
LEARN = TrainConfig(steps=600, batch=64, warmup=20, lr=5e-3, ema=0.98, precision="float32")


@pytest.fixture(scope="module")
def flow() -> FlowLM:
    torch.manual_seed(0)
    model = FlowLM(SIZES, PAIRS.tokenizer)
    Trainer(model, PAIRS, flow_matching, LEARN).run()
    return model


@pytest.fixture(scope="module")
def flow_map(flow: FlowLM) -> FlowMapLM:
    torch.manual_seed(0)
    student = FlowMapLM.from_flow_lm(flow)
    Trainer(student, PAIRS, SemigroupDistillation(flow), LEARN).run()
    return student


def valid(model: LanguageModel, steps: int) -> float:
    return PAIRS.validity(model.sample(1000, steps, generator=torch.Generator().manual_seed(0)))


def test_it_is_trained_as_a_flow(flow: FlowLM) -> None:
    assert valid(flow, 32) > 0.95


def test_it_is_distilled_into_its_flow_map(flow: FlowLM, flow_map: FlowMapLM) -> None:
    assert count_weights(flow_map.network) == count_weights(flow.network) + SIZES.hidden
    assert valid(flow, 1) < 0.75
    assert valid(flow_map, 1) > 0.9
    one_step = flow_map.sample(2000, 1, generator=torch.Generator().manual_seed(1))
    assert PAIRS.total_variation(one_step) < 0.1


def test_a_student_has_the_weights_of_its_teacher(flow: FlowLM) -> None:
    student = FlowMapLM.from_flow_lm(flow)
    ours, theirs = student.network.state_dict(), flow.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert ours.keys() - theirs.keys() == {"times.1.weight"}


@pytest.mark.parametrize("method", [name for name, one in DISTILLATIONS.items() if one.alone])
def test_every_equation_of_a_flow_map_takes_it(flow: FlowLM, method: str) -> None:
    student = flow.new_flow_map()
    Trainer(student, PAIRS, DISTILLATIONS[method].objective(flow), TrainConfig(steps=3, batch=16)).run()
    assert all(bool(p.isfinite().all()) for p in student.parameters())


@pytest.mark.parametrize("kind", [MaskedLM, UniformLM])
def test_it_is_trained_as_a_discrete_model(kind: type[LanguageModel], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = kind(SIZES, PAIRS.tokenizer)
    objective = {one.model: one.objective for one in TRAINABLE.values()}[kind]
    assert objective is not None
    Trainer(model, PAIRS, objective, LEARN, directory=tmp_path).run()
    assert valid(model, 64) > 0.9
    assert valid(load_model(tmp_path), 64) == valid(model, 64)


def test_it_is_saved_and_loaded(flow: FlowLM, flow_map: FlowMapLM, tmp_path: Path) -> None:
    for model in (flow, flow_map):
        place = tmp_path / model.kind
        model.save_pretrained(place)
        written = json.loads((place / "config.json").read_text())["network"]
        assert written == {"architecture": "perceptron of the tests", "vocab_size": 5, "length": 2, "hidden": 128}
        again = load_model(place)
        assert type(again) is type(model)
        assert again.config == SIZES
        draws = [m.sample(8, 2, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
        assert torch.equal(*draws)


def test_a_network_that_nobody_knows_is_named(flow: FlowLM, tmp_path: Path) -> None:
    """Its module may only not have been imported: nothing is damaged."""
    flow.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace("perceptron of the tests", "perceptron of another"))
    with pytest.raises(ModelError, match=r"architecture 'perceptron of another'") as told:
        load_model(tmp_path)
    assert "damaged" not in str(told.value)


def test_it_is_measured_beside_others(flow: FlowLM, flow_map: FlowMapLM) -> None:
    points = sweep({"flow": flow, "map": flow_map}, PAIRS, [1, 4], samples=100)
    assert [(point.model, point.steps) for point in points[1:]] == [
        (name, steps) for name in ("flow", "map") for steps in (1, 4)
    ]
    assert [point.evaluations for point in points[1:]] == [1, 4, 1, 4]
    assert [point.weights for point in points[1::2]] == [count_weights(m.network) for m in (flow, flow_map)]


def test_without_a_memory_it_does_not_write_from_left_to_right() -> None:
    model = AutoregressiveLM(SIZES, PAIRS.tokenizer)
    with pytest.raises(ValueError, match="Perceptron has no memory, so it cannot write from left to right"):
        model.sample(1, 1)


def test_sizes_are_checked_and_named() -> None:
    with pytest.raises(ValueError, match="`hidden` is 0; it must be at least 1"):
        PerceptronSizes(4, 2, hidden=0)
    with pytest.raises(ValueError, match="`vocab_size` is 1"):
        PerceptronSizes(1, 2)
    with pytest.raises(ValueError, match="has no `time_width` that could be fitted"):
        size_like(FlowLM(SIZES), FlowLM)
