"""TrajectoryPlayer in a real browser: what it shows is what was recorded."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from flm_edu.grammar import load_language
from flm_edu.language_model import load_model
from flm_edu.oracle import PerfectMasked
from flm_edu.widgets import TrajectoryPlayer
from tests.browser.conftest import get, picture, put, until

WIDGET = "document.querySelector('#widget-0').flm"


@pytest.fixture(scope="module")
def player() -> TrajectoryPlayer:
    language = load_language("sentences")
    models = {"FMLM": load_model("sentences-fmlm"), "masked": PerfectMasked(language)}
    return TrajectoryPlayer(models, language=language, evaluations=(1, 4), samples=3)


def test_the_cells_are_the_recording(open_widget: Callable[..., Any], player: TrajectoryPlayer) -> None:
    page = open_widget(player)
    model = load_model("sentences-fmlm")
    way = model.sample(3, 4, generator=torch.Generator().manual_seed(0), record=True)
    rows = page.locator("table").first.locator("tr")
    assert rows.count() == 5
    language = load_language("sentences")
    for sample in (0, 2):
        put(page, sample=sample)
        for row in (0, 4):
            cells = rows.nth(row).locator("td").all_inner_texts()
            assert cells == [language.words[token] for token in way.tokens[row, sample].tolist()]
    run = f"{WIDGET}.shownRuns()[0]"
    five = page.evaluate(f"{WIDGET}.likeliest({run}, 0, 1)")  # of the sample shown, step 1, position 2
    assert [chance for _, chance in five] == pytest.approx(way.likelihoods[0, 2, 1].tolist())


def test_mouse_and_keyboard_move_it(open_widget: Callable[..., Any], player: TrajectoryPlayer) -> None:
    page = open_widget(player, width=480, theme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    pictures = {picture(page, ".flm")}
    page.get_by_label("time", exact=True).press("Home")
    until(
        page, "[...document.querySelector('table').querySelectorAll('tr')].at(-1).querySelector('td').innerText === '·'"
    )
    pictures.add(picture(page, ".flm"))
    page.get_by_label("network evaluations", exact=True).select_option("1")
    until(page, "document.querySelector('table').querySelectorAll('tr').length === 2")
    page.get_by_label("time", exact=True).press("End")
    pictures.add(picture(page, ".flm"))
    page.get_by_label("text", exact=True).press("ArrowRight")
    assert get(page, "sample") == 1
    pictures.add(picture(page, ".flm"))
    page.locator("td").nth(1).hover()
    picture(page, ".flm")
    assert "FMLM, step 1, position 2: " in page.locator(".flm-five").inner_text()
    table = page.locator("table").nth(1)
    table.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
        pictures.add(picture(page, ".flm"))
    assert "masked, step 1, position 3: " in page.locator(".flm-five").inner_text()
    assert page.locator(".flm-five").inner_text().count("25.0%") == 4, "the four heroes are equally likely"
    assert len(pictures) == 7
