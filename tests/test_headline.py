"""The comparison that all leads to: one step of a flow map beside eight of everything else, on the same footing."""

import csv

import pytest
import torch

from flm_edu.files import data_dir
from flm_edu.language import load_language
from flm_edu.models import load_model
from flm_edu.tradeoff import Point, load_sweep

COMPARED = ("sentences",)
DISCRETE = ("masked", "sdtt", "uniform", "dcd")  # by ancestral sampling
OTHER_SAMPLERS = ("masked@confidence", "uniform@greedy-tail", "dcd@greedy-tail")


def measured(data: str) -> dict[tuple[str, int], Point]:
    """The committed sweep of all families: by name without the language, and steps."""
    points = load_sweep(data_dir() / "sweeps" / f"{data}-families.json")
    return {(point.model.removeprefix(f"{data}-"), point.steps): point for point in points}


def valid(point: Point) -> float:
    assert point.validity is not None
    return point.validity


@pytest.mark.parametrize("data", COMPARED)
def test_all_have_the_same_size_and_have_read_as_much(data: str) -> None:
    points = {name: point for (name, _), point in measured(data).items() if point.weights is not None}
    assert points.keys() == {"fmlm", "flm", "ar", *DISCRETE, *OTHER_SAMPLERS}
    sizes = {name: point.weights or 0 for name, point in points.items()}
    assert sizes.pop("flm") < sizes["fmlm"]  # it has one time embedding less, so the odds are against it
    assert max(sizes.values()) < 1.02 * min(sizes.values()), sizes
    tokens = {name.partition("@")[0]: point.training_tokens for name, point in points.items()}
    assert tokens["flm"] == tokens["ar"] == tokens["masked"] == tokens["uniform"]  # trained from scratch
    assert tokens["fmlm"] == tokens["sdtt"] == tokens["dcd"]  # and distilled from one of those


@pytest.mark.parametrize("data", COMPARED)
def test_one_step_of_the_flow_map_beats_eight_of_the_discrete_models(data: str) -> None:
    points = measured(data)
    ours = points["fmlm", 1]
    assert ours.evaluations == 1
    for name in DISCRETE:
        theirs = points[name, 8]
        assert valid(ours) > valid(theirs), name
        assert ours.entropy > theirs.entropy - 0.01, name  # not by saying less
        assert ours.total_variation is not None
        assert theirs.total_variation is not None
        assert ours.total_variation < theirs.total_variation, name


@pytest.mark.parametrize("steps", [8, 16, 64])
@pytest.mark.parametrize("name", ["masked", "uniform"])
def test_the_discrete_models_are_no_straw_men(name: str, steps: int) -> None:
    points = measured("sentences")
    assert valid(points[name, steps]) > valid(points[f"perfect:{name}", steps]) - 0.03


def test_autoregression_has_learned_the_language() -> None:
    bound = measured("sentences")["ar", load_language("sentences").length].likelihood_bound
    assert bound is not None
    language = load_language("sentences")
    assert bound == pytest.approx(language.entropy / language.length, abs=0.02)


@pytest.mark.parametrize("data", COMPARED)
@pytest.mark.parametrize("name", ["masked", "uniform", "sdtt", "dcd"])
def test_the_shipped_weights_do_what_the_table_says(data: str, name: str) -> None:
    samples, committed = 400, valid(measured(data)[name, 8])
    tokens = load_model(f"{data}-{name}").sample(samples, 8, generator=torch.Generator().manual_seed(5))
    noise = 4 * (committed * (1 - committed) / samples) ** 0.5 + 0.01  # four standard errors
    assert load_language(data).validity(tokens) == pytest.approx(committed, abs=noise)


def ablations(file: str, question: str) -> dict[tuple[str, int], float]:
    """Share of valid texts by choice and steps, of the committed table of benchmarks/ablations.py."""
    with open(data_dir() / "sweeps" / f"{file}.csv", encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["question"].startswith(question)]
    assert {row["command"].split()[0] for row in rows} == {"ablations.py"}
    return {(row["choice"], int(row["steps"])): float(row["validity"]) for row in rows}


def test_the_lagrangian_equation_is_the_worst_in_one_step() -> None:
    """As in the paper; semigroup and Eulerian are within the noise of 1,000 samples of each other."""
    valid = ablations("ablations", "objective of the flow map")
    assert min(valid["semigroup", 1], valid["Eulerian", 1]) > valid["Lagrangian", 1] + 0.05


def test_a_velocity_with_squared_error_is_the_worst_of_the_losses() -> None:
    valid = ablations("ablations", "what the network predicts")
    choices = {choice for choice, _ in valid}
    for steps in (1, 16, 64):
        assert min(choices, key=lambda choice: valid[choice, steps]) == "velocity, squared error"
    assert max(choices, key=lambda choice: valid[choice, 1]) == "denoiser with softmax, cross-entropy"
