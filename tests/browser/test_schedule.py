"""ScheduleExplorer in a real browser: its clock is schedule.py's for any vocabulary."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from flm_edu.schedule import DecodingErrorSchedule
from flm_edu.widgets import ScheduleExplorer
from tests.browser.conftest import get, picture

WIDGET = "document.querySelector('#widget-0').flm"


def test_the_clock_is_pythons_for_any_vocabulary(open_widget: Callable[..., Any]) -> None:
    page = open_widget(ScheduleExplorer())
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    for size in (2, 3, 50, 30_522, 131_072):
        page.evaluate(f"{WIDGET}.model.set('vocab_size', {size})")
        clock = DecodingErrorSchedule(size)
        for name, ours in {"tau": clock.tau(t), "decodingError": clock.decoding_error(t), "t": clock.t(t)}.items():
            theirs = torch.tensor(page.evaluate(f"t => t.map({WIDGET}.currentClock().{name})", t.tolist())).double()
            steep = (clock.dtau_dt(ours) < 1e-2) if name == "t" else torch.zeros(101, dtype=torch.bool)
            assert float((theirs - ours).abs()[~steep].max()) < 1e-5, (size, name)


@pytest.mark.parametrize("size", [2, 1000, 131_072])
def test_tokens_turn_right_as_often_as_the_decoding_error_says(open_widget: Callable[..., Any], size: int) -> None:
    page = open_widget(ScheduleExplorer(vocab_size=size))
    turns = torch.tensor(page.evaluate(f"{WIDGET}.currentClock().turns"), dtype=torch.float64)
    clock = DecodingErrorSchedule(size)
    for tau in (0.2, 0.5, 0.8):
        t = clock.t(torch.tensor(tau, dtype=torch.float64))
        right = 1 - float(clock.decoding_error(t))
        assert abs(float((turns <= t).double().mean()) - right) < 4 * (right * (1 - right) / 64) ** 0.5


def test_mouse_and_keyboard_move_it(open_widget: Callable[..., Any]) -> None:
    page = open_widget(ScheduleExplorer(), width=480, theme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    assert "V = 30,522: four fifths of τ lie in t from 0.7" in page.locator(".flm-readout").inner_text()
    pictures = {picture(page)}
    page.get_by_label("vocabulary size V", exact=True).press("Home")
    assert get(page, "vocab_size") == 2
    pictures.add(picture(page))
    slider = page.get_by_label("τ", exact=True)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    assert get(page, "tau") == pytest.approx(0.9, abs=0.05)
    pictures.add(picture(page))
    assert len(pictures) == 3
