"""Quality at equal diversity: temperatures make a line, and models are compared where it has the data's entropy."""

import math

import pytest

from flm_edu.evaluation import Point, sweep
from flm_edu.evaluation.frontier import at_entropy
from flm_edu.flow import FlowLM
from flm_edu.language import Language
from flm_edu.oracle import PerfectAutoregressive
from flm_edu.plots import curves, screen
from flm_edu.plots.table import table


def point(temperature: float | None, entropy: float, perplexity: float, steps: int = 8) -> Point:
    return Point(
        "m",
        "masked",
        steps,
        10,
        1.0,
        entropy=entropy,
        judge_perplexity=perplexity,
        validity=0.5,
        temperature=temperature,
    )


def test_between_two_temperatures_a_perplexity_is_interpolated_by_its_logarithm() -> None:
    line = [point(1.0, 3.0, 400.0), point(0.5, 2.0, 100.0), point(None, 2.5, 7.0), point(0.5, 2.0, 5.0, steps=1)]
    found = at_entropy(line, "judge_perplexity", 2.5)
    assert found == {("m", 8): pytest.approx(math.sqrt(100 * 400)), ("m", 1): None}
    assert at_entropy(line, "validity", 2.25)["m", 8] == 0.5
    assert at_entropy(line, "judge_perplexity", 3.0)["m", 8] == pytest.approx(400)
    assert at_entropy(line, "judge_perplexity", 3.01)["m", 8] is None


def test_a_sweep_over_temperatures_leaves_alone_what_draws_no_word(language: Language, flow: FlowLM) -> None:
    models = {"bridge": flow, "ode": flow, "ar": PerfectAutoregressive(language)}
    points = sweep(models, language, [2], samplers={"bridge": "bridge"}, temperatures=[0.5, 1.0], samples=20)
    seen = [(one.model, one.temperature) for one in points[1:]]
    assert seen == [("bridge", 0.5), ("bridge", 1.0), ("ode", None), ("ar", 0.5), ("ar", 1.0)]
    assert "temp." in table(points)[0]
    for theme in ("light", "dark"):
        axes = curves.quality_against_entropy(points, "validity", theme).axes[0]  # type: ignore[arg-type]
        labels = axes.get_legend_handles_labels()[1]
        assert labels[:3] == ["ode, steps 2", "bridge, steps 2", f"ar, steps {language.length}"]
        assert {text.get_text() for text in axes.texts} == {"0.5", "1"}
    assert "entropy" in screen.quality_against_entropy(points).layout.xaxis.title.text


def test_at_temperature_one_the_language_itself_is_written() -> None:
    language = Language.from_sentences([f"{a} {b} {a}" for a in "abcd" for b in "xyz"], [8, *[1] * 11])
    points = sweep({"ar": PerfectAutoregressive(language)}, language, [3], temperatures=[0.2, 1.0, 3.0], samples=400)
    cold, exact, hot = (one.total_variation or 0.0 for one in points[1:])
    assert exact < cold - 0.1
    assert exact < hot - 0.05
