"""StepCountExplorer in a real browser: marks stand where the sweep says, and can be read by mouse and keyboard."""

import csv
from collections.abc import Callable
from typing import Any

import pytest

from flm_edu.evaluation import Point
from flm_edu.files import data_dir
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
    assert "The sweep kept no text" not in text
    page.locator("canvas").press("ArrowRight")
    assert get(page, "selected") == 4
    picture(page)
    assert "The sweep kept no text of it" in page.locator(".flm").inner_text()
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
    assert set(widget.datasets) >= {"sentences", "tales", "sotu"}
    for data in widget.datasets:
        own = [name for name in widget.metrics if any(p["data"] == data and p[name] is not None for p in widget.points)]
        pictures = set()
        for metric in own:
            put(page, data=data, metric=metric, selected=-1)
            pictures.add(picture(page))
        assert len(pictures) == len(own) >= 2, data  # a language too large to list has no total variation


def test_perplexity_is_logarithmic_and_the_papers_figures_are_faint(open_widget: Callable[..., Any]) -> None:
    judged = [
        Point("book", "data", 0, 100, 0.1, entropy=2.0, judge_perplexity=60.0),
        *(
            Point("FMLM", "flow-map-lm", n, 100, 0.5 * n, entropy=2.0, judge_perplexity=p)
            for n, p in [(1, 800), (4, 80)]
        ),
        *(Point("FLM", "flow-lm", n, 100, 0.5 * n, entropy=2.0, judge_perplexity=p) for n, p in [(1, 8000), (4, 80)]),
    ]
    page = open_widget(StepCountExplorer(judged, metric="judge_perplexity"), width=480)
    heights = [y for _, _, y in page.evaluate(f"{WIDGET}.drawn()")]
    assert heights[1] - heights[0] == pytest.approx(heights[0] - heights[2]), "a decade is as high as a decade"
    paper = page.evaluate(f"{WIDGET}.paperMarks()")
    rows = csv.DictReader((data_dir() / "reference" / "openwebtext.csv").open(encoding="utf-8"))
    wanted = [(row["model"], int(row["steps"]), float(row["perplexity"])) for row in rows if int(row["steps"]) <= 4]
    assert [(mark["model"], mark["steps"], mark["judge_perplexity"]) for mark in paper] == wanted
    text = page.locator(".flm-legend").inner_text()
    assert "on OpenWebText, judged by GPT-2 Large: not the same judge or corpus" in text
    pictures = {picture(page)}
    page.get_by_label("the paper's figures", exact=True).press("Space")
    assert get(page, "paper") is False
    pictures.add(picture(page))
    assert "OpenWebText" not in page.locator(".flm-legend").inner_text()
    page.get_by_label("quality", exact=True).select_option("entropy")
    pictures.add(picture(page))
    assert not page.get_by_label("the paper's figures", exact=True).is_visible()
    assert len(pictures) == 3


def test_sweeps_of_several_data_are_kept_apart(open_widget: Callable[..., Any]) -> None:
    """A model of the same name on another language is another point, and each data has its own metrics."""
    other = [
        Point("book", "data", 0, 100, 0.1, entropy=3.0, known_pairs=0.9),
        Point("FLM", "flow-lm", 1, 100, 0.5, entropy=1.0, known_pairs=0.2),
    ]
    page = open_widget(StepCountExplorer([*POINTS, *other]))
    assert [index for index, _, _ in page.evaluate(f"{WIDGET}.drawn()")] == [1, 2, 3, 4]
    before = picture(page)
    page.get_by_label("texts of", exact=True).select_option("book")
    assert picture(page) != before
    assert [index for index, _, _ in page.evaluate(f"{WIDGET}.drawn()")] == [6]
    assert page.evaluate(f"{WIDGET}.metric()") == "known_pairs", "the first that this data has"
    labels = page.get_by_label("quality", exact=True).locator("option").all_inner_texts()
    assert labels == ["known word pairs, %", "entropy, nats"]
