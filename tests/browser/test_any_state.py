"""Any combination of a widget's controls can be drawn: no error reaches the console."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from flm_edu.widgets import SimplexExplorer, three_words
from flm_edu.widgets.base import Choice, Number, Widget
from tests.browser.conftest import put
from tests.conftest import tiny_flow
from tests.test_widgets import MAKERS, adjustable

PAINTED = "document.querySelector('#widget-0').flm.painted"


def any_state(widget: Widget, dice: random.Random) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for name, trait in adjustable(widget).items():
        if isinstance(trait, Number):
            value = dice.choice(
                [trait.low, trait.high, dice.uniform(trait.low, trait.high), min(trait.low + 3, trait.high)]
            )
            state[name] = round(value) if trait.whole else value
        elif isinstance(trait, Choice):
            state[name] = dice.choice(list(trait.options or getattr(widget, trait.options_of)))
        else:
            state[name] = dice.random() < 0.5
    # The player's number of recorded texts is what it is.
    return {name: value for name, value in state.items() if name != "samples"}


def trained_simplex() -> SimplexExplorer:
    return SimplexExplorer(three_words(), trained=tiny_flow(three_words()))


@pytest.mark.parametrize("name", [*MAKERS, "trained"])
def test_any_combination_is_drawn(open_widget: Callable[..., Any], name: str) -> None:
    widget = trained_simplex() if name == "trained" else MAKERS[name]()
    page = open_widget(widget, width=480)
    dice = random.Random(name)
    before = page.evaluate(PAINTED)
    for _ in range(12):
        put(page, **any_state(widget, dice))  # an error would be in the page's console, which open_widget watches
    assert page.evaluate(PAINTED) > before + 6, "a few draws may equal the one before"
