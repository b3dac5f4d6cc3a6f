"""The page of `flm-edu plot --out x.html` in a real browser: it draws from a file, asks for nothing, and answers the mouse."""

from pathlib import Path
from typing import Any

import pytest

from flm_edu.evaluation import Point
from flm_edu.plots import screen
from tests.browser.conftest import Watch, until

POINTS = [
    Point("toy", "data", 0, 100, 0.1, validity=1.0),
    *(Point("FLM", "flow-lm", n, 100, 0.5 * n, validity=v, texts=("a <b> text",)) for n, v in [(1, 0.1), (4, 0.9)]),
    Point("FMLM", "flow-map-lm", 1, 100, 0.5, validity=0.8),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_answers_the_mouse_and_asks_for_nothing(browser: Any, tmp_path: Path, theme: Any) -> None:
    path = screen.write_page(screen.quality_against_steps(POINTS, theme=theme), tmp_path / "new" / "page.html")
    page = browser.new_page(viewport={"width": 480, "height": 600})
    watch = Watch(page, path.as_uri())
    page.goto(path.as_uri())
    until(page, "document.querySelectorAll('#figure .scatterlayer .point').length === 3", seconds=20)
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    offers = page.locator(".modebar-btn").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert offers, "the names of plotly's buttons have moved"
    assert not [offer for offer in offers if offer and ("Share" in offer or "loud" in offer)]
    before = page.screenshot()
    page.locator("#figure .scatterlayer .trace").first.locator(".point").last.hover(force=True)
    until(page, "document.querySelector('#figure .hoverlayer').textContent.includes('steps: 4')")
    assert "valid texts, %: 90" in page.locator("#figure .hoverlayer").inner_html().replace("</tspan>", "")
    assert "a <b> text" in page.locator("#figure .hoverlayer").text_content(), "a text is no markup"
    assert page.screenshot() != before
    page.locator("#figure .legend .legendtoggle").nth(1).click()
    until(page, "document.querySelectorAll('#figure .scatterlayer .point').length === 2", seconds=5)
    page.close()
    assert watch.problems == []
