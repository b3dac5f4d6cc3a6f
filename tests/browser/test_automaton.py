"""AutomatonExplorer in a real browser: its weights are Automaton.posterior's, whichever part of the evidence they take."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from flm_edu.automaton import Automaton
from flm_edu.compiler import compile_rules
from flm_edu.grammar import load_language, read_rules
from flm_edu.interpolant import one_hot
from flm_edu.oracle import PerfectFlow
from flm_edu.widgets import AutomatonExplorer, tick_tock
from flm_edu.widgets.automaton import ERRAND
from tests.browser.conftest import get, picture, put

WIDGET = "document.querySelector('#widget-0').flm"
PLAIN = "value => JSON.parse(JSON.stringify(value, (_, v) => ArrayBuffer.isView(v) ? Array.from(v) : v))"


def weights(page: Any) -> dict[str, Any]:
    """All that the browser has computed of the noisy text."""
    found: dict[str, Any] = page.evaluate(f"({PLAIN})({WIDGET}.noisy())")
    return found


def noise_of(widget: AutomatonExplorer, graph: Automaton) -> Tensor:
    size = graph.length * graph.vocab_size
    values = torch.frombuffer(bytearray(widget.arrays), dtype=torch.float32)[:size]
    return values.double().view(1, graph.length, graph.vocab_size)


def by_word(graph: Automaton, position: int, edges: Any) -> Tensor:
    """Add edges' weights up to words': (V,)."""
    weight = torch.as_tensor(edges, dtype=torch.float64)
    return torch.zeros(graph.vocab_size, dtype=torch.float64).index_add(0, graph.layers[position].token, weight)


def test_the_weights_are_the_automatons(open_widget: Callable[..., Any]) -> None:
    graph = compile_rules(read_rules(ERRAND), "an errand")
    flow = PerfectFlow(graph)
    widget = AutomatonExplorer()
    noise, page = noise_of(widget, graph), open_widget(widget)
    for text, tokens in list(zip(widget.texts, widget.language["tokens"], strict=True))[:3]:
        data = one_hot(torch.tensor([tokens]), graph.vocab_size, torch.float64)
        for tau in (0.0, 0.1, 0.4, 0.7, 0.95, 1.0):
            put(page, text=text, tau=tau)
            now = weights(page)
            t = torch.tensor([now["t"]], dtype=torch.float64)
            assert abs(float(t - flow.schedule.t(torch.tensor([tau], dtype=torch.float64)))) < 1e-6
            x = (1 - t) * noise + t * data
            theirs = torch.tensor(now["posterior"], dtype=torch.float64)
            assert float((theirs - flow.denoiser(x, t)[0]).abs().max()) < 1e-6, (text, tau)
            evidence = x * (t / (1 - t) ** 2).clamp_max(1e12)
            assert float((theirs - graph.posterior(evidence)[0]).abs().max()) < 1e-6, (text, tau)
            for position in range(graph.length):
                edges = now["edges"][position]
                # The words before alone: the posterior of a text of which no more is known.
                known = evidence.clone()
                known[:, position:] = 0
                forward = by_word(graph, position, edges["forward"])
                assert float((forward - graph.posterior(known)[0, position]).abs().max()) < 1e-6
                # The words after alone: with the language's own weight of each edge they are all that is known.
                known = evidence.clone()
                known[:, : position + 1] = 0
                said = torch.tensor(edges["backward"], dtype=torch.float64)
                backward = by_word(graph, position, prior_weights(graph, position) * said)
                backward /= backward.sum()
                assert float((backward - graph.posterior(known)[0, position]).abs().max()) < 1e-6
                assert sum(edges["both"]) == pytest.approx(1)


def prior_weights(graph: Automaton, position: int) -> Tensor:
    """How often the language's texts take each edge of a position: (E,)."""
    here = torch.ones(1, dtype=torch.float64)
    for layer in graph.layers[:position]:
        mass = here[layer.source] * layer.log_probability.exp()
        here = torch.zeros(layer.states[1], dtype=torch.float64).index_add(0, layer.target, mass)
    layer = graph.layers[position]
    return here[layer.source] * layer.log_probability.exp()


def test_states_hold_the_weight_that_flows_into_them(open_widget: Callable[..., Any]) -> None:
    graph = compile_rules(read_rules(ERRAND), "an errand")
    now = weights(open_widget(AutomatonExplorer(tau=0.5)))
    for position, layer in enumerate(graph.layers):
        both = torch.tensor(now["edges"][position]["both"], dtype=torch.float64)
        for column, ends in ((position, layer.source), (position + 1, layer.target)):
            states = torch.tensor(now["states"][column]["both"], dtype=torch.float64)
            torch.testing.assert_close(torch.zeros_like(states).index_add(0, ends, both), states)


def test_the_noise_stays_as_it_clears(open_widget: Callable[..., Any]) -> None:
    """At the end every position has its own word; on the way back the weights are those of before."""
    page = open_widget(AutomatonExplorer(tau=0.3))
    before = weights(page)
    put(page, tau=1)
    end = weights(page)
    assert [row[word] for row, word in zip(end["posterior"], end["text"], strict=True)] == [1] * 7
    put(page, tau=0.3)
    assert weights(page) == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_mouse_and_keyboard_choose(open_widget: Callable[..., Any], theme: str) -> None:
    page = open_widget(AutomatonExplorer(), width=480, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    assert "48 texts through 27 states and 42 edges" in page.locator(".flm-caption").inner_text()
    readout, canvas = page.locator(".flm-readout"), page.locator("canvas").first
    pictures, bars = {picture(page)}, {picture(page, "canvas >> nth=1")}

    def seen() -> None:
        for kept, selector in ((pictures, "canvas"), (bars, "canvas >> nth=1")):
            kept.add(picture(page, selector))

    x = page.evaluate(f"({WIDGET}.placed().x[1] + {WIDGET}.placed().x[2]) / 2")
    canvas.click(position={"x": x, "y": 30})
    assert get(page, "position") == 2
    seen()
    assert "the posterior at position 2: " in readout.inner_text()
    for key, position in (("ArrowRight", 3), ("Home", 1), ("ArrowLeft", 1), ("End", 7), ("ArrowRight", 7)):
        canvas.press(key)
        assert get(page, "position") == position
    seen()
    page.get_by_label("position", exact=True).press("ArrowLeft")
    assert get(page, "position") == 6
    seen()
    assert len(pictures) == len(bars) == 4
    for kind in ("forward", "backward"):
        page.get_by_label("an edge shows", exact=True).select_option(kind)
        assert get(page, "shows") == kind
        seen()
    assert len(pictures) == 6
    assert len(bars) == 4, "the posterior is the posterior, whatever an edge shows"
    label = page.locator("canvas").nth(1).get_attribute("aria-label")
    assert label.startswith("Posterior at position 6: found ")
    texts = get(page, "texts")
    page.get_by_label("clean text", exact=True).select_option(texts[2])
    seen()
    page.get_by_label("τ", exact=True).press("End")
    seen()
    assert len(pictures) == 8
    assert "100.0%" in readout.inner_text()
    assert "at 7 of 7 positions" in readout.inner_text()


def test_a_narrow_picture_follows_the_position(open_widget: Callable[..., Any]) -> None:
    page = open_widget(AutomatonExplorer(position=1), width=320)
    scrolled = "document.querySelector('.flm-scroll').scrollLeft"
    assert page.evaluate(scrolled) == 0
    page.locator("canvas").first.press("End")
    assert page.evaluate(scrolled) > 0


@pytest.mark.parametrize(
    "language", [tick_tock(), load_language("drinks"), load_language("sentences")], ids=lambda x: x.name
)
def test_odd_states_of_any_small_language_are_drawn(open_widget: Callable[..., Any], language: Any) -> None:
    page = open_widget(AutomatonExplorer(language), width=480, theme="dark")
    painted = page.evaluate(f"{WIDGET}.painted")
    for state in (
        {"position": 12, "tau": 0}, {"position": 1, "tau": 1}, {"shows": "backward", "tau": 1},
        {"text": "no such text", "tau": 1e-12}, {"shows": "forward", "tau": 1 - 1e-9},
    ):  # fmt: skip
        put(page, **state)
        for row in weights(page)["posterior"]:
            assert sum(row) == pytest.approx(1), state
    assert page.evaluate(f"{WIDGET}.painted") >= painted + 5
    length = len(page.evaluate(f"{WIDGET}.noisy().text"))
    put(page, position=12)
    assert f"position {length}" in page.locator(".flm-readout").inner_text()
