"""FlowMapExplorer in a real browser: exact jumps compose, a trained map's are those of the model."""

from collections.abc import Callable
from typing import Any

import torch

from flm_edu.flow import FlowMapLM
from flm_edu.interpolant import flow_map_from_two_time_denoiser
from flm_edu.oracle import PerfectFlowMap
from flm_edu.widgets import FlowMapExplorer, three_words
from tests.browser.conftest import get, picture, put, until
from tests.conftest import tiny_flow

WIDGET = "document.querySelector('#widget-0').flm"


def test_exact_jumps_compose_and_the_denoisers_do_not(open_widget: Callable[..., Any]) -> None:
    page = open_widget(FlowMapExplorer())
    exact = [page.evaluate(f"{WIDGET}.compose('exact', {s}, {u}, {t}, {i}).gap") for s, u, t, i in TIMES]
    untrained = [page.evaluate(f"{WIDGET}.compose('denoiser', {s}, {u}, {t}, {i}).gap") for s, u, t, i in TIMES]
    assert max(exact) < 2e-4
    assert min(untrained) > 0.02
    table = page.evaluate(f"{WIDGET}.errorTable('denoiser')")
    assert table[0][10] == max(value for row in table for value in row if value is not None), (
        "the longest jump is worst"
    )
    assert all(table[k][k] == 0 for k in range(11))


TIMES = [(0, 5, 10, 0), (1, 4, 9, 3), (2, 5, 8, 7)]


def test_a_trained_maps_jumps_are_the_models(open_widget: Callable[..., Any]) -> None:
    language = three_words()
    model = FlowMapLM.from_flow_lm(tiny_flow(language))
    torch.nn.init.normal_(model.network.second_time_embedding.last.weight, std=0.3)  # type: ignore[union-attr, arg-type]
    model.eval()
    page = open_widget(FlowMapExplorer(language, trained=model, map="trained"))
    exact = PerfectFlowMap(language)
    noise = torch.randn(32, 1, 3, generator=torch.Generator().manual_seed(0))
    for s, u, t, i in TIMES:
        ours = page.evaluate(
            f"(r => [r.landed, r.landedTwice].map(x => Array.from(x)))({WIDGET}.compose('trained', {s}, {u}, {t}, {i}))"
        )
        a, b, c = (exact.schedule.t(torch.tensor([k / 10], dtype=torch.float64)).float() for k in (s, u, t))
        x = exact.flow_map(noise[i : i + 1], torch.zeros(1), a).float()

        def jump(x: torch.Tensor, s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return flow_map_from_two_time_denoiser(model.two_time_denoiser(x, s, t), x, s, t)

        with torch.no_grad():
            expected = torch.stack([jump(x, a, c), jump(jump(x, a, b), b, c)])[:, 0, 0]
        assert float((torch.tensor(ours) - expected).abs().max()) < 1e-4


def test_mouse_and_keyboard_move_it(open_widget: Callable[..., Any]) -> None:
    page = open_widget(FlowMapExplorer(), width=480, theme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    pictures = {picture(page)}
    page.get_by_label("u", exact=True).press("ArrowRight")
    assert get(page, "u") == 6
    pictures.add(picture(page))
    heat = page.evaluate(f"{WIDGET}.heat()")
    page.locator("canvas").click(
        position={"x": heat["left"] + 2.5 * heat["cell"], "y": heat["top"] + 3.5 * heat["cell"]}
    )
    assert (get(page, "s"), get(page, "t")) == (2, 7)
    pictures.add(picture(page))
    page.get_by_label("map", exact=True).select_option("exact")
    pictures.add(picture(page))
    assert "Gap between one jump and two: 0.000" in page.locator(".flm-readout").inner_text()
    assert len(pictures) == 4


def test_the_times_stay_in_order(open_widget: Callable[..., Any]) -> None:
    """What a slider says is what the picture shows: one that is moved takes those in its way along."""
    page = open_widget(FlowMapExplorer(), width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320

    def move(slider: str, key: str, then: tuple[int, int, int]) -> None:
        page.get_by_label(slider, exact=True).press(key)
        times = " → ".join(f"{k / 10:g}" for k in then)
        until(page, f"document.querySelector('.flm-readout').textContent.startsWith('s → u → t: {times}, in τ')")
        assert tuple(get(page, name) for name in "sut") == then
        shown = [page.get_by_label(name, exact=True).input_value() for name in "sut"]
        assert shown == [str(k) for k in then]

    move("s", "End", (10, 10, 10))
    move("u", "Home", (0, 0, 10))
    move("t", "Home", (0, 0, 0))
    move("u", "ArrowRight", (0, 1, 1))


def test_colours_mean_the_same_for_every_map(open_widget: Callable[..., Any]) -> None:
    """The same distance is the same colour, and the scale says which, whichever map is shown."""
    page = open_widget(FlowMapExplorer())
    heat = page.evaluate(f"{WIDGET}.heat()")
    tables = {name: page.evaluate(f"{WIDGET}.errorTable('{name}')") for name in ("denoiser", "exact", "trained")}
    largest = max(value for table in tables.values() for row in table for value in row if value is not None)
    assert largest <= heat["most"] < largest + 0.1
    for name, table in tables.items():
        put(page, map=name)
        assert page.evaluate(f"{WIDGET}.heat().most") == heat["most"]
        for s, t in [(1, 10), (3, 10), (2, 6)]:
            x, y = heat["left"] + (s + 0.5) * heat["cell"], heat["top"] + (10 - t + 0.5) * heat["cell"]
            red, green, blue, _ = page.evaluate(
                f"Array.from(document.querySelector('canvas').getContext('2d').getImageData({x}, {y}, 1, 1).data)"
            )
            ground, ink = page.evaluate(
                "(({ look }) => [look.themes.light.card, look.families['flow-map-lm'].color])"
                "({ look: document.querySelector('#widget-0').flm.model.get('look') })"
            )
            share = table[s][t] / heat["most"]
            for got, at in zip((red, green, blue), (1, 3, 5), strict=True):
                low, high = int(ground[at : at + 2], 16), int(ink[at : at + 2], 16)
                assert abs(got - (low + share * (high - low))) < 3, (name, s, t)
