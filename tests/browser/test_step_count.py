"""StepCountExplorer in a real browser: marks stand where the sweep says, and can be read by mouse and keyboard."""

from collections.abc import Callable
from typing import Any

from flm_edu.tradeoff import Point
from flm_edu.widgets import StepCountExplorer
from tests.browser.conftest import get, picture, put

WIDGET = "document.querySelector('#widget-0').flm"
POINTS = [
    Point("toy", "data", 0, 100, 0.1, validity=1.0, total_variation=0.1, entropy=2.0),
    *(
        Point("FLM", "flow-lm", n, 100, 0.5 * n, validity=v, total_variation=1 - v, entropy=2.0)
        for n, v in [(1, 0.1), (4, 0.9)]
    ),
    *(Point("FMLM", "flow-map-lm", n, 100, 0.5 * n, validity=v, entropy=2.0) for n, v in [(1, 0.8), (4, 1.0)]),
]


def test_mouse_and_keyboard_read_marks(open_widget: Callable[..., Any]) -> None:
    page = open_widget(StepCountExplorer(POINTS, samples={("FMLM", 1): ["a b", "b <c>"]}), width=480)
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    pictures = {picture(page)}
    drawn = page.evaluate(f"{WIDGET}.drawn()")
    assert [index for index, _, _ in drawn] == [1, 2, 3, 4]
    heights = {index: y for index, _, y in drawn}
    assert heights[4] < heights[2] < heights[3] < heights[1], "better is higher"
    assert drawn[0][1] == drawn[2][1] < drawn[1][1]
    page.locator("canvas").click(position={"x": drawn[2][1] + 3, "y": drawn[2][2] - 3})
    assert get(page, "selected") == 3
    pictures.add(picture(page))
    text = page.locator(".flm").inner_text()
    assert "FMLM, 1 step: valid texts 80.0%" in text
    assert "b <c>" in text
    page.locator("canvas").press("ArrowRight")
    assert get(page, "selected") == 4
    page.locator("canvas").press("ArrowRight")
    assert get(page, "selected") == 1, "after the last comes the first"
    pictures.add(picture(page))
    page.get_by_label("quality", exact=True).select_option("total_variation")
    pictures.add(picture(page))
    assert [index for index, _, _ in page.evaluate(f"{WIDGET}.drawn()")] == [1, 2], "FMLM lacks it"
    page.get_by_label("against", exact=True).select_option("seconds")
    pictures.add(picture(page))
    assert len(pictures) == 5


def test_shipped_sweeps_draw_in_every_metric(open_widget: Callable[..., Any]) -> None:
    widget = StepCountExplorer()
    page = open_widget(widget, theme="dark")
    pictures = set()
    for metric in widget.metrics:
        put(page, metric=metric, selected=3)
        pictures.add(picture(page))
    assert len(pictures) == len(widget.metrics) >= 3
