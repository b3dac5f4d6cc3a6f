"""On a phone: no widget, and no part of one, pushes its page wider than the screen."""

from collections.abc import Callable
from typing import Any

import pytest

from flm_edu.evaluation import Point
from flm_edu.language import Language
from flm_edu.widgets import AutomatonExplorer, SimplexExplorer, StepCountExplorer
from flm_edu.widgets.base import Widget
from tests.browser.test_any_state import trained_simplex
from tests.test_widgets import MAKERS

LONG = "a-model-with-a-name-that-someone-found-on-the-hub-and-that-has-no-space-in-it"
MORE: dict[str, Callable[[], Widget]] = {
    "trained": trained_simplex,
    "long names": lambda: StepCountExplorer([Point(LONG, "flow-lm", n, 9, 0.1, validity=0.5) for n in (1, 4)]),
    "long words in an automaton": lambda: AutomatonExplorer(Language.from_sentences([LONG, LONG + "s", "tea"])),
    "long words": lambda: SimplexExplorer(Language.from_sentences([LONG, LONG + "s", "tea"])),
}


@pytest.mark.parametrize("name", [*MAKERS, *MORE])
def test_nothing_scrolls_sideways(open_widget: Callable[..., Any], name: str) -> None:
    widget = {**MAKERS, **MORE}[name]()
    page = open_widget(widget, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
