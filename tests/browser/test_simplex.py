"""SimplexExplorer in a real browser: its mathematics is the oracle's, and its controls do what they say."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from flm_edu.interpolant import interpolate, one_hot
from flm_edu.language import Language
from flm_edu.oracle import PerfectFlow, PerfectFlowMap
from flm_edu.schedule import DecodingErrorSchedule
from flm_edu.widgets import SimplexExplorer, three_words, tick_tock
from tests.browser.conftest import get, picture, put, until
from tests.conftest import tiny_flow

Open = Callable[..., Any]
FLOW = "document.querySelector('#widget-0').flm"


FOUR = Language.from_sentences(["tea", "milk", "juice", "water"], [0.4, 0.3, 0.2, 0.1], name="four words")


@pytest.mark.parametrize("language", [three_words(), tick_tock(), FOUR], ids=lambda language: language.name)
def test_the_mathematics_is_the_oracles(open_widget: Open, language: Language) -> None:
    """Denoiser at random points, flow map between random times, Euler's ends: all read out of the page."""
    page = open_widget(SimplexExplorer(language, particles=100))
    size = language.vocab_size
    shape = (-1, language.length, size)
    noise = torch.tensor(page.evaluate(f"Array.from({FLOW}.noise.subarray(0, {100 * size * language.length}))")).view(
        shape
    )
    drawn = torch.randn(2000, language.length, size, generator=torch.Generator().manual_seed(0))[:100]
    torch.testing.assert_close(noise, drawn)

    flow = PerfectFlow(language)
    data = one_hot(language.sample(100, generator=torch.Generator().manual_seed(1)), size)
    for s, t in [(0.0, 1.0), (0.0, 0.6), (0.3, 0.8), (0.55, 0.7)]:
        s_batch, t_batch = torch.full((100,), s).double(), torch.full((100,), t).double()
        x = interpolate(noise, data, s_batch)
        theirs = page.evaluate(f"x => Array.from({FLOW}.flow.denoiser(x, {s}))", x.flatten().tolist())
        assert float((torch.tensor(theirs).view(shape) - flow.denoiser(x, s_batch)).abs().max()) < 1e-6
        theirs = page.evaluate(f"x => Array.from({FLOW}.flow.flowMap(x, {s}, {t}))", x.flatten().tolist())
        fine, _ = PerfectFlowMap(language, tolerance=1e-9, max_substeps=1024).solve(x, s_batch, t_batch)
        # Where two texts' cells meet no grid is fine enough: compare where a coarser one will do for the oracle.
        sure = PerfectFlowMap(language).solve(x, s_batch, t_batch)[1] < 1e-3
        assert sure.double().mean() > 0.8
        assert float((torch.tensor(theirs).view(shape) - fine).abs().amax((-2, -1))[sure].max()) < 1e-4

    for schedule in ("decoding-error", "uniform"):
        for steps in (1, 2, 5):
            put(page, schedule=schedule, steps=steps)
            theirs = page.evaluate(f"Array.from({FLOW}.steppedWay('euler', 100).states.at(-1))")
            exact = PerfectFlow(language, schedule)  # type: ignore[arg-type]
            way = exact.sample(len(drawn), steps, noise=drawn.double(), record=True, keep_states=True)
            assert way.states is not None
            assert float((torch.tensor(theirs).view(shape) - way.states[-1]).abs().max()) < 1e-4


def test_the_clock_is_pythons(open_widget: Open) -> None:
    page = open_widget(SimplexExplorer())
    clock = DecodingErrorSchedule(3)
    tau = torch.linspace(0, 1, 41, dtype=torch.float64)
    theirs = page.evaluate(f"tau => tau.map({FLOW}.clocks['decoding-error'].t)", tau.tolist())
    assert float((torch.tensor(theirs, dtype=torch.float64) - clock.t(tau)).abs().max()) < 1e-6


def test_few_euler_steps_lead_astray_and_one_jump_does_not(open_widget: Open) -> None:
    page = open_widget(SimplexExplorer(tick_tock(), model="euler", steps=2))
    readout = page.locator(".flm-readout")
    assert "Euler, 2 steps: " in readout.inner_text()
    astray = int(readout.inner_text().split(": ")[1].split()[0])
    assert 10 < astray < 60  # the oracle's share is 5.9% of 500
    assert "✗" in page.locator(".flm-legend").inner_text()
    page.get_by_label("model", exact=True).select_option("flow-map")
    page.get_by_label("steps", exact=True).fill("0")
    assert get(page, "steps") == 1
    until(page, "document.querySelector('.flm-readout').textContent.startsWith('Flow map, 1 jump: 0 of 500')")


def test_mouse_and_keyboard_move_it(open_widget: Open) -> None:
    page = open_widget(SimplexExplorer(), width=480)
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    pictures = {picture(page)}
    time = page.get_by_label("time", exact=True)
    time.focus()
    page.keyboard.press("Home")
    assert get(page, "time") == 0
    pictures.add(picture(page))
    page.keyboard.press("PageUp")
    assert 0 < get(page, "time") < 0.5
    pictures.add(picture(page))
    for label, name in {"trails": "trails", "velocity arrows": "arrows", "likeliest word (tint)": "regions"}.items():
        before = get(page, name)
        page.get_by_label(label, exact=True).press("Space")
        assert get(page, name) is not before
        pictures.add(picture(page))
    page.locator("canvas").hover(position={"x": 100, "y": 60})
    pictures.add(picture(page))
    page.locator("canvas").click(position={"x": 300, "y": 200})
    assert get(page, "watched") >= 0
    pictures.add(picture(page))
    assert len(pictures) == 8, "each of these must change the picture"


def test_playing_ends_at_the_words(open_widget: Open) -> None:
    page = open_widget(SimplexExplorer(particles=50))
    page.get_by_role("button", name="play").press("Enter")
    until(page, f"{FLOW}.model.get('time') > 0.05 && {FLOW}.model.get('time') < 0.9")
    page.get_by_role("button", name="pause").click()
    held = get(page, "time")
    page.wait_for_timeout(100)
    assert get(page, "time") == held
    page.get_by_label("time", exact=True).press("End")
    assert get(page, "time") == 1


def test_a_trained_models_way_is_shown(open_widget: Open) -> None:
    language = three_words()
    model = tiny_flow(language)
    page = open_widget(SimplexExplorer(language, trained=model, model="trained"))
    tokens = model.sample(2000, 32, generator=torch.Generator().manual_seed(0))[:300]
    ends = page.evaluate(f"{FLOW}.currentWay().ends")
    assert (torch.tensor(ends) == tokens).double().mean() > 0.99  # float32 sums of another batch size may round a tie
    assert "Trained FLM" in page.locator(".flm-readout").inner_text()
    put(page, particles=5)
    assert " of 5 particles" in page.locator(".flm-readout").inner_text()


def test_themes_differ_and_messages_show(open_widget: Open) -> None:
    light = picture(open_widget(SimplexExplorer()))
    assert light == picture(open_widget(SimplexExplorer(theme="light"), theme="dark"))
    page = open_widget(SimplexExplorer(steps=1000), theme="dark")
    assert picture(page) != light
    assert "steps is 1000; shown with 64" in page.get_by_role("alert").inner_text()


def test_four_words_are_a_tetrahedron_that_turns(open_widget: Open) -> None:
    page = open_widget(SimplexExplorer(FOUR), width=480)
    pictures = {picture(page)}
    page.get_by_label("turn", exact=True).press("ArrowRight")
    assert get(page, "turn") == 41
    pictures.add(picture(page))
    page.locator("canvas").scroll_into_view_if_needed()
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 60)
    page.mouse.up()
    assert get(page, "turn") == 101
    assert get(page, "watched") == -1, "a drag is no click"
    pictures.add(picture(page))
    page.mouse.click(box["x"] + 160, box["y"] + 60)
    assert get(page, "watched") >= 0
    assert len(pictures) == 3
