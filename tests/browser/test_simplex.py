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


def test_what_does_not_apply_to_a_trained_model_is_disabled(open_widget: Open) -> None:
    """And says why: its way was recorded. Its own way takes the place of the exact flow's steps."""
    language = three_words()
    page = open_widget(SimplexExplorer(language, trained=tiny_flow(language), steps=4, particles=500))
    steps, spaced = (page.get_by_label(label, exact=True) for label in ("steps", "steps spaced in"))
    particles = page.get_by_label("particles", exact=True)
    assert steps.is_enabled()
    assert not steps.get_attribute("title")
    assert particles.input_value() == "500"
    page.get_by_label("model", exact=True).select_option("trained")
    for control in (steps, spaced):
        assert control.is_disabled()
        assert "recorded in 32 steps" in control.get_attribute("title")
    assert steps.get_attribute("aria-valuetext") == "32"
    assert (particles.get_attribute("max"), particles.input_value()) == ("300", "300")
    until(page, "document.querySelector('.flm-legend').textContent.includes('trained FLM, 32 steps → ')")
    assert "Euler" not in page.locator(".flm-legend").inner_text()
    page.get_by_label("model", exact=True).select_option("euler")
    assert steps.is_enabled()
    assert not steps.get_attribute("title")
    assert (steps.get_attribute("aria-valuetext"), particles.input_value()) == ("4", "500")


def controls(page: Any) -> list[str]:
    """The names of all that can be operated."""
    return list(
        page.locator("input, select, button").evaluate_all("all => all.map(one => one.ariaLabel ?? one.textContent)")
    )


@pytest.mark.parametrize("language", [three_words(), tick_tock()], ids=lambda language: language.name)
def test_the_first_stage_has_mixtures_and_their_time(open_widget: Open, language: Language) -> None:
    """Dots are the interpolant of noise and a text of the language, in the colour of that text; there are no lines."""
    page = open_widget(SimplexExplorer(language, stage="noise", time=0))
    assert controls(page) == ["▶ play", "mixing time t"]
    way = page.evaluate(f"(way => ({{ ...way, states: way.states.map(x => Array.from(x)) }}))({FLOW}.currentWay())")
    shape = (300, language.length, language.vocab_size)
    noise, corners = (torch.tensor(states).view(shape) for states in way["states"])
    drawn = torch.randn(2000, *shape[1:], generator=torch.Generator().manual_seed(0))[:300]
    texts = torch.tensor(way["ends"])
    torch.testing.assert_close(noise, drawn)
    torch.testing.assert_close(corners, one_hot(texts, language.vocab_size), check_dtype=False)
    assert texts.tolist() == [language.tokens[i].tolist() for i in way["textOfEnd"]]
    shares = torch.bincount(torch.tensor(way["textOfEnd"])) / 300
    assert float((shares - language.probabilities).abs().max()) < 0.09, "three standard errors of 300 draws"
    for time in (0.0, 0.5, 1.0):
        put(page, time=time)
        mixtures = interpolate(drawn, one_hot(texts, language.vocab_size), torch.full((300,), time))
        right = int((mixtures.argmax(-1) == texts).all(-1).sum())
        assert page.locator(".flm-readout").inner_text().startswith(f"t = {time:.2f}: {right} of 300 mixtures (")
    assert "→" not in page.locator(".flm-legend").inner_text()
    before = picture(page)
    page.locator("canvas").click(position={"x": 300, "y": 200})
    assert get(page, "watched") == -1
    assert picture(page) == before, "nothing is watched, and nothing told of the pointer"
    page.get_by_label("mixing time t", exact=True).press("Home")
    assert get(page, "time") == 0
    assert picture(page) != before


def test_each_stage_has_the_controls_and_lines_of_its_lesson(open_widget: Open) -> None:
    flow = open_widget(SimplexExplorer(three_words(), stage="flow"))
    assert controls(flow) == ["▶ play", "time", "model", "steps", "paths", "watch another noise"]
    legend = flow.locator(".flm-legend").inner_text()
    assert "one noise: exact flow → " in legend
    assert "Euler, 2 steps → " in legend
    assert "flow map" not in legend
    assert flow.get_by_label("model", exact=True).locator("option").count() == 2

    jumps = open_widget(SimplexExplorer(three_words(), stage="jumps"))
    assert controls(jumps) == ["▶ play", "time", "model", "jumps or steps", "watch another noise"]
    for steps, told in [(1, "1 jump"), (4, "4 jumps")]:
        put(jumps, steps=steps)
        assert f"flow map, {told} → " in jumps.locator(".flm-legend").inner_text()
        assert jumps.locator(".flm-readout").inner_text().startswith(f"Flow map, {told}: 0 of 300 noises")
    before = get(jumps, "watched")
    jumps.get_by_role("button", name="watch another noise").press("Enter")
    assert get(jumps, "watched") != before

    whole = open_widget(SimplexExplorer())
    assert len(controls(whole)) == 12


# Where each text of the picture lies: [text, whether it is bold, left, right, top, bottom, the canvas's width, height].
WRITTEN = """async () => {
  const told = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
    const { e, f } = this.getTransform();
    const { actualBoundingBoxLeft: left, actualBoundingBoxRight: right, actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } =
      this.measureText(text);
    const { clientWidth, clientHeight } = this.canvas;
    told.push([text, this.font.startsWith("600"), e + x - left, e + x + right, f + y - up, f + y + down, clientWidth, clientHeight]);
    fillText.call(this, text, x, y, ...rest);
  };
  document.querySelector('#widget-0').flm.draw();
  CanvasRenderingContext2D.prototype.fillText = fillText;
  return told;
}"""


@pytest.mark.parametrize("width", [320, 360, 480, 800])
@pytest.mark.parametrize("words", ["tick tock boom", "lemonade blackcurrant gooseberry"])
def test_no_label_is_cut(open_widget: Open, words: str, width: int) -> None:
    """Every word stands whole beside its corner, with its mark before it, at any width of a screen."""
    one, two, three = words.split()
    page = open_widget(
        SimplexExplorer(Language.from_sentences([f"{one} {two}", f"{two} {one}", f"{three} {three}"])), width=width
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    written = page.evaluate(WRITTEN)
    assert [text for text, *_ in written].count(one) == 4, "beside its corners and in the posteriors, of both positions"
    for text, bold, left, right, top, bottom, wide, high in written:
        assert left >= (13 if bold else 0), (text, left)  # a bold word has a mark before it
        assert right <= wide, (text, right, wide)
        assert top >= 0, (text, top)
        assert bottom <= high, (text, bottom)


def test_stacked_panels_answer_the_pointer(open_widget: Open) -> None:
    """On a narrow screen the second word's panel stands below the first's, and a click there finds its dots."""
    page = open_widget(SimplexExplorer(tick_tock(), time=0, particles=40), width=320)
    box = page.locator("canvas").bounding_box()
    assert box["height"] > 1.5 * box["width"]
    page.locator("canvas").click(position={"x": 140, "y": 100})
    first = get(page, "watched")
    page.locator("canvas").click(position={"x": 140, "y": box["height"] / 2 + 100})
    second = get(page, "watched")
    # The middles of both panels: in each the dot that is watched is the nearest at that position.
    noise = torch.tensor(page.evaluate(f"Array.from({FLOW}.noise.subarray(0, 40 * 6))")).view(40, 2, 3)
    angles = torch.tensor([-5 / 6, -1 / 6, 1 / 2]) * torch.pi
    plane = noise @ torch.stack([angles.cos(), angles.sin()], -1)
    x, y = page.evaluate(f"{FLOW}.locate([140, 100])")
    assert [first, second] == (plane - torch.tensor([x, y])).norm(dim=-1).argmin(0).tolist()


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
