"""What every method minimises is what it was: six steps of each against losses and gradient norms that are kept.

A change that is meant to change a loss records them anew and says so in `provenance`, in the same file.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from flm_edu.flow import FlowLM, FlowMapLM
from flm_edu.grammar import load_language
from flm_edu.language_model import LanguageModel
from flm_edu.methods import DISTILLATIONS, TRAINABLE, self_distillation
from flm_edu.network import NetworkConfig
from flm_edu.objectives import FlowMapOptions
from flm_edu.training import TrainConfig, Trainer
from flm_edu.training.distillation import distillation
from tests.conftest import FIXTURES

RECORDED: dict[str, list[list[float]]] = json.loads((FIXTURES / "losses.json").read_text(encoding="utf-8"))["losses"]
CITIES = load_language("cities")
SIZES = NetworkConfig(CITIES.vocab_size, CITIES.length, 32, 2, 2, 16, absolute_positions=True)
SIX = TrainConfig(steps=6, batch=16, warmup=2, log_every=1, precision="float32")
PRESET = FlowMapOptions(boundary_every=4)

Losses = list[list[float]]


@pytest.fixture(scope="module", autouse=True)
def arithmetic() -> Iterator[None]:
    """As they were recorded: one thread, and Muon in float32 on any machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flm_edu.training.optimizers.natural_precision", lambda device: "float32")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def teacher() -> Callable[[str], Any]:
    """What makes the teacher of a name: trained for twenty steps, once, and given as a copy."""

    @cache
    def trained(name: str) -> LanguageModel:
        torch.manual_seed(1)
        what = TRAINABLE[name]
        assert what.objective is not None
        model = what.model(SIZES, CITIES.tokenizer)
        Trainer(model, CITIES, what.objective, replace(SIX, steps=20)).run()
        return model

    return lambda name: copy.deepcopy(trained(name))


@pytest.fixture(scope="module")
def init(teacher: Callable[[str], Any]) -> FlowMapLM:
    """A flow map to go on from: three steps after its teacher."""
    flow: FlowLM = teacher("flow")
    torch.manual_seed(0)
    student = flow.new_flow_map()
    Trainer(student, CITIES, DISTILLATIONS["semigroup"].objective(flow, FlowMapOptions()), replace(SIX, steps=3)).run()
    return student


def losses(trainer: Trainer) -> Losses:
    seen: Losses = []
    trainer.on_log = lambda record: seen.append([record["loss"], record["gradient_norm"]])
    trainer.run()
    return seen


def check(label: str, seen: Losses) -> None:
    torch.testing.assert_close(torch.tensor(seen), torch.tensor(RECORDED[label]), rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("name", [name for name, one in TRAINABLE.items() if one.objective is not None])
def test_training(name: str) -> None:
    torch.manual_seed(0)
    what = TRAINABLE[name]
    assert what.objective is not None
    check(name, losses(Trainer(what.model(SIZES, CITIES.tokenizer), CITIES, what.objective, SIX)))


@pytest.mark.parametrize("method", [name for name, one in DISTILLATIONS.items() if one.alone])
def test_a_flow_map_that_learns_alone(method: str) -> None:
    torch.manual_seed(0)
    model = FlowMapLM(SIZES, CITIES.tokenizer)
    check(f"flow-map, {method}", losses(Trainer(model, CITIES, self_distillation(method, PRESET), SIX)))


#: label -> method, its teacher, settings that differ, options of the method
DISTILLED: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "semigroup": ("semigroup", "flow", {}, {}),
    "semigroup, ema": ("semigroup", "flow", {}, {"target": "ema", "diagonal_fraction": 0.25}),
    "semigroup, init, kept": (
        "semigroup", "flow", {"cycle": 2}, {"target": "init", "jumps": 4, "boundary_every": 1},
    ),
    "semigroup, teacher, kept": (
        "semigroup", "flow", {"cycle": 2, "accumulate": 2}, {"target": "teacher", "jumps": 4},
    ),
    "path": ("path", "flow", {}, {}),
    "path, kept": ("path", "flow", {"cycle": 2}, {"jumps": 6, "boundary_every": 2}),
    "lagrangian": ("lagrangian", "flow", {}, {}),
    "eulerian": ("eulerian", "flow", {}, {}),
    "simplex-lagrangian": ("simplex-lagrangian", "flow", {}, {}),
    "simplex-eulerian": ("simplex-eulerian", "flow", {}, {}),
    "any-order, distilled": ("any-order", "any-order", {}, {"target": "teacher", "jumps": 4}),
    "sdtt": ("sdtt", "masked", {}, {"rounds": 2, "teacher_steps": 8}),
    "dcd": ("dcd", "uniform", {}, {"rounds": 2, "teacher_steps": 8, "divergence": "forward"}),
}  # fmt: skip


@pytest.mark.parametrize("label", DISTILLED)
def test_distillation(label: str, teacher: Callable[[str], Any], init: FlowMapLM, tmp_path: Path) -> None:
    method, teachers_name, changes, recipe = DISTILLED[label]
    start = copy.deepcopy(init) if recipe.get("target") == "init" else None
    taught_by = teacher(teachers_name)
    torch.manual_seed(0)  # of what a student has of its own
    seen: Losses = []
    trainers = distillation(
        method, taught_by, CITIES, replace(SIX, **changes), tmp_path, preset=PRESET, recipe=recipe, init=start
    )
    for trainer in trainers:
        trainer.directory = None  # nothing needs to be saved
        seen += losses(trainer)
    check(label, seen)


def test_every_method_is_recorded() -> None:
    trained = {name for name, one in TRAINABLE.items() if one.objective is not None}
    alone = {f"flow-map, {name}" for name, one in DISTILLATIONS.items() if one.alone}
    assert RECORDED.keys() == trained | alone | DISTILLED.keys()
    assert {method for method, *_ in DISTILLED.values()} == DISTILLATIONS.keys()
